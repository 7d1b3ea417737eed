/** What a guest's thread says of the guest: as a task of its host's kernel. */
export const coreStates = ['STOPPED', 'RUNNING', 'INTERRUPTIBLE', 'UNINTERRUPTIBLE'] as const;
export type CoreState = (typeof coreStates)[number];

const BYTES = 24;
const HELD_UNTIL = 0;
const USED = 1;
const SHARED = 4;
const STATE = 5;

/**
 * Whether a VM has its core of the host, as memory that its guest's thread looks at between two stretches of guest
 * code. A core is taken for a bounded time, so that a guest whose grant got lost is held up and not stopped. The
 * thread leaves here what it does and what it used; all guests of one VM, one after the other, have the same word.
 */
export class CoreWord {
  readonly #times: BigInt64Array<SharedArrayBuffer>;
  readonly #words: Int32Array<SharedArrayBuffer>;

  constructor(readonly buffer = new SharedArrayBuffer(BYTES)) {
    this.#times = new BigInt64Array(buffer, 0, 2);
    this.#words = new Int32Array(buffer);
  }

  /** It is taken, for `ms` unless it is granted or taken anew before. */
  take(ms: number): void {
    Atomics.store(this.#times, HELD_UNTIL, process.hrtime.bigint() + BigInt(Math.round(ms * 1e6)));
  }

  grant(): void {
    Atomics.store(this.#times, HELD_UNTIL, 0n);
  }

  /** For how long the guest has to wait yet, ms; 0: it has its core. */
  get heldMs(): number {
    const until = Atomics.load(this.#times, HELD_UNTIL);
    return until === 0n ? 0 : Math.max(0, Number(until - process.hrtime.bigint()) / 1e6);
  }

  /** Others are on the core: what changes in the guest's state is to be told at once. */
  get isShared(): boolean {
    return Atomics.load(this.#words, SHARED) === 1;
  }
  set isShared(shared: boolean) {
    Atomics.store(this.#words, SHARED, Number(shared));
  }

  get state(): CoreState {
    return coreStates[Atomics.load(this.#words, STATE)] ?? 'STOPPED';
  }

  /** Answers whether that is to be told at once. */
  enter(state: CoreState): boolean {
    const changed =
      Atomics.exchange(this.#words, STATE, coreStates.indexOf(state)) !== coreStates.indexOf(state);
    return changed && this.isShared;
  }

  /** Processor time that its guests used, ms. */
  get usedMs(): number {
    return Number(Atomics.load(this.#times, USED)) / 1e6;
  }

  used(ms: number): void {
    Atomics.add(this.#times, USED, BigInt(Math.round(ms * 1e6)));
  }
}
