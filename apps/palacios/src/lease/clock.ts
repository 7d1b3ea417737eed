/** The host's monotonic clock: no one sets it, and it goes on while the process does not. */
export interface Clock {
  /** ms since some instant. */
  now(): number;
  after(ms: number, callback: () => void): { cancel(): void };
}

/** What `LeaseWord` counts by, too. */
export const monotonic: Clock = {
  now: () => Number(process.hrtime.bigint()) / 1e6,
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};
