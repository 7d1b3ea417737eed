import { openLoop, type Load, type Pace } from './open-loop';

const KEYS = 'abcdefghijklmnopqrstuvwxyz';
/** Ends what runs in the foreground (the tty's VINTR). */
const INTERRUPT = '\x03';

/** A guest's serial console: what is typed into it, and what comes out of it. */
export interface SerialLine {
  write(text: string): void;
  /** From now on. */
  onOutput(heard: (bytes: Uint8Array) => void): void;
}

/**
 * Types at a shell's terminal and waits for the echo of each key, which is the guest's kernel's (its tty), while `cat`
 * swallows the keys.
 */
export class EchoTest {
  private output = '';
  private wake: (() => void) | undefined;
  /** Keys that were not echoed yet, oldest first, once keys are typed. */
  private waiting: { key: string; heard(): void; wrong(error: Error): void }[] | undefined;
  private count = 0;

  constructor(private readonly line: SerialLine) {
    line.onOutput(bytes => this.heard(bytes));
  }

  /** @returns from when each key was to be typed until its echo came */
  async run(pace: Pace, signal?: AbortSignal): Promise<Load> {
    await this.begin(signal);
    this.waiting = [];
    try {
      return await openLoop(index => this.type(KEYS[index % KEYS.length] as string), pace, signal);
    } finally {
      this.waiting = undefined;
      this.line.write(INTERRUPT);
    }
  }

  private type(key: string): Promise<void> {
    return new Promise((heard, wrong) => {
      this.waiting?.push({ key, heard, wrong });
      this.line.write(key);
    });
  }

  /** Until the shell has said that it goes on to `cat`; asked again, for input before it listens is lost. */
  private async begin(signal?: AbortSignal): Promise<void> {
    for (;;) {
      signal?.throwIfAborted();
      const mark = `ready-${++this.count}`;
      this.output = '';
      this.line.write(`${INTERRUPT}\n`);
      // What we type is echoed too, with the quotes in it.
      this.line.write(`echo "rea"dy-${this.count}; cat >/dev/null\n`);
      const end = performance.now() + 3_000;
      while (performance.now() < end) {
        if (this.output.includes(`${mark}\r\n`)) return;
        await new Promise<void>(resolve => {
          this.wake = resolve;
          setTimeout(resolve, 200);
        });
      }
    }
  }

  private heard(bytes: Uint8Array): void {
    const text = Buffer.from(bytes).toString('latin1');
    if (!this.waiting) {
      this.output += text;
      this.wake?.();
      return;
    }
    for (const echo of text) {
      const next = this.waiting.shift();
      if (next?.key === echo) next.heard();
      else next?.wrong(new Error(`the echo of "${next.key}" is ${JSON.stringify(echo)}`));
    }
  }
}
