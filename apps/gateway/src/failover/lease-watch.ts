import type { HostLease } from '@v3vee/store';

/**
 * Hosts that are lost: their lease has been over for long enough by the database's clock, and it has not been renewed
 * for as long by ours either. So neither a clock that is set, nor a sleep of the whole machine, makes a host look lost.
 */
export class LeaseWatch {
  readonly #seen = new Map<string, { renewal: string; since: number }>();

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
    for (const host of this.#seen.keys()) if (!leases.has(host)) this.#seen.delete(host);
    for (const [host, { incarnation, expiresAt }] of leases) {
      const renewal = `${incarnation} ${expiresAt.getTime()}`;
      if (this.#seen.get(host)?.renewal !== renewal) this.#seen.set(host, { renewal, since: now });
    }
    return new Map(
      [...leases].filter(
        ([host, { lost }]) => lost && now - (this.#seen.get(host)?.since ?? now) >= this.patienceMs,
      ),
    );
  }
}
