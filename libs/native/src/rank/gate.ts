/**
 * A gate: a word (32 bits) that lets its rank run (1) or wait (0); at byte 4 a word of the rank's, 1 while it waits for
 * the first one; at byte 8 the ns that it ran (64 bits).
 */
export const GATE_BYTES = 16;

/** A rank's side of its gate, which the scheduler opens and closes. */
export class Gate {
  private readonly words: Int32Array;
  private readonly usedNs: BigInt64Array;

  constructor(shared: SharedArrayBuffer) {
    this.words = new Int32Array(shared, 0, 2);
    this.usedNs = new BigInt64Array(shared, 8, 1);
  }

  /** Returns at once while it is open, otherwise when it is opened. */
  pass(): void {
    if (Atomics.load(this.words, 0) !== 0) return;
    Atomics.store(this.words, 1, 1);
    while (Atomics.load(this.words, 0) === 0) Atomics.wait(this.words, 0, 0);
    Atomics.store(this.words, 1, 0);
  }

  used(ms: number): void {
    Atomics.add(this.usedNs, 0, BigInt(Math.round(ms * 1e6)));
  }
}

/** How long a rank runs between two looks at its gate, about, ms. */
const LOOK_MS = 0.5;
const LEAST_FUEL = 100;
const MOST_FUEL = 500_000;

/** How much fuel lasts until the next look is due: a rank's rounds take as long as they take, and that changes. */
export class FuelGauge {
  private fuel = 1_000;
  private last = 0;

  /** Of the stretch that ends now, ms. */
  stretch(now: number): number {
    return Math.max(now - this.last, 0.001);
  }

  /** @param took how long the last filling lasted, ms @returns what to fill in */
  refill(took: number): number {
    // Not more than twice as much at a time: a burst of short rounds says little of the next ones.
    this.fuel *= Math.min(LOOK_MS / took, 2);
    this.fuel = Math.round(Math.min(Math.max(this.fuel, LEAST_FUEL), MOST_FUEL));
    return this.fuel;
  }

  /** The rank goes on from here; a wait was none of its time. */
  resume(now: number): void {
    this.last = now;
  }
}
