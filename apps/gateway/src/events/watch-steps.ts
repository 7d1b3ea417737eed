import { Injectable } from '@nestjs/common';
import { EventRepository } from '@v3vee/store';
import { jsonLines } from '../streams/client-stream';
import { EventFeed } from './event-feed';
import type { Watchable } from './watch-stream';

/** How many events are read at a time. */
const BATCH = 100;
/** For so long what was read for one watch is good for others, unless there is news, ms. */
const GOOD_MS = 1_000;
/** How many steps are kept: of readers who are behind each has a place of its own. */
const KEPT = 64;

/** What comes next in a watch. */
export interface WatchStep {
  /** Up to where the log was read. */
  place: string;
  /** As JSON. */
  lines: readonly string[];
}

/** Reads the log for watches. Those that are at the same place of the same list share what was read, and its text. */
@Injectable()
export class WatchSteps {
  private steps = new Map<string, Promise<WatchStep>>();
  private news = 0;
  private readAt = -Infinity;

  constructor(
    private readonly events: EventRepository,
    private readonly feed: EventFeed,
  ) {}

  /**
   * All that could be seen at the last news is in it, or in the steps after it.
   * @param project only what is of it, and what is everybody's; null: all
   * @throws V3Error RESOURCE_VERSION_TOO_OLD, INVALID_REQUEST
   */
  after(place: string, watched: Watchable, project: string | null): Promise<WatchStep> {
    const now = performance.now();
    if (this.feed.state !== this.news || now - this.readAt > GOOD_MS) {
      this.steps = new Map();
      this.news = this.feed.state;
      this.readAt = now;
    }
    const { steps } = this;
    const key = JSON.stringify([watched.kind, project, place]);
    const known = steps.get(key);
    if (known) return known;
    const step = this.read(place, watched, project);
    if (steps.size < KEPT) steps.set(key, step);
    // Whoever tries again is to have a new answer.
    step.catch(() => steps.delete(key));
    return step;
  }

  private async read(place: string, watched: Watchable, project: string | null): Promise<WatchStep> {
    const latest = await this.events.latest();
    const found = await this.events.after(place, { kind: watched.kind, project, limit: BATCH });
    const last = found.at(-1);
    if (last) return { place: last.id, lines: (await watched.lines(found)).map(line => jsonLines([line])) };
    // Events of other kinds count as seen: the log can't have grown before `latest` since.
    return { place: BigInt(latest) > BigInt(place) ? latest : place, lines: [] };
  }
}
