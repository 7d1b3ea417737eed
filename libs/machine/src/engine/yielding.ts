/**
 * When a core goes back to its host (Palacios's yield strategies). `greedy` never gives it up of its own accord: a halted
 * guest's thread looks for work over and over, and wakes at once. `friendly` sleeps as soon as the guest halts, until its
 * next timer or a frame. `adaptive` is greedy for {@link YieldSettings.thresholdUs} after the last work, and then sleeps for
 * at most {@link YieldSettings.sleepMs} at a time.
 */
export const yieldStrategies = ['greedy', 'friendly', 'adaptive'] as const;
export type YieldStrategy = (typeof yieldStrategies)[number];

export interface YieldSettings {
  strategy: YieldStrategy;
  /** Of `adaptive`. */
  thresholdUs: number;
  sleepMs: number;
  /** How often a guest that computes gives way to what else its thread has to do. */
  scheduleHz: number;
}

/** Palacios's own. */
export const DEFAULT_YIELD: YieldSettings = {
  strategy: 'friendly',
  thresholdUs: 100,
  sleepMs: 10,
  scheduleHz: 100,
};

/** What a core did when its guest had nothing to do, since the machine was made. */
export interface YieldCounters {
  /** Turns of the host scheduler's quantum that were used up. */
  quanta: number;
  /** Looks for work while the guest was halted, without sleeping. */
  polls: number;
  sleeps: number;
  /** The longest that a sleep was to be, ms. */
  longestSleepMs: number;
}

export class Yielding {
  settings: YieldSettings = DEFAULT_YIELD;
  readonly counters: YieldCounters = { quanta: 0, polls: 0, sleeps: 0, longestSleepMs: 0 };
  private idleSince: number | undefined;

  get quantumMs(): number {
    return 1000 / this.settings.scheduleHz;
  }

  /** The guest or its devices had work. */
  worked(): void {
    this.idleSince = undefined;
  }

  /**
   * The guest is halted and nothing has come for it.
   * @param now ms, as `performance.now()`
   * @returns how long it may sleep at most, ms; 0: it looks again at once
   */
  idle(now: number): number {
    const { strategy, thresholdUs, sleepMs } = this.settings;
    this.idleSince ??= now;
    if (strategy === 'friendly') return Infinity;
    if (strategy === 'adaptive' && (now - this.idleSince) * 1000 >= thresholdUs) return sleepMs;
    this.counters.polls++;
    return 0;
  }

  slept(ms: number): void {
    this.counters.sleeps++;
    this.counters.longestSleepMs = Math.max(this.counters.longestSleepMs, ms);
  }
}
