import { V3Error } from '@v3vee/contracts';
import { PAGE_BYTES, type MachineHead, type PageBatch } from '@v3vee/machine';
import { encodeHead, encodePages } from './page-stream';

/** Messages under way: enough that neither end waits for the other. */
const WINDOW = 16;
/** A limited copy may catch up this much after a pause, ms. */
const BURST_MS = 100;

export interface PageSenderOptions {
  /** Resolves when the other end has taken the message in. */
  send: (message: Uint8Array) => Promise<void>;
  /** Of rounds, in bytes a second; none: no limit. */
  bytesPerSecond?: number;
  /** Told of pages that went over. */
  onSent?: (pages: number, bytes: number) => void;
}

/**
 * The sending end of a page stream: numbers messages, packs several at a time in the thread pool, keeps a window of them
 * under way, and no more than the limit allows. After a failure everything fails with it.
 */
export class PageSender {
  pages = 0;
  /** That were given to it, whether they went over or not. */
  delivered = 0;
  /** As they went over the wire. */
  bytes = 0;
  #sequence = 0;
  #underWay = 0;
  #failure: V3Error | undefined;
  #room: (() => void)[] = [];
  /** Messages leave in the order of their numbers. */
  #turn: Promise<unknown> = Promise.resolve();
  #paidUntil = 0;
  #busySince = 0;
  #unanswered = 0;
  #busyMs = 0;
  #limited = true;

  constructor(private readonly options: PageSenderOptions) {}

  /** To bring one page over as it is, ms; while nothing was sent, a guess. */
  get pageMs(): number {
    return this.bytes === 0 ? 0.02 : (this.#busyMs / this.bytes) * PAGE_BYTES;
  }

  /** From now on as fast as can be: the guest stands still, and packing takes longer than sending. */
  hurry(): void {
    this.#limited = false;
  }

  /** Resolves when there is room for the next one; the batch must not be changed any more. */
  async deliver(batch: PageBatch): Promise<void> {
    await this.#hasRoom();
    const pages = batch.numbers.length;
    this.delivered += pages;
    this.#leave(encodePages(this.#sequence++, batch, this.#limited), pages);
  }

  async head(head: MachineHead): Promise<void> {
    const messages = encodeHead(this.#sequence, head);
    this.#sequence += messages.length;
    for (const message of messages) {
      await this.#hasRoom();
      this.#leave(Promise.resolve(message), 0);
    }
  }

  /** Resolves when all that was delivered is on its way: nothing that is sent after it comes before it. */
  async flush(): Promise<void> {
    await this.#turn;
    if (this.#failure) throw this.#failure;
  }

  /** Resolves when all that was delivered has been taken in. */
  async drain(): Promise<void> {
    while (this.#underWay > 0) {
      await new Promise<void>(resolve => this.#room.push(resolve));
    }
    if (this.#failure) throw this.#failure;
  }

  async #hasRoom(): Promise<void> {
    while (!this.#failure && this.#underWay >= WINDOW) {
      await new Promise<void>(resolve => this.#room.push(resolve));
    }
    if (this.#failure) throw this.#failure;
  }

  #leave(encoded: Promise<Uint8Array>, pages: number): void {
    this.#underWay++;
    const before = this.#turn;
    const sent = (async () => {
      const message = await encoded;
      await before;
      if (this.#failure) throw this.#failure;
      if (this.#limited) await this.#pay(message.length);
      // In one step with the last look: a later message can't overtake.
      return { answer: this.#send(message, pages) };
    })();
    // A failure is told to whoever comes next.
    this.#turn = sent.catch((thrown: unknown) => (this.#failure ??= V3Error.from(thrown)));
    void sent
      .then(({ answer }) => answer)
      .catch((thrown: unknown) => (this.#failure ??= V3Error.from(thrown)))
      .finally(() => {
        this.#underWay--;
        for (const wake of this.#room.splice(0)) wake();
      });
  }

  async #send(message: Uint8Array, pages: number): Promise<void> {
    if (this.#unanswered++ === 0) this.#busySince = performance.now();
    try {
      await this.options.send(message);
      this.pages += pages;
      this.bytes += message.length;
      this.options.onSent?.(pages, message.length);
    } finally {
      if (--this.#unanswered === 0) this.#busyMs += performance.now() - this.#busySince;
    }
  }

  /** A token bucket in its virtual scheduling form (ITU-T I.371). */
  async #pay(bytes: number): Promise<void> {
    const { bytesPerSecond } = this.options;
    if (bytesPerSecond === undefined) return;
    const now = performance.now();
    const due = Math.max(this.#paidUntil, now - BURST_MS) + (bytes / bytesPerSecond) * 1_000;
    this.#paidUntil = due;
    if (due > now) await new Promise(resolve => setTimeout(resolve, due - now));
  }
}
