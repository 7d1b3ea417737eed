import {
  closeSync,
  copyFileSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

export const MAX_LOG_BYTES = 8 * 1024 * 1024;

/**
 * A service's log. The service writes into the file itself, through a descriptor in append mode: unlike a pipe,
 * that outlives a killed supervisor, and a service that saves its guests must not die of EPIPE meanwhile.
 */
export class LogFile {
  readonly descriptor: number;

  constructor(
    readonly path: string,
    private readonly maxBytes = MAX_LOG_BYTES,
  ) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    this.descriptor = openSync(path, 'a+', 0o600);
  }

  get size(): number {
    return fstatSync(this.descriptor).size;
  }

  /** For what cannot write into the descriptor by itself. */
  write(text: string): void {
    writeSync(this.descriptor, text);
  }

  /** Keeps one older part. Copy and truncate: the writer has the file open; lines in between may be lost. */
  rotateIfLarge(): boolean {
    if (this.size <= this.maxBytes) return false;
    copyFileSync(this.path, `${this.path}.1`);
    ftruncateSync(this.descriptor, 0);
    return true;
  }

  /** What was written from byte `offset` on, at most the last 16 KiB of it. */
  readFrom(offset: number): string {
    const { size } = this;
    const from = Math.max(Math.min(offset, size), size - 16_384);
    const buffer = Buffer.alloc(size - from);
    const length = readSync(this.descriptor, buffer, 0, buffer.length, from);
    return buffer.toString('utf8', 0, length);
  }

  close(): void {
    closeSync(this.descriptor);
  }
}

/** The line that most probably says why a service ended: its last error, else its last line. */
export function lastWords(log: string): string {
  const lines = log.split('\n').filter(line => line.trim() !== '');
  const parsed = lines.map(parseLine);
  const error =
    parsed.findLast(line => line.level >= 50) ?? parsed.findLast(line => /^\w*Error\b.*:/.test(line.text));
  return (error ?? parsed.at(-1))?.text.slice(0, 500) ?? '';
}

function parseLine(line: string): { level: number; text: string } {
  try {
    const entry = JSON.parse(line) as { level?: unknown; msg?: unknown; err?: { message?: unknown } };
    const text = [entry.msg, entry.err?.message].filter(part => typeof part === 'string').join(': ');
    return { level: typeof entry.level === 'number' ? entry.level : 0, text: text || line };
  } catch {
    return { level: 0, text: line };
  }
}
