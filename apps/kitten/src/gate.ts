/** Whoever holds a task is told here when it has its core, and when not. Called at each change only. */
export interface CoreHolder {
  grant(): void;
  take(): void;
}

/**
 * A native task's core: its thread looks at the word at convenient moments, and waits while it is 0:
 * `while (Atomics.load(word, 0) === 0) Atomics.wait(word, 0, 0)`. What it used it adds to `usedNs`.
 */
export class Gate implements CoreHolder {
  /** 1: it may run; 0: it has to wait. */
  readonly word: Int32Array<SharedArrayBuffer>;
  /** Processor time that it used, ns. */
  readonly usedNs: BigInt64Array<SharedArrayBuffer>;

  constructor(readonly buffer = new SharedArrayBuffer(Gate.BYTES)) {
    this.word = new Int32Array(buffer, 0, 1);
    this.usedNs = new BigInt64Array(buffer, 8, 1);
  }
  static readonly BYTES = 16;

  get isOpen(): boolean {
    return Atomics.load(this.word, 0) === 1;
  }

  get usedMs(): number {
    return Number(Atomics.load(this.usedNs, 0)) / 1e6;
  }

  grant(): void {
    Atomics.store(this.word, 0, 1);
    Atomics.notify(this.word, 0);
  }

  take(): void {
    Atomics.store(this.word, 0, 0);
  }
}
