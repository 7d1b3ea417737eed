import type { Event, EventKind } from '@v3vee/contracts';
import { ApiError } from './problem';

export interface EventFilter {
  kind?: EventKind;
  vm?: string;
}

export interface EventSource {
  /** The latest, newest first. @throws ApiError */
  list(filter: EventFilter & { pageSize: number }, signal: AbortSignal): Promise<{ items: Event[] }>;
  /** Those after a place in the log, as they come. @throws ApiError */
  watch(after: string, signal: AbortSignal): AsyncIterable<Event>;
}

export interface EventSight {
  /** Newest first; undefined: not heard of yet. */
  events: readonly Event[] | undefined;
  link: 'connecting' | 'live' | 'lost';
  error: ApiError | undefined;
}

/** How many are shown at most. */
export const EVENTS_SHOWN = 500;
const RETRY_MS = 1_000;

/** The event log's end, followed; after a lost connection it goes on where it was. */
export class EventLog {
  private sight: EventSight = { events: undefined, link: 'connecting', error: undefined };
  private readonly listeners = new Set<() => void>();
  private readonly stopping = new AbortController();
  /** Where in the log the watch is; undefined: nowhere yet. */
  private place: string | undefined;

  constructor(
    private readonly source: EventSource,
    private readonly filter: EventFilter,
    private readonly retryMs = RETRY_MS,
  ) {}

  readonly getSight = (): EventSight => this.sight;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  stop(): void {
    this.stopping.abort();
  }

  /** Until it is stopped. */
  async follow(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      try {
        this.place ??= await this.begin(signal);
        this.show({ link: 'live', error: undefined });
        for await (const event of this.source.watch(this.place, signal)) this.take(event);
        this.show({ link: 'lost' });
      } catch (thrown) {
        const error = ApiError.from(thrown);
        // The log was cut off meanwhile: what is missed can't be told, what is there now can.
        if (error.code === 'RESOURCE_VERSION_TOO_OLD') this.place = undefined;
        this.show({ link: 'lost', error });
      }
      if (!signal.aborted) await new Promise(resolve => setTimeout(resolve, this.retryMs));
    }
  }

  /** The place is looked up first: what happens meanwhile is in the list, the watch, or both. */
  private async begin(signal: AbortSignal): Promise<string> {
    const latest = await this.source.list({ pageSize: 1 }, signal);
    const { items } = await this.source.list({ ...this.filter, pageSize: EVENTS_SHOWN }, signal);
    this.show({ events: items });
    return latest.items[0]?.resourceVersion ?? '0';
  }

  private take(event: Event): void {
    this.place = event.resourceVersion;
    const { kind, vm } = this.filter;
    if ((kind !== undefined && event.kind !== kind) || (vm !== undefined && event.vm !== vm)) return;
    const events = this.sight.events ?? [];
    if (events.some(({ resourceVersion }) => resourceVersion === event.resourceVersion)) return;
    this.show({ events: [event, ...events].slice(0, EVENTS_SHOWN) });
  }

  private show(change: Partial<EventSight>): void {
    if (this.stopping.signal.aborted) return;
    this.sight = { ...this.sight, ...change };
    for (const listener of this.listeners) listener();
  }
}
