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

  /** What the command printed. */
  async run(command: string): Promise<string> {
    const mark = `end-of-${++this.count}`;
    this.output = '';
    // The echo of what we type has the quotes in it; only the command's own output has the mark whole.
    this.type(`${command}; echo "end-"of-${this.count}\n`);
    const found = () => this.output.indexOf(`\n${mark}`);
    while (found() < 0) await new Promise<void>(resolve => (this.waiting = resolve));
    return this.output.slice(this.output.indexOf('\n') + 1, found());
  }
}
