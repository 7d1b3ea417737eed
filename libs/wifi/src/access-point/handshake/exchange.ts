import { type Clock } from '../../clock';

export interface ExchangeOptions {
  clock: Clock;
  tries: number;
  /** One that was never used. */
  nextCounter(): bigint;
  /** Sends the message with this replay counter. */
  send(replayCounter: bigint): void;
  /** Nobody answered the last try. */
  onSilence(): void;
}

/** How long an answer is waited for; the first message may come before the station is ready for it. */
const FIRST_TIMEOUT_MS = 100;
const TIMEOUT_MS = 1000;

/** One message of an authenticator, repeated until it is answered (IEEE 802.11-2020 §12.7.6.6, §12.7.7.4). A slow guest answers late: all tries count. */
export class Exchange {
  readonly #counters: bigint[] = [];
  #cancel: (() => void) | undefined;

  constructor(private readonly options: ExchangeOptions) {}

  start(): void {
    this.#try();
  }

  /** Whether an answer with this replay counter is to one of its tries. */
  accepts(replayCounter: bigint): boolean {
    return this.#counters.includes(replayCounter);
  }

  end(): void {
    this.#cancel?.();
    this.#counters.length = 0;
  }

  #try(): void {
    const timeout = this.#counters.length === 0 ? FIRST_TIMEOUT_MS : TIMEOUT_MS;
    this.#cancel = this.options.clock.after(timeout, () => {
      if (this.#counters.length < this.options.tries) return this.#try();
      this.end();
      return this.options.onSilence();
    });
    const replayCounter = this.options.nextCounter();
    this.#counters.push(replayCounter);
    this.options.send(replayCounter);
  }
}
