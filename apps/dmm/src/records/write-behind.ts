export interface WriteBehindOptions {
  /** Writes what is pending; what it could not write is to stay pending. */
  write: () => Promise<void>;
  isPending: () => boolean;
  /** Between the end of a writing and the next, also after one that failed, ms. */
  everyMs: number;
  onFailure: (thrown: unknown) => void;
}

/** What the last writing may take at the end: a database that hangs must not keep the service from stopping, ms. */
const LAST_WRITE_MS = 5_000;

/** Has things written down, at once but not too often, while their owner goes on: nothing waits for the database. */
export class WriteBehind {
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> | undefined;
  private writtenAt = -Infinity;
  private isClosed = false;

  constructor(private readonly options: WriteBehindOptions) {}

  /** Something is pending. */
  wake(): void {
    if (this.timer || this.writing || this.isClosed) return;
    const delay = Math.max(0, this.writtenAt + this.options.everyMs - performance.now());
    this.timer = setTimeout(() => {
      this.timer = undefined;
      void this.write();
    }, delay);
    this.timer.unref();
  }

  /** Writes what is pending a last time. */
  async close(): Promise<void> {
    this.isClosed = true;
    clearTimeout(this.timer);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>(resolve => (timer = setTimeout(resolve, LAST_WRITE_MS)));
    const last = async () => {
      await this.writing;
      if (this.options.isPending()) await this.write();
    };
    await Promise.race([last(), late]);
    clearTimeout(timer);
  }

  private async write(): Promise<void> {
    const { write, isPending, onFailure } = this.options;
    this.writing = write().catch(onFailure);
    await this.writing;
    this.writing = undefined;
    this.writtenAt = performance.now();
    if (isPending()) this.wake();
  }
}

/** Whether a row was refused for good, so that to try again is in vain; else the database is away or full. */
export function isRefused(thrown: unknown): boolean {
  const code = (thrown as { code?: unknown } | null)?.code;
  return code !== 'SERVICE_UNAVAILABLE' && code !== 'STORAGE_FULL';
}
