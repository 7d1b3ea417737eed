import { randomUUID } from 'node:crypto';
import type { Writable } from 'node:stream';
import type { Bus, Stoppable } from '@v3vee/bus';
import { captureCalls, rawSubjects, V3Error, type CaptureQuery } from '@v3vee/contracts';
import { decodeBatch, nanoseconds } from '@v3vee/overlay';
import { enhancedPacket, interfaceDescription, interfaceStatistics, sectionHeader } from '@v3vee/wire';
import type { CapturePlace } from './capture-points';

/** How often a capture is renewed, its point looked up again, and its statistics written. */
const RENEW_MS = 1_000;
/** What a client may leave unread before packets are left out for it, bytes. */
const MAX_UNREAD = 8 << 20;
const CALL_MS = 3_000;

export interface CaptureStreamOptions {
  bus: Bus;
  query: CaptureQuery;
  out: Writable;
  /** @throws V3Error CAPTURE_POINT_NOT_FOUND when the point is no more */
  locate: () => Promise<CapturePlace>;
  renewMs?: number;
  maxUnread?: number;
}

/**
 * One capture, from the host where its point is to one client, as pcapng.
 *
 * A VM that stops, moves or is started again goes on under the same capture, as does a host that is restarted:
 * nothing comes meanwhile. It ends with the client, or when its point is deleted; the last block then says why.
 * Statistics come each second, so that a client that leaves has them too.
 */
export class CaptureStream {
  /** Resolves when it has ended, for whatever reason. */
  readonly ended: Promise<void>;
  private readonly id = randomUUID();
  private readonly started = nanoseconds();
  private readonly subscription: Stoppable;
  private at: CapturePlace | undefined;
  /** Whether its host knows of it, as far as we know. */
  private isServed = false;
  /** Of the capture that is served now, and of those before it elsewhere. */
  private now = { captured: 0, dropped: 0 };
  private before = { captured: 0, dropped: 0 };
  private delivered = 0;
  private leftOut = 0;
  private timer: NodeJS.Timeout | undefined;
  private isOver = false;
  /** What came before the head of the file was written; undefined from then on. */
  private early: Uint8Array[] | undefined = [];
  private settle = (): void => undefined;

  constructor(private readonly options: CaptureStreamOptions) {
    const { bus, out } = options;
    this.ended = new Promise(resolve => (this.settle = resolve));
    this.subscription = bus.subscribeRaw(rawSubjects.capture(this.id), batch => this.packets(batch));
    out.once('close', () => this.over());
    // There is nobody else to tell.
    out.on('error', () => this.over());
  }

  /**
   * Begins; the first bytes are written when the capture is under way.
   * @throws V3Error when its point is not there, its host does not answer, or the filter is none
   */
  async open(): Promise<void> {
    const { bus, query, locate, out } = this.options;
    try {
      await bus.flush();
      const at = await locate();
      await this.serve(at);
      const { point, filter, snapLength } = query;
      out.write(sectionHeader({ application: 'v3 capture' }));
      out.write(interfaceDescription({ name: point, description: at.description, filter, snapLength }));
    } catch (thrown) {
      this.over();
      throw thrown;
    }
    const early = this.early ?? [];
    this.early = undefined;
    for (const batch of early) this.packets(batch);
    this.later();
  }

  /** Packets that arrived here, delivered or not. */
  get seen(): number {
    return this.delivered + this.leftOut;
  }

  /** Ends it with a reason that its reader finds in the statistics. */
  end(reason: string): void {
    if (this.isOver) return;
    this.statistics(reason);
    this.options.out.end();
    this.over();
  }

  private async serve(at: CapturePlace): Promise<void> {
    const { bus, query } = this.options;
    const { filter, snapLength } = query;
    this.at = at;
    this.before.captured += this.now.captured;
    this.before.dropped += this.now.dropped;
    this.now = { captured: 0, dropped: 0 };
    await bus.call(
      captureCalls.start,
      at.host,
      { id: this.id, place: at.place, filter, snapLength },
      { timeoutMs: CALL_MS },
    );
    this.isServed = true;
    if (this.isOver) this.leave();
  }

  private later(): void {
    if (this.isOver) return;
    this.timer = setTimeout(
      () => void this.renew().finally(() => this.later()),
      this.options.renewMs ?? RENEW_MS,
    );
  }

  private async renew(): Promise<void> {
    let at = this.at as CapturePlace;
    try {
      at = await this.options.locate();
    } catch (thrown) {
      const { code, message } = V3Error.from(thrown);
      if (code === 'CAPTURE_POINT_NOT_FOUND') return this.end(message);
      // The database is away: the point is where it was.
    }
    if (this.isOver) return;
    try {
      if (!isSame(at, this.at)) this.leave();
      if (!this.isServed) await this.serve(at);
      else {
        const { bus } = this.options;
        this.now = await bus.call(captureCalls.renew, at.host, { id: this.id }, { timeoutMs: CALL_MS });
      }
    } catch {
      // Its host was restarted, or is away: the next turn begins anew.
      this.isServed = false;
    }
    if (!this.isOver && !this.isBehind) this.statistics();
  }

  private leave(): void {
    if (!this.at || !this.isServed) return;
    this.isServed = false;
    const { host } = this.at;
    // It ends by itself when this is lost.
    this.options.bus
      .call(captureCalls.stop, host, { id: this.id }, { timeoutMs: CALL_MS })
      .catch(() => undefined);
  }

  private get isBehind(): boolean {
    return this.options.out.writableLength > (this.options.maxUnread ?? MAX_UNREAD);
  }

  private packets(batch: Uint8Array): void {
    if (this.isOver) return;
    if (this.early) return void this.early.push(batch);
    const frames = decodeBatch(batch);
    if (this.isBehind) {
      this.leftOut += frames.length;
      return;
    }
    this.options.out.write(Buffer.concat(frames.map(frame => enhancedPacket({ interfaceId: 0, ...frame }))));
    this.delivered += frames.length;
  }

  private statistics(comment?: string): void {
    const dropped = this.before.dropped + this.now.dropped;
    const time = nanoseconds();
    this.options.out.write(
      interfaceStatistics({
        interfaceId: 0,
        time,
        started: this.started,
        ended: time,
        accepted: dropped + this.leftOut + this.delivered,
        dropped,
        droppedOnTheWay: this.leftOut,
        delivered: this.delivered,
        comment,
      }),
    );
  }

  private over(): void {
    if (this.isOver) return;
    this.isOver = true;
    clearTimeout(this.timer);
    this.subscription.stop();
    this.leave();
    this.settle();
  }
}

function isSame(a: CapturePlace, b: CapturePlace | undefined): boolean {
  return a.host === b?.host && JSON.stringify(a.place) === JSON.stringify(b.place);
}
