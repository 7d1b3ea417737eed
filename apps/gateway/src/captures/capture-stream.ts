import { randomUUID } from 'node:crypto';
import type { Bus } from '@v3vee/bus';
import { AIR_HOST, captureCalls, rawSubjects, type CaptureQuery } from '@v3vee/contracts';
import { decodeBatch, nanoseconds, type CapturedFrame } from '@v3vee/overlay';
import {
  enhancedPacket,
  interfaceDescription,
  interfaceStatistics,
  RADIOTAP_LINK_TYPE,
  sectionHeader,
} from '@v3vee/wire';
import { ClientStream, type ClientStreamOptions } from '../streams/client-stream';
import { answered } from '../wifi/wifi-client';
import type { CapturePlace } from './capture-points';

/** How often a capture is renewed, its point looked up again, and its statistics written. */
const RENEW_MS = 1_000;
const CALL_MS = 3_000;

export interface CaptureStreamOptions extends ClientStreamOptions {
  bus: Bus;
  query: CaptureQuery;
  /** @throws V3Error CAPTURE_POINT_NOT_FOUND when the point is no more */
  locate: () => Promise<CapturePlace>;
}

/**
 * One capture, from the host where its point is to one client, as pcapng.
 *
 * A VM that stops, moves or is started again goes on under the same capture, as does a host that is restarted:
 * nothing comes meanwhile. It ends with the client, or when its point is deleted; the last block then says why.
 * Statistics come each second, so that a client that leaves has them too.
 */
export class CaptureStream extends ClientStream<Uint8Array, CapturedFrame> {
  private readonly started = nanoseconds();
  private readonly id: string;
  private at: CapturePlace | undefined;
  /** Whether its host knows of it, as far as we know. */
  private isServed = false;
  /** Of the capture that is served now, and of those before it elsewhere. */
  private now = { captured: 0, dropped: 0 };
  private before = { captured: 0, dropped: 0 };

  constructor(private readonly options: CaptureStreamOptions) {
    const id = randomUUID();
    const subject = rawSubjects.capture('*', id);
    super({ renewMs: RENEW_MS, ...options }, take => options.bus.subscribeRaw(subject, take));
    this.id = id;
  }

  protected async begin(): Promise<void> {
    const { bus, query, locate } = this.options;
    await bus.flush();
    const at = await locate();
    await this.serve(at);
    const { point, filter, snapLength } = query;
    this.out.write(sectionHeader({ application: 'v3 capture' }));
    const linkType = at.host === AIR_HOST ? RADIOTAP_LINK_TYPE : undefined;
    const { description } = at;
    this.out.write(interfaceDescription({ name: point, linkType, description, filter, snapLength }));
  }

  protected decode(batch: Uint8Array): (CapturedFrame | undefined)[] {
    try {
      return decodeBatch(batch);
    } catch {
      return [undefined];
    }
  }

  protected encode(frames: CapturedFrame[]): Uint8Array {
    return Buffer.concat(frames.map(frame => enhancedPacket({ interfaceId: 0, ...frame })));
  }

  protected farewell(reason: string): void {
    this.statistics(reason);
  }

  protected override async renew(): Promise<void> {
    const { locate } = this.options;
    const at = await this.stillThere(locate, 'CAPTURE_POINT_NOT_FOUND', this.at as CapturePlace);
    if (!at) return;
    try {
      if (at.host !== this.at?.host) this.leave();
      // At the same host it takes the place of itself.
      if (!this.isServed || !isSame(at, this.at)) await this.serve(at);
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

  protected leave(): void {
    if (!this.at || !this.isServed) return;
    this.isServed = false;
    const { host } = this.at;
    // It ends by itself when this is lost.
    this.options.bus
      .call(captureCalls.stop, host, { id: this.id }, { timeoutMs: CALL_MS })
      .catch(() => undefined);
  }

  private async serve(at: CapturePlace): Promise<void> {
    const { bus, query } = this.options;
    const { filter, snapLength } = query;
    this.at = at;
    this.before.captured += this.now.captured;
    this.before.dropped += this.now.dropped;
    this.now = { captured: 0, dropped: 0 };
    const request = { id: this.id, place: at.place, filter, snapLength };
    const start = bus.call(captureCalls.start, at.host, request, { timeoutMs: CALL_MS });
    await (at.host === AIR_HOST ? answered(start) : start);
    this.isServed = true;
    if (this.isOver) this.leave();
  }

  private statistics(comment?: string): void {
    const dropped = this.before.dropped + this.now.dropped;
    const time = nanoseconds();
    this.out.write(
      interfaceStatistics({
        interfaceId: 0,
        time,
        started: this.started,
        ended: time,
        accepted: dropped + this.seen,
        dropped,
        droppedOnTheWay: this.leftOut,
        delivered: this.delivered,
        comment,
      }),
    );
  }
}

function isSame(a: CapturePlace, b: CapturePlace | undefined): boolean {
  return a.host === b?.host && JSON.stringify(a.place) === JSON.stringify(b.place);
}
