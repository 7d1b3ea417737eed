/** The counter runs with the PCI clock. */
const TICKS_PER_MS = 33_000;
const WRAP = 2 ** 32;

/** What of the timer is part of a saved state. */
export interface TimerRegisters {
  /** TCTR. */
  tctr: number;
  /** The count up to which interrupts were looked for. */
  timerSeen: number;
  /** TIMERINT: the count that causes an interrupt, 0 none. */
  timerInt: number;
}

export const TIMER_WIDTHS = { tctr: 32, timerSeen: 32, timerInt: 32 } as const;

/** The general-purpose timer: TCTR counts PCI clocks and wraps at 32 bits. */
export class Timer {
  interruptAt = 0;
  private seen = 0;
  /** The count at a time. */
  private base = 0;
  private baseTime: number;

  constructor(
    /** Guest time in milliseconds, never going back. */
    private readonly now: () => number,
  ) {
    this.baseTime = now();
  }

  get count(): number {
    return (this.base + Math.max(0, Math.floor((this.now() - this.baseTime) * TICKS_PER_MS))) % WRAP;
  }

  restart(): void {
    this.base = this.seen = 0;
    this.baseTime = this.now();
  }

  /** Whether the counter passed {@link interruptAt} since the last call. */
  expired(): boolean {
    const { count, seen, interruptAt } = this;
    this.seen = count;
    if (interruptAt === 0 || count === seen) return false;
    return count > seen
      ? interruptAt > seen && interruptAt <= count
      : interruptAt > seen || interruptAt <= count;
  }

  save(): TimerRegisters {
    return { tctr: this.count, timerSeen: this.seen, timerInt: this.interruptAt };
  }

  restore({ tctr, timerSeen, timerInt }: TimerRegisters): void {
    this.base = tctr;
    this.baseTime = this.now();
    this.seen = timerSeen;
    this.interruptAt = timerInt;
  }
}
