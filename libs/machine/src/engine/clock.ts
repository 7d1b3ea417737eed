import type { V86Cpu } from './v86-internals';

/**
 * Keeps guest time continuous over pauses and restores. The engine derives the time stamp counter and the
 * interval timer from `performance.now()`, which goes on while a VM is stopped and starts anew in every process.
 */
export class GuestClock {
  private frozenAt: number | undefined;
  private tsc: [number, number] = [0, 0];
  private stoodStill = 0;

  constructor(private readonly cpu: V86Cpu) {}

  /** Milliseconds of guest time: never goes back, stands still while the guest does. */
  get now(): number {
    return (this.frozenAt ?? performance.now()) - this.stoodStill;
  }

  /** Guest time stands still until {@link thaw}. */
  freeze(): void {
    if (this.frozenAt !== undefined) return;
    this.frozenAt = performance.now();
    this.cpu.store_current_tsc();
    this.tsc = [this.cpu.current_tsc[0], this.cpu.current_tsc[1]];
  }

  thaw(): void {
    if (this.frozenAt === undefined) return;
    this.setTsc(...this.tsc);
    this.rebaseTimer(this.frozenAt);
    this.stoodStill += performance.now() - this.frozenAt;
    this.frozenAt = undefined;
  }

  get frozen(): { at: number; tsc: [number, number] } {
    this.freeze();
    return { at: this.frozenAt!, tsc: this.tsc };
  }

  /**
   * Before the engine restores a state: its `set_tsc` is relative to the offset of the last one, so that every
   * second restore in one machine would be wrong. Setting the counter to its own value clears the offset.
   */
  prepareRestore(): void {
    this.cpu.store_current_tsc();
    this.cpu.set_tsc(this.cpu.current_tsc[0], this.cpu.current_tsc[1]);
  }

  /** After a restore: guest time stands at the state's. `at` is the other process's clock when it was saved. */
  restored(at: number, tsc: [number, number]): void {
    this.rebaseTimer(at);
    this.frozenAt = performance.now();
    this.tsc = tsc;
  }

  private setTsc(low: number, high: number): void {
    this.prepareRestore();
    this.cpu.set_tsc(low, high);
  }

  /** Moves the interval timer's start times, which were right at `at`, to now. */
  private rebaseTimer(at: number): void {
    const shift = performance.now() - at;
    const started = this.cpu.devices.pit.counter_start_time;
    for (let i = 0; i < started.length; i++) started[i]! += shift;
  }
}
