import { DataSource, type EntityManager } from 'typeorm';
import { HostLeaseEntity } from '../entities';

export interface LeaseClaim {
  host: string;
  incarnation: string;
  holder: string;
  seconds: number;
}
/** A lease as the database's clock sees it. */
export interface HostLease extends HostLeaseEntity {
  /** It has ended: its host's guests stand still. */
  expired: boolean;
  /** It ended so long ago that the host counts as lost. */
  lost: boolean;
}

/**
 * Leases in time, by the database's clock alone (Gray and Cheriton, SOSP 1989). A lease is taken only when it is free,
 * so that two incarnations never hold one host's; whoever takes VMs from a lost host does so under the lock of its row,
 * which a host that comes back needs too (`whileLost`).
 */
export class HostLeaseRepository {
  constructor(private readonly dataSource: DataSource) {}

  /**
   * Takes a lease that is free: there is none, it has ended, it is this incarnation's already, or its holder is dead.
   * @param dead incarnation of a holder that is known to be dead
   * @returns null when it was taken, else who has it
   */
  async take(
    { host, incarnation, holder, seconds }: LeaseClaim,
    dead?: string,
  ): Promise<HostLeaseEntity | null> {
    const taken: unknown[] = await this.dataSource.query(
      `INSERT INTO host_lease AS held (host, incarnation, holder, expires_at)
       VALUES ($1, $2, $3, clock_timestamp() + make_interval(secs => $4))
       ON CONFLICT (host) DO UPDATE SET
         incarnation = excluded.incarnation, holder = excluded.holder,
         expires_at = clock_timestamp() + make_interval(secs => $4)
       WHERE held.incarnation IN (excluded.incarnation, $5) OR held.expires_at <= clock_timestamp()
       RETURNING host`,
      [host, incarnation, holder, seconds, dead ?? incarnation],
    );
    return taken.length > 0 ? null : this.of().findOneBy({ host });
  }

  /** @returns false when it has ended, or is another's: then nothing may run before it is taken again */
  async renew({ host, incarnation, seconds }: Omit<LeaseClaim, 'holder'>): Promise<boolean> {
    const [, renewed]: [unknown, number] = await this.dataSource.query(
      `UPDATE host_lease SET expires_at = clock_timestamp() + make_interval(secs => $3)
       WHERE host = $1 AND incarnation = $2 AND expires_at > clock_timestamp()`,
      [host, incarnation, seconds],
    );
    return renewed === 1;
  }

  /** An orderly end: the host is not lost, its VMs wait for it. */
  async release(host: string, incarnation: string): Promise<void> {
    await this.of().delete({ host, incarnation });
  }

  /** By host. @param marginSeconds after the end of its lease a host counts as lost */
  async all(marginSeconds: number): Promise<Map<string, HostLease>> {
    const rows: HostLease[] = await this.dataSource.query(
      `SELECT host, incarnation, holder, expires_at AS "expiresAt",
              expires_at <= clock_timestamp() AS expired,
              expires_at + make_interval(secs => $1) <= clock_timestamp() AS lost
       FROM host_lease`,
      [marginSeconds],
    );
    return new Map(rows.map(row => [row.host, row]));
  }

  /**
   * Runs `work` in a transaction throughout which the host is lost: it can't take its lease before that has ended, and
   * sees then what `work` wrote.
   * @returns null, without `work`: it is not lost, or has come back
   */
  async whileLost<T>(
    { host, incarnation }: Pick<HostLeaseEntity, 'host' | 'incarnation'>,
    marginSeconds: number,
    work: (manager: EntityManager) => Promise<T>,
  ): Promise<T | null> {
    return this.dataSource.transaction(async manager => {
      const lost: unknown[] = await manager.query(
        `SELECT FROM host_lease
         WHERE host = $1 AND incarnation = $2 AND expires_at + make_interval(secs => $3) <= clock_timestamp()
         FOR UPDATE`,
        [host, incarnation, marginSeconds],
      );
      return lost.length > 0 ? work(manager) : null;
    });
  }

  /**
   * Runs `work` in a transaction throughout which another incarnation than this holds the host's lease: that one is dead,
   * or its guests stand still and it needs the lease's row to come back.
   * @returns null, without `work`: none does
   */
  async whileSucceeded<T>(
    { host, incarnation }: Pick<HostLeaseEntity, 'host' | 'incarnation'>,
    work: (manager: EntityManager) => Promise<T>,
  ): Promise<T | null> {
    return this.dataSource.transaction(async manager => {
      const held: unknown[] = await manager.query(
        `SELECT FROM host_lease
         WHERE host = $1 AND incarnation <> $2 AND expires_at > clock_timestamp() FOR UPDATE`,
        [host, incarnation],
      );
      return held.length > 0 ? work(manager) : null;
    });
  }

  private of() {
    return this.dataSource.manager.getRepository(HostLeaseEntity);
  }
}
