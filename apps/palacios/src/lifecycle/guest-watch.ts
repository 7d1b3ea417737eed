import type { Machine, StatusRecord } from './ports';

/** After a start the agent is asked often, so that its answer is known soon; a guest without one is left in peace. */
const FIRST_WAIT_MS = 100;
const MAX_WAIT_MS = 60_000;
const GROWTH = 1.5;

/**
 * Keeps `agent` and `ips` of a VM true: asks the guest's agent with growing pauses until all addresses are
 * there, then once a minute.
 */
export class GuestWatch {
  #machine: Machine | undefined;
  /** How many NICs have an address of ours or from DHCP, which the guest should report sooner or later. */
  #expected = 0;
  #timer: NodeJS.Timeout | undefined;
  #wait = FIRST_WAIT_MS;
  #last = '';

  constructor(private readonly report: (seen: Partial<Pick<StatusRecord, 'agent' | 'ips'>>) => void) {}

  /** Of a machine that runs, or runs again. */
  follow(machine: Machine, expected: number): void {
    this.leave();
    this.#machine = machine;
    this.#expected = expected;
    this.#wait = FIRST_WAIT_MS;
    this.#last = '';
    this.#later();
  }

  leave(): void {
    clearTimeout(this.#timer);
    this.#machine = undefined;
  }

  /** Asks now. @returns whether the agent answered with all addresses that are to be expected */
  async ask(): Promise<boolean> {
    const machine = this.#machine;
    if (!machine) return false;
    const ips = await machine.addresses().catch(() => undefined);
    // The machine may have been replaced or paused while its guest thought about the answer.
    if (machine !== this.#machine) return false;
    const seen = ips ? { agent: true, ips } : { agent: false };
    const text = JSON.stringify(seen);
    if (text !== this.#last) {
      this.#last = text;
      this.report(seen);
    }
    return (ips ?? []).filter(addresses => addresses.length > 0).length >= this.#expected && !!ips;
  }

  #later(): void {
    this.#timer = setTimeout(() => void this.#tick(), this.#wait);
    this.#timer.unref();
  }

  async #tick(): Promise<void> {
    const machine = this.#machine;
    const complete = await this.ask();
    if (machine !== this.#machine) return;
    this.#wait = complete ? MAX_WAIT_MS : Math.min(this.#wait * GROWTH, MAX_WAIT_MS);
    this.#later();
  }
}
