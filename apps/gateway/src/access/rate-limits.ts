import { V3Error } from '@v3vee/contracts';

interface Bucket {
  left: number;
  at: number;
}

/** A refusal with how long it takes until a request is let through again. */
export class RateLimited extends V3Error {
  constructor(readonly retryAfterSeconds: number) {
    super('RATE_LIMITED', `too many requests with this token; try again in ${retryAfterSeconds} s`);
  }
}

/** Token buckets: each key may do `rate` a second, and after a rest `burst` at once. */
export class RateLimits {
  private readonly buckets = new Map<string, Bucket>();

  constructor(
    private readonly rate: number,
    private readonly burst: number,
  ) {}

  /** @returns 0: it may; else in how many seconds it may again */
  wait(key: string, now = performance.now()): number {
    const { left: before, at } = this.buckets.get(key) ?? { left: this.burst, at: now };
    const left = Math.min(this.burst, before + ((now - at) / 1000) * this.rate);
    const isFree = left >= 1;
    this.buckets.set(key, { left: isFree ? left - 1 : left, at: now });
    return isFree ? 0 : (1 - left) / this.rate;
  }

  /** @throws RateLimited */
  take(key: string, now?: number): void {
    const seconds = this.wait(key, now);
    if (seconds > 0) throw new RateLimited(Math.ceil(seconds));
  }
}
