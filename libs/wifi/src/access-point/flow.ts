/** A data frame before it gets its header: keys and numbers are those of when it is sent. */
export interface Outgoing {
  /** Who sent it first (addr3). */
  source: Uint8Array;
  /** Undefined: a frame that only asks whether the station is there. */
  msdu: Uint8Array | undefined;
  /** Key agreement: sent at the lowest rate, and before the station is authorized. */
  isEapol: boolean;
  /** Of a group frame. */
  destination?: Uint8Array;
  /** Of a frame that was tried before. */
  sequence?: number;
  /** Given by the queue. */
  order?: number;
}

/** Frames for one station, or for all, and how much of the air they had. */
export class Flow {
  readonly #queue: Outgoing[] = [];
  #order = 0;
  /** Frames that are with the air now. */
  inFlight = 0;
  /** µs of the air that it had, as the scheduler counts them. */
  virtualTime = 0;

  constructor(
    private readonly bound: number,
    private readonly onDrop: () => void,
  ) {}

  get length(): number {
    return this.#queue.length;
  }

  /** The oldest is dropped if it is full: newer ones are worth more. */
  push(frame: Outgoing): void {
    this.#queue.push({ ...frame, order: this.#order++ });
    if (this.#queue.length <= this.bound) return;
    this.#queue.shift();
    this.onDrop();
  }

  /** A frame that was tried while its station fell asleep goes where it was. */
  putBack(frame: Outgoing): void {
    const before = this.#queue.findIndex(({ order }) => (order ?? 0) > (frame.order ?? 0));
    this.#queue.splice(before < 0 ? this.#queue.length : before, 0, frame);
  }

  take(): Outgoing | undefined {
    return this.#queue.shift();
  }

  clear(): void {
    this.#queue.length = 0;
  }
}
