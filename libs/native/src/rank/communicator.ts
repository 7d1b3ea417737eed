import { MOST_REDUCED } from '../limits';

const ARRIVED = 0;
const GENERATION = 1;
const ENDED = 2;
const WORDS = 4;

/** Bytes of shared memory that the ranks of a job need to speak with each other. */
export const communicatorBytes = (ranks: number): number => WORDS * 4 + ranks * MOST_REDUCED * 8;

/** Barrier and reduction between the ranks of one job, over memory that all of them share. */
export class Communicator {
  private readonly words: Int32Array;
  private readonly values: Float64Array;

  constructor(
    shared: SharedArrayBuffer,
    readonly rank: number,
    readonly size: number,
  ) {
    this.words = new Int32Array(shared, 0, WORDS);
    this.values = new Float64Array(shared, WORDS * 4);
  }

  /**
   * Returns when all ranks have come here.
   * @throws Error where a rank has ended, and will not
   */
  barrier(): void {
    const generation = Atomics.load(this.words, GENERATION);
    if (Atomics.add(this.words, ARRIVED, 1) === this.size - 1) {
      Atomics.store(this.words, ARRIVED, 0);
      Atomics.add(this.words, GENERATION, 1);
      Atomics.notify(this.words, GENERATION);
      return;
    }
    while (Atomics.load(this.words, GENERATION) === generation) {
      if (Atomics.load(this.words, ENDED)) {
        throw new Error('it waits at a barrier for a rank that has ended');
      }
      Atomics.wait(this.words, GENERATION, generation, 1_000);
    }
  }

  /** Makes each value the sum of all ranks', added in the order of the ranks: everywhere the same. */
  allreduceSum(view: DataView, pointer: number, count: number): void {
    const slot = (rank: number) => rank * MOST_REDUCED;
    for (let i = 0; i < count; i++) {
      this.values[slot(this.rank) + i] = view.getFloat64(pointer + i * 8, true);
    }
    this.barrier();
    for (let i = 0; i < count; i++) {
      let total = 0;
      for (let rank = 0; rank < this.size; rank++) total += this.values[slot(rank) + i] as number;
      view.setFloat64(pointer + i * 8, total, true);
    }
    // Nobody writes the next values before all have read these.
    this.barrier();
  }

  /** Said by the job when a rank has ended well: those that wait for it wait in vain. */
  static markEnded(shared: SharedArrayBuffer): void {
    const words = new Int32Array(shared, 0, WORDS);
    Atomics.store(words, ENDED, 1);
    Atomics.notify(words, GENERATION);
  }
}
