import type { HostLease } from '@v3vee/store';

/** Between two looks no more than this counts as time in which a lease could have been renewed. */
const BLIND_MS = 3_000;

/**
 * Hosts that are lost: their lease has been over for long enough by the database's clock, and it has not been renewed
 * for as long by ours either. So neither a clock that is set, nor a sleep of the whole machine, makes a host look lost,
 * nor a database that was away, which every host needs for a renewal.
 */
export class LeaseWatch {
  /** `forMs`: seen unrenewed for so long. */
  readonly #seen = new Map<string, { renewal: string; forMs: number }>();
  #lookedAt: number | undefined;

  /**
   * @param patienceMs length of a lease and the margin after it
   * @param now ms on a clock that nobody sets
   */
  constructor(
    private readonly patienceMs: number,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** @param leases all that there are, as just read */
  look(leases: ReadonlyMap<string, HostLease>): Map<string, HostLease> {
    const now = this.now();
    const passed = Math.min(now - (this.#lookedAt ?? now), BLIND_MS);
    this.#lookedAt = now;
    for (const host of this.#seen.keys()) if (!leases.has(host)) this.#seen.delete(host);
    for (const [host, { incarnation, expiresAt }] of leases) {
      const renewal = `${incarnation} ${expiresAt.getTime()}`;
      const seen = this.#seen.get(host);
      this.#seen.set(host, { renewal, forMs: seen?.renewal === renewal ? seen.forMs + passed : 0 });
    }
    return new Map(
      [...leases].filter(([host, { lost }]) => lost && (this.#seen.get(host)?.forMs ?? 0) >= this.patienceMs),
    );
  }
}
