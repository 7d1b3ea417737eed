/** Where the air, radios and access points get their time from; tests bring a clock that they turn themselves. */
export interface Clock {
  /** ms, never goes back. */
  now(): number;
  /** @returns how to call it off */
  after(ms: number, run: () => void): () => void;
}

/** The machine's own clock; its timers do not keep a process alive. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms).unref();
    return () => clearTimeout(timer);
  },
};
