import type { VmRate } from './rates';

/** Seconds that a chart shows. */
export const HISTORY_SECONDS = 300;

export interface Sample extends VmRate {
  /** Seconds since 1970. */
  at: number;
}

/** The latest rates of VMs, for charts. */
export class RateHistory {
  private readonly samples = new Map<string, Sample[]>();

  /** @param at seconds since 1970; what is not newer than the latest is left out */
  add(at: number, rates: Iterable<VmRate>): void {
    for (const rate of rates) {
      const old = this.samples.get(rate.vm) ?? [];
      if (at <= (old.at(-1)?.at ?? 0)) continue;
      this.samples.set(rate.vm, [...old.filter(sample => sample.at > at - HISTORY_SECONDS), { at, ...rate }]);
    }
  }

  of(vm: string): readonly Sample[] {
    return this.samples.get(vm) ?? [];
  }

  clear(): void {
    this.samples.clear();
  }
}
