import { randomUUID } from 'node:crypto';
import type { Writable } from 'node:stream';
import type { Bus, Stoppable } from '@v3vee/bus';
import {
  palaciosVpioCalls,
  rawSubjects,
  traceEvent,
  V3Error,
  type TraceEvent,
  type TraceStatus,
} from '@v3vee/contracts';

/** The host ends a trace that is not renewed for 10 s; one lost renewal must not end it. */
const RENEW_MS = 3_000;
/** What a client may leave unread before events are left out for it, bytes. */
const MAX_UNREAD = 8 << 20;
const CALL_MS = 3_000;

export interface TraceStreamOptions {
  bus: Bus;
  host: string;
  nic: string;
  out: Writable;
  /** @throws V3Error DEVICE_NOT_FOUND when the device is no more */
  locate: () => Promise<unknown>;
  /** Of VMs, by id. */
  names: () => Promise<ReadonlyMap<string, string>>;
  renewMs?: number;
  maxUnread?: number;
}

/**
 * One trace of a device, from its host to one client, as JSON lines.
 *
 * A host that is restarted goes on under the same trace: nothing comes meanwhile. It ends with the client, or when the
 * device is declared no more; the last line then says why. Between the events stands how many were lost, whenever
 * that grew.
 */
export class TraceStream {
  /** Resolves when it has ended, for whatever reason. */
  readonly ended: Promise<void>;
  private readonly id = randomUUID();
  private readonly subscription: Stoppable;
  private names: ReadonlyMap<string, string> = new Map();
  private isNameMissing = false;
  /** Lost by its host, as that counts since it last began, and before. */
  private lostNow = 0;
  private lostBefore = 0;
  /** Lost here: what was no event, or came faster than the client reads. */
  private leftOut = 0;
  private delivered = 0;
  private toldDropped = 0;
  private timer: NodeJS.Timeout | undefined;
  private isOver = false;
  /** What came before it was open; undefined from then on. */
  private early: Uint8Array[] | undefined = [];
  private earlyBytes = 0;
  private settle = (): void => undefined;

  constructor(private readonly options: TraceStreamOptions) {
    const { bus, out } = options;
    this.ended = new Promise(resolve => (this.settle = resolve));
    this.subscription = bus.subscribeRaw(rawSubjects.trace(this.id), bytes => this.lines(bytes));
    out.once('close', () => this.over());
    // There is nobody else to tell.
    out.on('error', () => this.over());
  }

  /**
   * Begins; nothing is written before it is under way.
   * @throws V3Error when the device is not there, or its host does not answer
   */
  async open(): Promise<void> {
    try {
      await this.options.bus.flush();
      await this.options.locate();
      this.names = await this.options.names();
      await this.serve();
    } catch (thrown) {
      this.over();
      throw thrown;
    }
    const early = this.early ?? [];
    this.early = undefined;
    for (const bytes of early) this.lines(bytes);
    this.later();
  }

  /** Events that arrived here, delivered or not. */
  get seen(): number {
    return this.delivered + this.leftOut;
  }

  /** Ends it with a reason that its reader finds in the last line. */
  end(reason: string): void {
    if (this.isOver) return;
    this.status(reason);
    this.options.out.end();
    this.over();
  }

  /** The same call begins and renews it: at a host that was restarted it begins again. */
  private async serve(): Promise<void> {
    const { bus, host, nic } = this.options;
    const request = { id: this.id, nic, on: true };
    const { dropped } = await bus.call(palaciosVpioCalls.trace, host, request, { timeoutMs: CALL_MS });
    if (dropped < this.lostNow) this.lostBefore += this.lostNow;
    this.lostNow = dropped;
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
    try {
      await this.options.locate();
      if (this.isNameMissing) this.names = await this.options.names();
      this.isNameMissing = false;
    } catch (thrown) {
      const { code, message } = V3Error.from(thrown);
      if (code === 'DEVICE_NOT_FOUND') return this.end(message);
      // The database is away: the device is where it was.
    }
    if (this.isOver) return;
    // A host that is away, or was restarted, is asked again at the next turn.
    await this.serve().catch(() => undefined);
    if (!this.isOver && !this.isBehind && this.dropped > this.toldDropped) this.status(null);
  }

  private leave(): void {
    const { bus, host, nic } = this.options;
    // It ends by itself when this is lost.
    bus
      .call(palaciosVpioCalls.trace, host, { id: this.id, nic, on: false }, { timeoutMs: CALL_MS })
      .catch(() => undefined);
  }

  private get dropped(): number {
    return this.lostBefore + this.lostNow + this.leftOut;
  }

  private get isBehind(): boolean {
    return this.options.out.writableLength > this.maxUnread;
  }

  private get maxUnread(): number {
    return this.options.maxUnread ?? MAX_UNREAD;
  }

  private lines(bytes: Uint8Array): void {
    if (this.isOver) return;
    if (this.early && (this.earlyBytes += bytes.length) <= this.maxUnread) return void this.early.push(bytes);
    const events = new TextDecoder()
      .decode(bytes)
      .split('\n')
      .filter(line => line !== '')
      .map(parseEvent);
    const wanted = this.early || this.isBehind ? [] : events.filter(event => event !== undefined);
    this.leftOut += events.length - wanted.length;
    this.delivered += wanted.length;
    if (wanted.length > 0) this.write(...wanted.map(event => this.named(event)));
  }

  private named(event: TraceEvent): TraceEvent {
    const vm = this.names.get(event.vm);
    if (vm === undefined) this.isNameMissing = true;
    return { ...event, vm: vm ?? event.vm };
  }

  private status(ended: string | null): void {
    this.toldDropped = this.dropped;
    this.write({ delivered: this.delivered, dropped: this.dropped, ended });
  }

  private write(...lines: (TraceEvent | TraceStatus)[]): void {
    this.options.out.write(lines.map(line => `${JSON.stringify(line)}\n`).join(''));
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

function parseEvent(line: string): TraceEvent | undefined {
  try {
    return traceEvent.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}
