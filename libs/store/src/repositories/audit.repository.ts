import { DataSource } from 'typeorm';
import { AuditEntity } from '../entities';
import type { PageOf } from '../page';

export type NewAuditEntry = Omit<AuditEntity, 'id'>;

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
  list({ after, limit, user }: PageOf<number> & { user?: string }): Promise<AuditEntity[]> {
    const query = this.of().createQueryBuilder('entry').orderBy('entry.id', 'DESC').limit(limit);
    if (user !== undefined) query.andWhere('entry.user_name = :user', { user });
    if (after !== undefined) query.andWhere('entry.id < :after', { after });
    return query.getMany();
  }

  async removeBefore(instant: Date): Promise<void> {
    await this.of().createQueryBuilder().delete().where('at < :instant', { instant }).execute();
  }
}
