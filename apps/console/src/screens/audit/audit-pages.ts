import type { AuditEntry, List } from '@v3vee/contracts';
import { ApiError } from '../../api/problem';

export interface AuditSight {
  /** Newest first; undefined: nothing was heard yet. */
  entries: readonly AuditEntry[] | undefined;
  /** There are older ones. */
  hasMore: boolean;
  isAsking: boolean;
  error: ApiError | undefined;
}

/** Pages that are read to get from the newest entry back to those that are known; with more between, it begins anew. */
const MOST_CATCHING_UP = 5;

/**
 * Entries of the audit log that fit one filter: the newest are looked for again and again, older ones are asked for page
 * by page. Entries are never changed, and numbered as they were written.
 */
export class AuditPages {
  private sight: AuditSight = { entries: undefined, hasMore: false, isAsking: false, error: undefined };
  /** Where the older ones go on; empty: there are none. */
  private next = '';
  private readonly listeners = new Set<() => void>();
  private readonly stopping = new AbortController();

  constructor(
    private readonly ask: (pageToken: string | undefined, signal: AbortSignal) => Promise<List<AuditEntry>>,
  ) {}

  readonly getSight = (): AuditSight => this.sight;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  stop(): void {
    this.stopping.abort();
  }

  /** What is new. */
  look(): Promise<void> {
    return this.asking(async signal => {
      const known = this.sight.entries ?? [];
      const newest = known[0]?.id ?? 0;
      const fresh: AuditEntry[] = [];
      let token: string | undefined;
      for (let pages = 0; pages < MOST_CATCHING_UP; pages++) {
        const page = await this.ask(token, signal);
        fresh.push(...page.items.filter(({ id }) => id > newest));
        const isReached = known.length > 0 && page.items.some(({ id }) => id <= newest);
        if (isReached) return { entries: [...fresh, ...known] };
        token = page.nextPageToken;
        // At the first look a page is enough.
        if (token === '' || known.length === 0) break;
      }
      this.next = token ?? '';
      return { entries: fresh.length > 0 || known.length === 0 ? fresh : known };
    });
  }

  /** The next older ones. */
  more(): Promise<void> {
    return this.asking(async signal => {
      const { items, nextPageToken } = await this.ask(this.next, signal);
      this.next = nextPageToken;
      return { entries: [...(this.sight.entries ?? []), ...items] };
    });
  }

  /** One at a time: what came in between would be twice, or missing. */
  private async asking(work: (signal: AbortSignal) => Promise<Pick<AuditSight, 'entries'>>): Promise<void> {
    const { signal } = this.stopping;
    if (this.sight.isAsking || signal.aborted) return;
    this.set({ isAsking: true });
    try {
      const found = await work(signal);
      if (!signal.aborted) this.set({ ...found, hasMore: this.next !== '', error: undefined });
    } catch (thrown) {
      if (!signal.aborted) this.set({ error: ApiError.from(thrown) });
    }
    if (!signal.aborted) this.set({ isAsking: false });
  }

  private set(change: Partial<AuditSight>): void {
    this.sight = { ...this.sight, ...change };
    for (const listener of this.listeners) listener();
  }
}
