import { refusedStatuses, type AuditOutcome } from '@v3vee/contracts';
import { DataSource } from 'typeorm';
import { AuditEntity } from '../entities';
import type { PageOf } from '../page';

export type NewAuditEntry = Omit<AuditEntity, 'id'>;

/** Of which all that is given has to fit. */
export interface AuditWanted {
  user?: string;
  action?: string;
  /** A part of it. */
  target?: string;
  outcome?: AuditOutcome;
  since?: Date;
  /** Not then any more. */
  until?: Date;
}

const REFUSED = `(${refusedStatuses.join(', ')})`;
const outcomes: Record<AuditOutcome, string> = {
  done: 'entry.status BETWEEN 1 AND 399',
  refused: `entry.status IN ${REFUSED}`,
  failed: `(entry.status = 0 OR (entry.status >= 400 AND entry.status NOT IN ${REFUSED}))`,
};

/** Who did what. Entries are only added, and removed when they are old. */
export class AuditRepository {
  constructor(private readonly dataSource: DataSource) {}

  private of() {
    return this.dataSource.getRepository(AuditEntity);
  }

  async add(entries: NewAuditEntry[]): Promise<void> {
    if (entries.length > 0) await this.of().insert(entries);
  }

  /** Newest first. */
  list({ after, limit, ...wanted }: PageOf<number> & AuditWanted): Promise<AuditEntity[]> {
    const { user, action, target, outcome, since, until } = wanted;
    const query = this.of().createQueryBuilder('entry').orderBy('entry.id', 'DESC').limit(limit);
    if (user !== undefined) query.andWhere('entry.user_name = :user', { user });
    if (action !== undefined) query.andWhere('entry.action = :action', { action });
    if (target !== undefined) query.andWhere('strpos(entry.target, :target) > 0', { target });
    if (outcome !== undefined) query.andWhere(outcomes[outcome]);
    if (since !== undefined) query.andWhere('entry.at >= :since', { since });
    if (until !== undefined) query.andWhere('entry.at < :until', { until });
    if (after !== undefined) query.andWhere('entry.id < :after', { after });
    return query.getMany();
  }

  async removeBefore(instant: Date): Promise<void> {
    await this.of().createQueryBuilder().delete().where('at < :instant', { instant }).execute();
  }
}
