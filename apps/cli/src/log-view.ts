import { open, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { formatLogLine, parseLogLine } from './log-line';

const POLL_MS = 200;
const MAX_PREFIX = 18;
const MAX_READ = 1024 * 1024;

/**
 * Shows lines of the services' logs as they are written, the service's name before each. By default only those that
 * a person should see: warnings and errors, and what is no log entry at all (a crash).
 */
export class LogView {
  private readonly files = new Map<string, LogReader>();
  private timer: NodeJS.Timeout | undefined;
  private reading: Promise<void> | undefined;

  constructor(
    private readonly folder: string,
    private readonly show: (line: string) => void,
    private readonly important = (level: number) => level >= 40,
  ) {}

  /** From now on: what is in the logs already belongs to an earlier run, or to the start. */
  async follow(): Promise<void> {
    for (const reader of await this.readers()) await reader.skipToEnd();
    this.timer = setInterval(() => {
      this.reading ??= this.look().finally(() => (this.reading = undefined));
    }, POLL_MS);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async look(): Promise<void> {
    for (const reader of await this.readers()) {
      for (const line of await reader.read()) {
        const parsed = parseLogLine(line);
        if (this.important(parsed.level))
          this.show(`${reader.name.padEnd(MAX_PREFIX)} ${formatLogLine(parsed)}`);
      }
    }
  }

  private async readers(): Promise<LogReader[]> {
    // The supervisor's own log repeats what it tells us directly.
    const names = (await readdir(this.folder).catch(() => [])).filter(
      name => name.endsWith('.log') && !name.startsWith('supervisor'),
    );
    return names.map(name => {
      const path = join(this.folder, name);
      const reader = this.files.get(path) ?? new LogReader(path);
      this.files.set(path, reader);
      return reader;
    });
  }
}

/** Reads the lines that were added to a log since the last time; begins anew when it was rotated. */
export class LogReader {
  readonly name: string;
  private offset = 0;

  constructor(private readonly path: string) {
    this.name = basename(path, '.log');
  }

  async skipToEnd(): Promise<void> {
    this.offset = (await stat(this.path)).size;
  }

  async read(): Promise<string[]> {
    const handle = await open(this.path, 'r').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined; // between its first line and now it was removed
      throw error;
    });
    if (!handle) return [];
    try {
      const { size } = await handle.stat();
      if (size < this.offset) this.offset = 0;
      const buffer = Buffer.alloc(Math.min(size - this.offset, MAX_READ));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, this.offset);
      // A line that is still being written waits for its end, unless it is longer than any of ours.
      const end = buffer.subarray(0, bytesRead).lastIndexOf(10) + 1;
      const usable = end === 0 && bytesRead === MAX_READ ? bytesRead : end;
      this.offset += usable;
      return usable ? buffer.toString('utf8', 0, usable).replace(/\n$/, '').split('\n') : [];
    } finally {
      await handle.close();
    }
  }
}
