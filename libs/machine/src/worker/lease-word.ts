/**
 * Until when the guests of this process may run, on the monotonic clock that all its threads share. A guest's thread
 * looks at it before each stretch of guest code: so no guest runs longer, even if the whole process stood still
 * meanwhile and the thread that should have stopped it is late.
 */
export class LeaseWord {
  readonly #word: BigInt64Array<SharedArrayBuffer>;

  constructor(readonly buffer = new SharedArrayBuffer(8)) {
    this.#word = new BigInt64Array(buffer);
  }

  /** @param instant ms, as `process.hrtime` counts; 0: now */
  until(instant: number): void {
    Atomics.store(this.#word, 0, BigInt(Math.floor(instant * 1e6)));
  }

  get isOver(): boolean {
    return process.hrtime.bigint() >= Atomics.load(this.#word, 0);
  }
}
