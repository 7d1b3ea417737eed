import type { Durations } from '@v3vee/contracts';

/** Latest ones that are kept. */
export const KEPT = 4096;

/** Counts how long something took, in milliseconds. */
export class DurationLog {
  #count = 0;
  #totalMs = 0;
  #latest: number[] = [];

  add(ms: number): void {
    this.#count++;
    this.#totalMs += ms;
    this.#latest.push(ms);
    if (this.#latest.length > 2 * KEPT) this.#latest.splice(0, KEPT);
  }

  get totalMs(): number {
    return this.#totalMs;
  }

  summary(): Durations {
    return summarise(this.#latest.slice(-KEPT), this.#count);
  }
}

export function summarise(latest: readonly number[], count: number): Durations {
  const sorted = [...latest].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return { count, minMs: at(0), p50Ms: at(0.5), p99Ms: at(0.99), maxMs: sorted.at(-1) ?? 0 };
}
