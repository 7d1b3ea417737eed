import type { DataSource } from 'typeorm';

/** More than these are not kept: keys come from outside. */
const MAX_KEPT = 256;
const MAX_ROWS = 5_000;

/**
 * Rows that were read, kept for as long as nobody has written anything: never stale. Each reading asks Postgres first for
 * its snapshot (`pg_current_snapshot()`, as text: which transactions are seen), which costs a small part of reading a list.
 * Two snapshots of one server that are the same see the same rows, and so does all that was read between them. That holds
 * on a primary; a standby's snapshots do not say what still runs, and nothing here may read from one.
 */
export class ReadCache {
  private snapshot = '';
  private readonly kept = new Map<string, Promise<readonly unknown[]>>();
  private rows = 0;
  private asking: Promise<string> | undefined;
  private next: Promise<string> | undefined;

  constructor(private readonly dataSource: DataSource) {}

  /**
   * As `read` gives it, now or before.
   * @param key that says what is read, whole
   * @param read only reads the store; what it gives is shared, so it is frozen
   * @throws what `read` throws, and Postgres's errors
   */
  async get<T>(key: string, read: () => Promise<readonly T[]>): Promise<readonly T[]> {
    const snapshot = await this.current();
    if (snapshot !== this.snapshot || this.kept.size >= MAX_KEPT) {
      this.forget();
      this.snapshot = snapshot;
    }
    const before = this.kept.get(key) as Promise<readonly T[]> | undefined;
    if (before) return before;
    const reading = read().then(deepFreeze);
    this.kept.set(key, reading);
    reading.then(
      ({ length }) => {
        if (this.kept.get(key) !== reading) return;
        this.rows += length;
        if (this.rows > MAX_ROWS) this.forget();
      },
      // Whoever asks next tries anew.
      () => this.kept.get(key) === reading && this.kept.delete(key),
    );
    return reading;
  }

  private forget(): void {
    this.kept.clear();
    this.rows = 0;
  }

  /** A snapshot that is taken after this was called. Those who come while one is under way share the next. */
  private current(): Promise<string> {
    if (this.next) return this.next;
    if (!this.asking) return this.ask();
    this.next = this.asking.then(
      () => this.ask(),
      () => this.ask(),
    );
    return this.next;
  }

  private ask(): Promise<string> {
    this.next = undefined;
    const asking = this.dataSource
      .query<[{ snapshot: string }]>(
        // Of this run of the server: one that was put back to an earlier state numbers its transactions again.
        `SELECT pg_current_snapshot() || ' ' || pg_postmaster_start_time() AS snapshot`,
      )
      .then(([{ snapshot }]) => snapshot)
      .finally(() => {
        if (this.asking === asking) this.asking = undefined;
      });
    this.asking = asking;
    return asking;
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const each of value instanceof Map ? value.values() : Object.values(value)) deepFreeze(each);
  return Object.freeze(value);
}
