import type { Writable } from 'node:stream';
import type { EventRepository, EventEntity } from '@v3vee/store';
import type { EventKind } from '@v3vee/contracts';
import { jsonLines } from '../streams/client-stream';
import type { EventFeed } from './event-feed';
import type { WatchSteps } from './watch-steps';

/** After so long without a change its reader is told how far the watch has come, ms. */
const BOOKMARK_MS = 15_000;

export interface Watchable {
  /** None: all kinds. */
  kind?: EventKind;
  /** What is there now, as lines. */
  present(place: string): Promise<object[]>;
  /** What events are to its reader, as lines; the last of them goes on at `place`. */
  lines(events: EventEntity[]): Promise<object[]>;
  bookmark(place: string): object | undefined;
}

export interface WatchStreamOptions {
  out: Writable;
  events: EventRepository;
  feed: EventFeed;
  steps: WatchSteps;
  watched: Watchable;
  /** Only what is of it, and what is everybody's; null: all. */
  project: string | null;
  /** Where it goes on in the log; none: first what is there now. */
  after: string | undefined;
  bookmarkMs?: number;
}

/**
 * A watch: the log read as fast as its client reads, so that a slow one costs no memory and misses nothing. One that
 * stays behind until the log is forgotten is ended.
 */
export class WatchStream {
  readonly ended: Promise<void>;
  private readonly stopping = new AbortController();
  private settle = (): void => undefined;
  private place = '0';

  constructor(private readonly options: WatchStreamOptions) {
    this.ended = new Promise(resolve => (this.settle = resolve));
    options.out.once('close', () => this.stopping.abort());
    options.out.on('error', () => this.stopping.abort());
  }

  /** @throws V3Error RESOURCE_VERSION_TOO_OLD, INVALID_REQUEST: then nothing was written */
  async open(): Promise<void> {
    const { events, watched, after } = this.options;
    try {
      this.place = after ?? (await events.latest());
      const first = after === undefined ? textOf(await watched.present(this.place)) : await this.next();
      void this.go(first);
    } catch (thrown) {
      this.settle();
      throw thrown;
    }
  }

  /** Its reader goes on from the last line's resourceVersion, at whoever comes next. */
  end(): void {
    this.stopping.abort();
  }

  private async go(first: readonly string[]): Promise<void> {
    const { out, feed, watched, bookmarkMs = BOOKMARK_MS } = this.options;
    const { signal } = this.stopping;
    try {
      await this.write(first);
      let quietSince = performance.now();
      while (!signal.aborted) {
        const { state } = feed;
        const lines = await this.next();
        await this.write(lines);
        if (lines.length > 0) quietSince = performance.now();
        else if (performance.now() - quietSince >= bookmarkMs) {
          quietSince = performance.now();
          const bookmark = watched.bookmark(this.place);
          if (bookmark) await this.write(textOf([bookmark]));
        } else await feed.grown(state, bookmarkMs, signal);
      }
    } catch {
      // Behind the log, or the database is away: either way it is tried again from the last line's place.
    }
    out.end();
    this.settle();
  }

  private async next(): Promise<readonly string[]> {
    const { steps, watched, project } = this.options;
    const { place, lines } = await steps.after(this.place, watched, project);
    this.place = place;
    return lines;
  }

  /** Line by line, so that what waits for a slow reader is what a stream's buffer has, and one line. */
  private async write(lines: readonly string[]): Promise<void> {
    for (const line of lines) {
      if (this.stopping.signal.aborted) return;
      if (!this.options.out.write(line)) await this.drained();
    }
  }

  private drained(): Promise<void> {
    const { out } = this.options;
    const { signal } = this.stopping;
    return new Promise(resolve => {
      const over = () => {
        out.off('drain', over);
        signal.removeEventListener('abort', over);
        resolve();
      };
      out.once('drain', over);
      signal.addEventListener('abort', over);
    });
  }
}

const textOf = (lines: readonly object[]) => lines.map(line => jsonLines([line]));
