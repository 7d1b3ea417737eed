import type { Progress } from '@v3vee/setup';

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

export interface ProgressStream {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

export interface TaskProgress extends Progress {
  /** A line that stays. */
  line(text: string): void;
}

/** One moving line on a terminal; elsewhere a line for each step, or nothing where `quiet`. */
export function createTaskProgress(
  stream: ProgressStream = process.stderr,
  options: { quiet?: boolean } = {},
): TaskProgress {
  if (stream.isTTY) return new Spinner(stream);
  const line = (text: string) => void stream.write(`${text}\n`);
  const silent = () => {};
  return options.quiet
    ? { step: silent, update: silent, done: silent, line }
    : { step: line, update: silent, done: silent, line };
}

const BAR_CELLS = 20;

/** `[██████░░░░]`: a share, 0 … 1. */
export function barOf(share: number): string {
  const cells = Math.round(Math.min(1, Math.max(0, share)) * BAR_CELLS);
  return `[${'█'.repeat(cells)}${'░'.repeat(BAR_CELLS - cells)}]`;
}

class Spinner implements TaskProgress {
  private title = '';
  private detail = '';
  private begin = Date.now();
  private frame = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly stream: ProgressStream) {}

  step(title: string): void {
    this.title = title;
    this.detail = '';
    this.begin = Date.now();
    this.timer ??= setInterval(() => this.draw(), 100).unref();
    this.draw();
  }

  update(text: string): void {
    this.detail = text;
    this.draw();
  }

  line(text: string): void {
    this.stream.write(`\r\x1b[K${text}\n`);
    if (this.timer) this.draw();
  }

  done(): void {
    if (!this.timer) return;
    clearInterval(this.timer);
    this.timer = undefined;
    this.stream.write('\r\x1b[K');
  }

  private draw(): void {
    const seconds = Math.floor((Date.now() - this.begin) / 1000);
    const what = [this.title, this.detail].filter(Boolean).join(': ');
    const text = `${frames[this.frame++ % frames.length]} ${what}${seconds >= 2 ? ` (${seconds} s)` : ''}`;
    // A line that wraps cannot be rewritten by a carriage return.
    this.stream.write(`\r\x1b[K${text.slice(0, Math.max(20, (this.stream.columns || 80) - 1))}`);
  }
}
