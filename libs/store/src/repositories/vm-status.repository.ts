import { DataSource, In, type EntityManager } from 'typeorm';
import { VmStatusEntity } from '../entities';

export type VmStatusRecord = Omit<VmStatusEntity, 'updatedAt'>;

/** What VMs do. Written by the Palacios of the owner host only; others read. */
export class VmStatusRepository {
  constructor(private readonly dataSource: DataSource) {}

  private of(manager: EntityManager = this.dataSource.manager) {
    return manager.getRepository(VmStatusEntity);
  }

  get(vmId: string, manager?: EntityManager): Promise<VmStatusEntity | null> {
    return this.of(manager).findOneBy({ vmId });
  }

  async getMany(vmIds: string[]): Promise<Map<string, VmStatusEntity>> {
    const rows = await this.of().findBy({ vmId: In(vmIds) });
    return new Map(rows.map(row => [row.vmId, row]));
  }

  /** Rows a host's Palacios wrote, also those of an earlier incarnation. */
  ofHost(host: string): Promise<VmStatusEntity[]> {
    return this.of().findBy({ host });
  }

  /**
   * Writes the whole row, new or not.
   * @param manager the transaction of `StateStore.write`, when the row refers to a state just saved
   * @returns false when nothing was written: the VM is deleted, or is another epoch's by now
   */
  async save(status: VmStatusRecord, manager: EntityManager = this.dataSource.manager): Promise<boolean> {
    const rows: unknown[] = await manager.query(
      `INSERT INTO vm_status (vm_id, host, epoch, state, reason, agent, ips, started_at, incarnation, desired,
                              resume_state, updated_at)
       SELECT id, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, now() FROM vm WHERE id = $1 AND epoch <= $3
       ON CONFLICT (vm_id) DO UPDATE SET
         host = excluded.host, epoch = excluded.epoch, state = excluded.state, reason = excluded.reason,
         agent = excluded.agent, ips = excluded.ips, started_at = excluded.started_at,
         incarnation = excluded.incarnation, desired = excluded.desired,
         resume_state = excluded.resume_state, updated_at = excluded.updated_at
       WHERE vm_status.epoch <= excluded.epoch
       RETURNING vm_id`,
      [
        status.vmId,
        status.host,
        status.epoch,
        status.state,
        status.reason,
        status.agent,
        JSON.stringify(status.ips),
        status.startedAt,
        status.incarnation,
        status.desired,
        status.resumeState,
      ],
    );
    return rows.length > 0;
  }

  /** Afterwards the VM counts as one that never ran. Its saved state must be removed by the caller. */
  async forget(vmId: string): Promise<void> {
    await this.of().delete({ vmId });
  }
}
