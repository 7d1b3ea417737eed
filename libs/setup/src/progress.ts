/** Tells a person what the set-up is doing. Goes to stderr: stdout belongs to the command's own output. */
export interface Progress {
  /** A new step begins; the step before it is finished. */
  step(title: string): void;
  /** Detail of the current step ("12 of 40 MB"). */
  update(text: string): void;
  /** Everything is finished. */
  done(): void;
}

export interface ProgressStream {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

export const silentProgress: Progress = { step: () => {}, update: () => {}, done: () => {} };

/** One rewritten line on a terminal, one line per step elsewhere (logs, CI). */
export function createProgress(stream: ProgressStream = process.stderr): Progress {
  return stream.isTTY ? new TerminalProgress(stream) : new LineProgress(stream);
}

class TerminalProgress implements Progress {
  private title = '';

  constructor(private readonly stream: ProgressStream) {}

  step(title: string): void {
    this.title = title;
    this.draw(title);
  }

  update(text: string): void {
    this.draw(this.title ? `${this.title}: ${text}` : text);
  }

  done(): void {
    this.stream.write('\r\x1b[K');
  }

  private draw(text: string): void {
    // A line that wraps cannot be rewritten by a carriage return.
    const width = Math.max(10, (this.stream.columns ?? 80) - 1);
    const line = text.length > width ? `${text.slice(0, width - 1)}…` : text;
    this.stream.write(`\r\x1b[K${line}`);
  }
}

/** Details are left out: a log wants what happened, not how far it was. */
class LineProgress implements Progress {
  constructor(private readonly stream: ProgressStream) {}

  step(title: string): void {
    this.stream.write(`${title}\n`);
  }

  update(): void {}

  done(): void {}
}
