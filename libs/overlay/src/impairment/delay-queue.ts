/** Time and timers; a test has its own. */
export interface LineClock {
  /** Milliseconds, never going back. */
  now(): number;
  /** @returns what cancels it */
  after(milliseconds: number, action: () => void): () => void;
}

export const systemClock: LineClock = {
  now: () => performance.now(),
  after: (milliseconds, action) => {
    const timer = setTimeout(action, milliseconds).unref();
    return () => clearTimeout(timer);
  },
};

interface Waiting {
  readonly due: number;
  readonly frame: Uint8Array;
}

/** Frames on their way, by the time they arrive; of the same time, by the order they came in. */
export class DelayQueue {
  #waiting: Waiting[] = [];
  /** What is before it has left. */
  #head = 0;
  #bytes = 0;
  #cancel: (() => void) | undefined;
  #armedFor = Infinity;

  constructor(
    private readonly clock: LineClock,
    private readonly deliver: (frames: Uint8Array[]) => void,
  ) {}

  /** Of the frames that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#waiting.length - this.#head;
  }

  /** @param frame kept as it is: the caller sees to it that nobody changes it */
  add(due: number, frame: Uint8Array): void {
    let low = this.#head;
    let high = this.#waiting.length;
    // Most arrive after all others.
    if (high > low && (this.#waiting[high - 1] as Waiting).due <= due) low = high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#waiting[middle] as Waiting).due <= due) low = middle + 1;
      else high = middle;
    }
    this.#waiting.splice(low, 0, { due, frame });
    this.#bytes += frame.length;
  }

  /** Delivers what is due by `now` in one burst, and sees to it that the rest is delivered in time. */
  release(now: number): void {
    const due: Uint8Array[] = [];
    for (; this.#head < this.#waiting.length; this.#head++) {
      const { due: time, frame } = this.#waiting[this.#head] as Waiting;
      if (time > now) break;
      due.push(frame);
      this.#bytes -= frame.length;
    }
    if (this.#head > 1024 || this.#head === this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
    this.#arm(now);
    if (due.length > 0) this.deliver(due);
  }

  /** Delivers everything now, in the order it would have come. */
  flush(): void {
    this.release(Infinity);
  }

  clear(): void {
    this.#waiting = [];
    this.#head = 0;
    this.#bytes = 0;
    this.#arm(0);
  }

  #arm(now: number): void {
    const next = this.#waiting[this.#head]?.due ?? Infinity;
    if (next === this.#armedFor) return;
    this.#cancel?.();
    this.#cancel = undefined;
    this.#armedFor = next;
    if (next === Infinity) return;
    this.#cancel = this.clock.after(Math.max(next - now, 0), () => {
      this.#armedFor = Infinity;
      this.#cancel = undefined;
      this.release(this.clock.now());
    });
  }
}
