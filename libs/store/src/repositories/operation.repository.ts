import type { Problem } from '@v3vee/contracts';
import { DataSource, IsNull, Not, type EntityManager } from 'typeorm';
import { OperationEntity, OperationLockEntity } from '../entities';
import { isUuid, type AgeKey, type PageOf } from '../page';

export type NewOperation = Pick<OperationEntity, 'id' | 'verb' | 'target' | 'actor'>;
export type OperationOutcome = { response: object } | { error: Problem };

/** What takes long, and the locks that keep two of them off one resource. Written by the gateway only. */
export class OperationRepository {
  constructor(private readonly dataSource: DataSource) {}

  private of(manager: EntityManager = this.dataSource.manager) {
    return manager.getRepository(OperationEntity);
  }

  async get(id: string, manager?: EntityManager): Promise<OperationEntity | null> {
    return isUuid(id) ? this.of(manager).findOneBy({ id }) : null;
  }

  /** Newest first. */
  list({ after, limit }: PageOf<AgeKey>): Promise<OperationEntity[]> {
    const query = this.of()
      .createQueryBuilder('operation')
      .orderBy('operation.created_at', 'DESC')
      .addOrderBy('operation.id', 'DESC')
      .limit(limit);
    if (after) query.where('(operation.created_at, operation.id) < (:createdAt, :id)', { ...after });
    return query.getMany();
  }

  /** One whose target is `vms/NAME` is of that VM's project. */
  async insert(operation: NewOperation, manager?: EntityManager): Promise<OperationEntity> {
    const repository = this.of(manager);
    const [, vm] = /^vms\/(.+)$/.exec(operation.target) ?? [];
    const [owner]: { project: string }[] =
      vm === undefined ? [] : await repository.query('SELECT project FROM vm WHERE name = $1', [vm]);
    return repository.save(
      repository.create({
        ...operation,
        project: owner?.project ?? null,
        done: false,
        progress: '',
        metadata: null,
        error: null,
        response: null,
        endedAt: null,
      }),
    );
  }

  /**
   * Takes a resource for one operation, for example `vms/<id>`, until that ends.
   * @returns the operation that has it: this one, or another, whose end must be awaited
   */
  async lock(operationId: string, resource: string, manager?: EntityManager): Promise<string> {
    const executor = manager ?? this.dataSource.manager;
    for (;;) {
      const taken: unknown[] = await executor.query(
        `INSERT INTO operation_lock (resource, operation_id) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING resource`,
        [resource, operationId],
      );
      if (taken.length > 0) return operationId;
      const holder = await this.holder(resource, executor);
      // It may have been freed between the two statements.
      if (holder) return holder.id;
    }
  }

  /** The unfinished operation that holds a resource. */
  async holder(resource: string, manager?: EntityManager): Promise<OperationEntity | null> {
    const locks = (manager ?? this.dataSource.manager).getRepository(OperationLockEntity);
    const lock = await locks.findOneBy({ resource });
    return lock && this.of(manager).findOneBy({ id: lock.operationId });
  }

  /** @param metadata none: as it was */
  async progress(id: string, progress: string, metadata?: object): Promise<void> {
    await this.of().update({ id, done: false }, { progress, ...(metadata && { metadata }) });
  }

  /** Ends it and frees what it held. @returns null when it had ended before */
  async end(id: string, outcome: OperationOutcome): Promise<OperationEntity | null> {
    return this.dataSource.transaction(async manager => {
      await manager.getRepository(OperationLockEntity).delete({ operationId: id });
      const { affected } = await this.of(manager).update(
        { id, done: false },
        { error: null, response: null, ...outcome, done: true, endedAt: new Date() },
      );
      return affected ? this.of(manager).findOneBy({ id }) : null;
    });
  }

  /** Those that no process works on any more, after a restart. */
  unfinished(): Promise<OperationEntity[]> {
    return this.of().find({ where: { done: false }, order: { createdAt: 'ASC' } });
  }

  /** Of a verb, as far as they are kept. */
  async failedIds(verb: string): Promise<string[]> {
    const rows = await this.of().find({
      where: { verb, done: true, error: Not(IsNull()) },
      select: { id: true },
    });
    return rows.map(({ id }) => id);
  }

  /** @returns how many were forgotten */
  async removeEndedBefore(instant: Date): Promise<number> {
    const { affected } = await this.of()
      .createQueryBuilder()
      .delete()
      .where('done AND ended_at < :instant', { instant })
      .execute();
    return affected ?? 0;
  }
}
