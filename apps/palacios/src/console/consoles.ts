import type { Bus, Stoppable } from '@v3vee/bus';
import { InputQuota, rawSubjects } from '@v3vee/contracts';
import { Scrollback } from './scrollback';

export const SCROLLBACK_BYTES = 64 * 1024;

/** The serial line of one machine. */
export interface SerialLine {
  write(bytes: Uint8Array): void;
  onOutput(listener: (bytes: Uint8Array) => void): () => void;
}

interface Console {
  scrollback: Scrollback;
  quota: InputQuota;
  unplug: () => void;
}

/**
 * The VMs' serial consoles on the bus: output is published as it comes and the last of it kept, across resets;
 * input goes to the machine that is plugged in.
 */
export class Consoles {
  readonly #consoles = new Map<string, Console>();

  constructor(
    private readonly bus: Pick<Bus, 'publishRaw' | 'subscribeRaw'>,
    private readonly host: string,
  ) {}

  /** @returns how to unplug it */
  plug(vmId: string, line: SerialLine): () => void {
    const console = this.#of(vmId);
    console.unplug();
    const subject = rawSubjects.consoleOut(this.host, vmId);
    const silence = line.onOutput(bytes => {
      console.scrollback.push(bytes);
      this.bus.publishRaw(subject, bytes);
    });
    const input: Stoppable = this.bus.subscribeRaw(rawSubjects.consoleIn(this.host, vmId), bytes => {
      const accepted = console.quota.accept(bytes.length);
      if (accepted > 0) line.write(bytes.subarray(0, accepted));
    });
    const unplug = () => {
      silence();
      input.stop();
    };
    console.unplug = unplug;
    return unplug;
  }

  /** At most `SCROLLBACK_BYTES`. */
  scrollback(vmId: string): Uint8Array {
    return this.#consoles.get(vmId)?.scrollback.bytes() ?? new Uint8Array();
  }

  /** Bytes of input that were dropped because they came faster than any serial line. */
  droppedInput(vmId: string): number {
    return this.#consoles.get(vmId)?.quota.dropped ?? 0;
  }

  forget(vmId: string): void {
    this.#consoles.get(vmId)?.unplug();
    this.#consoles.delete(vmId);
  }

  #of(vmId: string): Console {
    let console = this.#consoles.get(vmId);
    if (!console) {
      const quota = new InputQuota();
      console = { scrollback: new Scrollback(SCROLLBACK_BYTES), quota, unplug: () => undefined };
      this.#consoles.set(vmId, console);
    }
    return console;
  }
}
