import { DEFAULT_PROJECT, V3Error } from '@v3vee/contracts';
import { DataSource, type EntityManager } from 'typeorm';
import { translating } from '../constraints';
import { SnapshotEntity } from '../entities';
import { isUuid, type AgeKey, type PageOf } from '../page';
import { assertSnapshotQuota } from './quotas';

export type NewSnapshot = Omit<SnapshotEntity, 'createdAt' | 'kind' | 'disks' | 'project'> &
  Partial<Pick<SnapshotEntity, 'kind' | 'disks'>>;

/** Named saved states. Written by the Palacios that took them; others read. */
export class SnapshotRepository {
  constructor(private readonly dataSource: DataSource) {}

  private of(manager: EntityManager = this.dataSource.manager) {
    return manager.getRepository(SnapshotEntity);
  }

  async get(id: string): Promise<SnapshotEntity | null> {
    return isUuid(id) ? this.of().findOneBy({ id }) : null;
  }

  /** Of one VM, by id or name. */
  async find(vmId: string, idOrName: string): Promise<SnapshotEntity | null> {
    const byId = await this.get(idOrName);
    return byId?.vmId === vmId ? byId : this.of().findOneBy({ vmId, name: idOrName });
  }

  /** All of this name, whatever their VM. */
  named(name: string): Promise<SnapshotEntity[]> {
    return this.of().findBy({ name });
  }

  /** Of what VMs (`a1/before`) there are snapshots that were booted from an image. */
  async usingImage(image: string): Promise<string[]> {
    const rows = await this.of().find({ where: { image }, select: { vmName: true, name: true } });
    return rows.map(({ vmName, name }) => `${vmName}/${name}`);
  }

  /** The newest of a VM: what a crashed guest starts again from. */
  latest(vmId: string): Promise<SnapshotEntity | null> {
    return this.of().findOne({ where: { vmId }, order: { createdAt: 'DESC', id: 'DESC' } });
  }

  /** All of a VM, newest first. */
  ofVm(vmId: string): Promise<SnapshotEntity[]> {
    return this.of().find({ where: { vmId }, order: { createdAt: 'DESC', id: 'DESC' } });
  }

  /** Oldest first, all or those of one VM (id, or name at the time of the snapshot). */
  list({ after, limit, vm }: PageOf<AgeKey> & { vm?: string }): Promise<SnapshotEntity[]> {
    const query = this.of()
      .createQueryBuilder('snapshot')
      .orderBy('snapshot.created_at', 'ASC')
      .addOrderBy('snapshot.id', 'ASC')
      .limit(limit);
    if (vm !== undefined) {
      query.andWhere(
        isUuid(vm) ? '(snapshot.vm_id = :vm OR snapshot.vm_name = :vm::text)' : 'snapshot.vm_name = :vm',
        {
          vm,
        },
      );
    }
    if (after) query.andWhere('(snapshot.created_at, snapshot.id) > (:createdAt, :id)', { ...after });
    return query.getMany();
  }

  /**
   * @param manager the transaction of `StateStore.write`: row and state then appear together
   * @param epoch of the VM on the snapshot's host: a host that is not its owner any more has nothing to say of it
   * It is of its VM's project.
   * @throws V3Error QUOTA_EXCEEDED, SNAPSHOT_EXISTS when the VM has one of this name, VM_NOT_FOUND when it is not at that epoch
   */
  async insert(
    snapshot: NewSnapshot,
    manager: EntityManager = this.dataSource.manager,
    epoch?: number,
  ): Promise<SnapshotEntity> {
    if (epoch !== undefined) {
      const { vmId, vmName, host } = snapshot;
      const owned: unknown[] = await manager.query(
        'SELECT FROM vm WHERE id = $1 AND owner_host = $2 AND epoch = $3 FOR SHARE',
        [vmId, host, epoch],
      );
      if (owned.length === 0) {
        throw new V3Error('VM_NOT_FOUND', `VM ${vmName} is not ${host}'s any more; its state was not kept`);
      }
    }
    const exists = `${snapshot.vmName} has a snapshot named "${snapshot.name}"; choose another name`;
    return translating({ snapshot_name_unique: ['SNAPSHOT_EXISTS', exists] }, () =>
      // A part of the caller's transaction, if there is one: what is refused leaves nothing.
      manager.transaction(async inner => {
        const repository = this.of(inner);
        const [vm]: { project: string }[] = await inner.query('SELECT project FROM vm WHERE id = $1', [
          snapshot.vmId,
        ]);
        const project = vm?.project ?? DEFAULT_PROJECT;
        await repository.insert({ ...snapshot, project });
        if (snapshot.kind !== 'checkpoint') await assertSnapshotQuota(inner, project);
        return repository.findOneByOrFail({ id: snapshot.id });
      }),
    );
  }

  /** The row only; call `StateStore.remove(digest)` afterwards. */
  async remove(id: string): Promise<void> {
    await this.of().delete({ id });
  }
}
