/** First and last pause between attempts, ms: doubled from one to the next. */
export const RETRY = { first: 100, last: 5_000 } as const;

/** One attempt planned at a time, each later than the one before. Does not keep the process alive. */
export class BackOff {
  private pause: number = RETRY.first;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly attempt: () => void) {}

  /** Plans the next attempt, unless one is planned. */
  plan(): void {
    if (this.timer) return;
    // Two peers that dial each other must not stay in step.
    const pause = this.pause * (0.75 + Math.random() / 2);
    this.pause = Math.min(this.pause * 2, RETRY.last);
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.attempt();
    }, pause).unref();
  }

  /** It worked: the next failure starts from the beginning. */
  reset(): void {
    this.pause = RETRY.first;
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }
}
