import type { MigrationProgress } from '@v3vee/contracts';
import { DataSource, IsNull, type EntityManager } from 'typeorm';
import { translating } from '../constraints';
import { VmMigrationEntity } from '../entities';
import { isUuid, type AgeKey, type PageOf } from '../page';

export type NewVmMigration = Omit<VmMigrationEntity, 'createdAt' | 'endedAt'>;

/** Live migrations of VMs: those under way, and what became of the others. Written by the gateway only. */
export class VmMigrationRepository {
  constructor(private readonly dataSource: DataSource) {}

  private of(manager: EntityManager = this.dataSource.manager) {
    return manager.getRepository(VmMigrationEntity);
  }

  async get(id: string): Promise<VmMigrationEntity | null> {
    return isUuid(id) ? this.of().findOneBy({ id }) : null;
  }

  /** The one of a VM that has not ended. */
  running(vmId: string): Promise<VmMigrationEntity | null> {
    return this.of().findOneBy({ vmId, endedAt: IsNull() });
  }

  /** All that have not ended, oldest first. */
  unfinished(): Promise<VmMigrationEntity[]> {
    return this.of().find({ where: { endedAt: IsNull() }, order: { createdAt: 'ASC', id: 'ASC' } });
  }

  /** Newest first, all or those of one VM (id, or name when it began). */
  list({ after, limit, vm }: PageOf<AgeKey> & { vm?: string }): Promise<VmMigrationEntity[]> {
    const query = this.of()
      .createQueryBuilder('migration')
      .orderBy('migration.created_at', 'DESC')
      .addOrderBy('migration.id', 'DESC')
      .limit(limit);
    if (vm !== undefined) {
      query.andWhere(isUuid(vm) ? 'migration.vm_id = :vm' : 'migration.vm = :vm', { vm });
    }
    if (after) {
      const { createdAt, id } = after;
      query.andWhere('(migration.created_at, migration.id) < (:createdAt, :id)', { createdAt, id });
    }
    return query.getMany();
  }

  /** @throws V3Error VM_BUSY when one of the VM is under way */
  async insert(migration: NewVmMigration, manager?: EntityManager): Promise<VmMigrationEntity> {
    const busy = `${migration.vm} is being moved already; wait for that to end, or cancel it`;
    return translating({ vm_migration_one_at_a_time: ['VM_BUSY', busy] }, async () => {
      const repository = this.of(manager);
      await repository.insert({ ...migration, endedAt: null });
      return repository.findOneByOrFail({ id: migration.id });
    });
  }

  /** Of one that has not ended. */
  async progress(id: string, progress: MigrationProgress): Promise<void> {
    await this.of().update({ id, endedAt: IsNull() }, { progress });
  }

  /** @returns null when it had ended before */
  async end(id: string, progress: MigrationProgress): Promise<VmMigrationEntity | null> {
    const change = { progress, endedAt: new Date() };
    const { affected } = await this.of().update({ id, endedAt: IsNull() }, change);
    return affected ? this.of().findOneBy({ id }) : null;
  }

  /** @returns how many were forgotten */
  async removeEndedBefore(instant: Date): Promise<number> {
    const { affected } = await this.of()
      .createQueryBuilder()
      .delete()
      .where('ended_at < :instant', { instant })
      .execute();
    return affected ?? 0;
  }
}
