/** A guest's root shell on its serial console, driven by text alone: works on any engine. */
export class SerialShell {
  private output = '';
  private waiting: (() => void) | undefined;
  private count = 0;

  constructor(private readonly type: (text: string) => void) {}

  heard(data: Uint8Array): void {
    this.output += new TextDecoder('latin1').decode(data);
    this.waiting?.();
  }

  /** Resolves when the shell answers; asks again until then, because input before it listens is lost. */
  async ready(signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const answered = this.run('true');
      const late = new Promise<'late'>(resolve => setTimeout(resolve, 2_000, 'late'));
      if ((await Promise.race([answered, late])) !== 'late') return;
    }
  }

  /** What the command printed, its lines ended by a newline alone. In the background: `(command &)`. */
  async run(command: string): Promise<string> {
    const id = ++this.count;
    const [begin, end] = [`begin-of-${id}`, `\nend-of-${id}`];
    this.output = '';
    // The echo of what we type, however the line editor wraps it, has the quotes in it; only what the commands
    // print has the marks whole.
    this.type(`echo "begin-"of-${id}; ${command}; echo; echo "end-"of-${id}\n`);
    for (;;) {
      const from = this.output.indexOf(begin);
      const to = this.output.indexOf(end, from);
      if (from >= 0 && to >= 0) return clean(this.output.slice(from + begin.length, to));
      await new Promise<void>(resolve => (this.waiting = resolve));
    }
  }
}

/** The terminal ends lines by carriage return and newline. */
const clean = (text: string): string => text.replaceAll('\r', '').trim();
