import type { Writable } from 'node:stream';
import type { Stoppable } from '@v3vee/bus';
import { V3Error, type ErrorCode } from '@v3vee/contracts';

/** What a client may leave unread before items are left out for it, bytes. */
const MAX_UNREAD = 8 << 20;

export interface ClientStreamOptions {
  out: Writable;
  /** How often `renew` is called once it is under way, ms; none: never. */
  renewMs?: number;
  maxUnread?: number;
}

/**
 * What lasts: items from somewhere in the cluster to one client, until either end leaves. Nothing is written before it
 * is under way, and what comes earlier waits. A client that reads slower than items come goes without some; they are
 * counted. When it ends from this side, its reader is told why.
 *
 * `Piece` is what comes from the source, one or several items.
 */
export abstract class ClientStream<Piece, Item> {
  /** Resolves when it has ended, for whatever reason. */
  readonly ended: Promise<void>;
  protected readonly out: Writable;
  protected delivered = 0;
  /** Items that came and were not written. */
  protected leftOut = 0;
  protected isOver = false;
  private readonly maxUnread: number;
  private readonly renewMs: number | undefined;
  private readonly source: Stoppable;
  private timer: NodeJS.Timeout | undefined;
  /** What came before it was under way; undefined from then on. */
  private early: Piece[] | undefined = [];
  private earlyBytes = 0;
  private settle = (): void => undefined;

  /** @param listen to the source, from now on */
  constructor(
    { out, renewMs, maxUnread = MAX_UNREAD }: ClientStreamOptions,
    listen: (take: (piece: Piece) => void) => Stoppable,
  ) {
    this.out = out;
    this.renewMs = renewMs;
    this.maxUnread = maxUnread;
    this.ended = new Promise(resolve => (this.settle = resolve));
    this.source = listen(piece => this.take(piece));
    out.once('close', () => this.over());
    // There is nobody else to tell.
    out.on('error', () => this.over());
  }

  /** Begins; the first bytes are written when it is under way. @throws V3Error why it can't be */
  async open(): Promise<void> {
    try {
      await this.begin();
    } catch (thrown) {
      this.over();
      throw thrown;
    }
    const early = this.early ?? [];
    this.early = undefined;
    for (const piece of early) this.take(piece);
    this.later();
  }

  /** Items that came here, delivered or not. */
  get seen(): number {
    return this.delivered + this.leftOut;
  }

  /** Ends it with a reason that its reader finds at its end. */
  end(reason: string): void {
    if (this.isOver) return;
    this.farewell(reason);
    this.finish();
  }

  /** Asks the source to serve it and writes the head, if there is one. */
  protected abstract begin(): Promise<void>;
  /** Undefined: no item, which is counted as left out. */
  protected abstract decode(piece: Piece): (Item | undefined)[];
  protected abstract encode(items: Item[]): string | Uint8Array;
  /** The last words: why it ends. */
  protected abstract farewell(reason: string): void;
  /** Tells the source that nobody listens any more. */
  protected abstract leave(): void;
  /** So that the source goes on, and to see whether it is still there. */
  protected renew(): Promise<void> {
    return Promise.resolve();
  }
  /** Of what waits until it is under way, bytes. */
  protected sizeOf(piece: Piece): number {
    return piece instanceof Uint8Array ? piece.length : 0;
  }

  protected get isBehind(): boolean {
    return this.out.writableLength > this.maxUnread;
  }

  protected finish(): void {
    this.out.end();
    this.over();
  }

  /**
   * Looks again where what is streamed is now. The database being away changes nothing.
   * @param gone the code of what is no more: then the stream ends, and undefined is returned
   */
  protected async stillThere<T>(
    locate: () => Promise<T>,
    gone: ErrorCode,
    before: T,
  ): Promise<T | undefined> {
    try {
      const found = await locate();
      return this.isOver ? undefined : found;
    } catch (thrown) {
      const { code, message } = V3Error.from(thrown);
      if (code === gone) this.end(message);
      return this.isOver ? undefined : before;
    }
  }

  private take(piece: Piece): void {
    if (this.isOver) return;
    if (this.early && (this.earlyBytes += this.sizeOf(piece)) <= this.maxUnread) {
      this.early.push(piece);
      return;
    }
    const items = this.decode(piece);
    const wanted = this.early || this.isBehind ? [] : items.filter(item => item !== undefined);
    this.leftOut += items.length - wanted.length;
    this.delivered += wanted.length;
    if (wanted.length > 0) this.out.write(this.encode(wanted));
  }

  private later(): void {
    if (this.isOver || this.renewMs === undefined) return;
    this.timer = setTimeout(() => void this.renew().finally(() => this.later()), this.renewMs);
  }

  private over(): void {
    if (this.isOver) return;
    this.isOver = true;
    clearTimeout(this.timer);
    this.source.stop();
    this.leave();
    this.settle();
  }
}

/** JSON lines (application/x-ndjson). */
export const jsonLines = (items: readonly object[]): string =>
  items.map(item => `${JSON.stringify(item)}\n`).join('');
