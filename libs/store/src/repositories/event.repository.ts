import { V3Error, type EventKind } from '@v3vee/contracts';
import { DataSource, type SelectQueryBuilder } from 'typeorm';
import { EventEntity } from '../entities';

export interface EventFilter {
  kind?: EventKind;
  vm?: string;
  /** Only its own, and what is everybody's. */
  project?: string | null;
}

/** The log of changes of state. */
export class EventRepository {
  constructor(private readonly dataSource: DataSource) {}

  private of() {
    return this.dataSource.getRepository(EventEntity);
  }

  /** Newest first. @param before only what is earlier than this place */
  list({
    kind,
    vm,
    project,
    before,
    limit,
  }: EventFilter & { before?: string; limit: number }): Promise<EventEntity[]> {
    const query = this.of().createQueryBuilder('event').orderBy('event.id', 'DESC').limit(limit);
    if (kind !== undefined) query.andWhere('event.kind = :kind', { kind });
    if (vm !== undefined) query.andWhere('event.vm = :vm', { vm });
    ofProject(query, project);
    if (before !== undefined) query.andWhere('event.id < :before', { before });
    return query.getMany();
  }

  /**
   * Oldest first.
   * @throws V3Error RESOURCE_VERSION_TOO_OLD when some that came after `place` are not kept any more
   */
  async after(
    place: string,
    { kind, project, limit }: Omit<EventFilter, 'vm'> & { limit: number },
  ): Promise<EventEntity[]> {
    const query = this.of()
      .createQueryBuilder('event')
      .where('event.id > :place', { place })
      .orderBy('event.id', 'ASC')
      .limit(limit);
    if (kind !== undefined) query.andWhere('event.kind = :kind', { kind });
    ofProject(query, project);
    const found = await query.getMany();
    // After the reading: what was removed meanwhile is missing in it.
    await this.assertKept(place);
    return found;
  }

  /** The place of the latest event; of none `0`. */
  async latest(): Promise<string> {
    const [row] = (await this.dataSource.query('SELECT coalesce(max(id), 0)::text AS id FROM event')) as [
      { id: string },
    ];
    return row.id;
  }

  /** What a host or VM was last said to be, of all states or of these. */
  async lastOf(kind: EventKind, name: string, states?: readonly string[]): Promise<string | null> {
    const query = this.of()
      .createQueryBuilder('event')
      .where('event.kind = :kind AND event.name = :name', { kind, name });
    if (states) query.andWhere('event.state IN (:...states)', { states });
    const found = await query.orderBy('event.id', 'DESC').limit(1).getOne();
    return found?.state ?? null;
  }

  async log({
    kind,
    name,
    vm,
    project,
    before,
    state,
    reason,
  }: Omit<EventEntity, 'id' | 'at'>): Promise<void> {
    await this.dataSource.query('SELECT log_event($1, $2, $3, $4, $5, $6, $7)', [
      kind,
      name,
      vm,
      project,
      before,
      state,
      reason,
    ]);
  }

  /** Forgets what is too old or too much; the latest stays. */
  async prune(olderThan: Date, kept: number): Promise<void> {
    await this.dataSource.query(
      `DELETE FROM event WHERE id < (SELECT max(id) FROM event) AND
         (at < $1 OR id <= (SELECT id FROM event ORDER BY id DESC OFFSET $2 LIMIT 1))`,
      [olderThan, kept],
    );
  }

  private async assertKept(place: string): Promise<void> {
    const [row] = (await this.dataSource.query(
      'SELECT coalesce(min(id), 0)::text AS oldest, coalesce(max(id), 0)::text AS latest FROM event',
    )) as [{ oldest: string; latest: string }];
    if (BigInt(place) > BigInt(row.latest))
      throw new V3Error(
        'INVALID_REQUEST',
        `resourceVersion: there is no event ${place} yet; the latest is ${row.latest}`,
      );
    if (BigInt(place) + 1n < BigInt(row.oldest))
      throw new V3Error(
        'RESOURCE_VERSION_TOO_OLD',
        `events are kept from ${row.oldest} on, and ${place} is older: list anew, and watch from there`,
      );
  }
}

function ofProject(query: SelectQueryBuilder<EventEntity>, project: string | null | undefined): void {
  if (project == null) return;
  query.andWhere("(event.kind = 'host' OR event.project = :project)", { project });
}
