import type { Migration } from '@v3vee/contracts';
import { ApiError } from '../api/problem';

export interface MigrationSource {
  /** As it is now, then at each change. */
  watch(id: string, signal: AbortSignal): AsyncIterable<Migration>;
  get(id: string): Promise<Migration>;
}

const AGAIN_MS = 1_000;

/** Migrations that were begun here, as they go on; also over a restart of the gateway. */
export class MigrationTracker {
  private list: readonly Migration[] = [];
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly source: MigrationSource,
    private readonly againMs = AGAIN_MS,
  ) {}

  readonly get = (): readonly Migration[] => this.list;
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Resolves with its end. @throws ApiError when it can't be followed any more */
  async follow(id: string): Promise<Migration> {
    const stop = new AbortController();
    for (;;) {
      try {
        for await (const migration of this.source.watch(id, stop.signal)) {
          this.put(migration);
          if (migration.endedAt !== null) return migration;
        }
        const now = await this.source.get(id);
        this.put(now);
        if (now.endedAt !== null) return now;
      } catch (thrown) {
        const error = ApiError.from(thrown);
        if (error.code !== 'UNREACHABLE' && error.code !== 'SERVICE_UNAVAILABLE') throw error;
      }
      await new Promise(resolve => setTimeout(resolve, this.againMs));
    }
  }

  dismiss(id: string): void {
    this.set(this.list.filter(migration => migration.id !== id));
  }

  private put(migration: Migration): void {
    const isKnown = this.list.some(({ id }) => id === migration.id);
    this.set(
      isKnown ? this.list.map(old => (old.id === migration.id ? migration : old)) : [...this.list, migration],
    );
  }

  private set(list: readonly Migration[]): void {
    this.list = list;
    for (const listener of this.listeners) listener();
  }
}
