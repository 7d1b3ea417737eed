import { Injectable, OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { Config } from '@v3vee/service';
import { EventRepository } from '@v3vee/store';
import { EVENTS_KEPT, EVENTS_KEPT_DAYS } from '@v3vee/contracts';
import { PinoLogger } from 'nestjs-pino';
import { Client } from 'pg';
import type { GatewayConfig } from '../config';

const RETRY_MS = 1_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Tells when the log of events has grown, by Postgres's NOTIFY, and forgets old events. */
@Injectable()
export class EventFeed implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly waiters = new Set<() => void>();
  private client: Client | undefined;
  private retry: NodeJS.Timeout | undefined;
  private sweeper: NodeJS.Timeout | undefined;
  private stopping = false;
  /** Grows with each news. */
  private news = 0;

  constructor(
    private readonly events: EventRepository,
    private readonly log: PinoLogger,
    @Config() private readonly config: GatewayConfig,
  ) {
    log.setContext(EventFeed.name);
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.listen();
    await this.sweep();
    this.sweeper = setInterval(() => void this.sweep(), HOUR_MS).unref();
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopping = true;
    clearTimeout(this.retry);
    clearInterval(this.sweeper);
    this.wake();
    await this.client?.end().catch(() => undefined);
  }

  /** What `grown` goes by: ask before the log is read. */
  get state(): number {
    return this.news;
  }

  /** How many wait for news. */
  get waiting(): number {
    return this.waiters.size;
  }

  /** Resolves when there is news since `state`, when the time is over, or with the signal. */
  async grown(state: number, timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (this.news !== state || signal.aborted || this.stopping) return;
    let done = () => {};
    const over = new Promise<void>(resolve => (done = resolve));
    const timer = setTimeout(done, timeoutMs);
    this.waiters.add(done);
    signal.addEventListener('abort', done);
    await over;
    clearTimeout(timer);
    this.waiters.delete(done);
    signal.removeEventListener('abort', done);
  }

  private wake(): void {
    this.news++;
    for (const wake of this.waiters) wake();
  }

  private async listen(): Promise<void> {
    if (this.stopping) return;
    const client = new Client({ connectionString: this.config.V3_DATABASE_URL });
    let isLost = false;
    const lost = (cause?: Error) => {
      if (isLost) return;
      isLost = true;
      if (this.stopping) return;
      this.log.warn({ err: cause }, 'news of events are missed until the database is back');
      this.retry = setTimeout(() => void this.listen(), RETRY_MS);
    };
    client.on('error', lost);
    client.on('end', () => lost());
    client.on('notification', () => this.wake());
    try {
      await client.connect();
      await client.query('LISTEN v3_event');
      this.client = client;
      // What came meanwhile.
      this.wake();
    } catch (thrown) {
      lost(thrown as Error);
    }
  }

  private async sweep(): Promise<void> {
    const oldest = new Date(Date.now() - EVENTS_KEPT_DAYS * DAY_MS);
    await this.events
      .prune(oldest, EVENTS_KEPT)
      .catch((error: unknown) => this.log.warn({ err: error }, 'old events were not removed'));
  }
}
