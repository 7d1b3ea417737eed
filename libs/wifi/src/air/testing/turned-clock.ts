import type { Clock } from '../../clock';

/** A clock that stands still until a test turns it; what is due then runs in order, each at its time. */
export class TurnedClock implements Clock {
  #now: number;
  #timers: { due: number; run: () => void }[] = [];

  constructor(start = 1_000) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { due: this.#now + Math.max(0, ms), run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter(other => other !== timer);
    };
  }

  /** @param late ms that every timer comes too late, as those of a busy machine do */
  turn(ms: number, late = 0): void {
    const end = this.#now + ms;
    for (;;) {
      const timer = this.#timers.reduce<{ due: number; run: () => void } | undefined>(
        (first, other) => (!first || other.due < first.due ? other : first),
        undefined,
      );
      if (!timer || timer.due + late > end) break;
      this.#timers = this.#timers.filter(other => other !== timer);
      this.#now = Math.max(this.#now, timer.due + late);
      timer.run();
    }
    this.#now = end;
  }

  get timers(): number {
    return this.#timers.length;
  }
}
