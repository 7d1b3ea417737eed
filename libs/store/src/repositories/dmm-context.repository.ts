import { DataSource, type SelectQueryBuilder } from 'typeorm';
import { translating } from '../constraints';
import { DmmContextEntity, VmEntity } from '../entities';
import { isUuid, type PageOf } from '../page';

/** A context without its bytes, with the name of its VM. */
export interface DmmContextRecord extends Omit<DmmContextEntity, 'context'> {
  vm: string;
  bytes: number;
}

/** What guests left in physical cards when those were taken from them. Written by the DMM only. */
export class DmmContextRepository {
  constructor(private readonly dataSource: DataSource) {}

  async get(device: string, vmId: string): Promise<DmmContextEntity | null> {
    return isUuid(vmId) ? this.dataSource.getRepository(DmmContextEntity).findOneBy({ device, vmId }) : null;
  }

  /**
   * Replaces what there is of this guest on this device, unless that is of a later epoch. Of a VM that was deleted
   * meanwhile nothing is written.
   * @throws V3Error SERVICE_UNAVAILABLE, STORAGE_FULL
   */
  async save({ device, vmId, epoch, forced, state, context, savedAt }: DmmContextEntity): Promise<void> {
    await translating({}, () =>
      this.dataSource.query(
        `INSERT INTO dmm_context (device, vm_id, epoch, forced, state, context, saved_at)
         SELECT $1, id, $3, $4, $5::jsonb, $6, $7 FROM vm WHERE id = $2
         ON CONFLICT (device, vm_id) DO UPDATE SET
           epoch = excluded.epoch, forced = excluded.forced, state = excluded.state,
           context = excluded.context, saved_at = excluded.saved_at
         WHERE dmm_context.epoch <= excluded.epoch`,
        [device, vmId, epoch, forced, JSON.stringify(state), context, savedAt],
      ),
    );
  }

  /** By device and VM name, all or those of one device. */
  async list({
    after,
    limit,
    device,
  }: PageOf<{ device: string; vm: string }> & { device?: string }): Promise<DmmContextRecord[]> {
    const query = this.withNames().limit(limit);
    if (device !== undefined) query.andWhere('context.device = :device', { device });
    if (after) {
      query.andWhere('(context.device, vm.name) > (:afterDevice, :afterVm)', {
        afterDevice: after.device,
        afterVm: after.vm,
      });
    }
    return query.getRawMany<DmmContextRecord>();
  }

  async countByDevice(): Promise<Map<string, number>> {
    const rows: { device: string; count: number }[] = await this.dataSource.query(
      'SELECT device, count(*)::int AS count FROM dmm_context GROUP BY device',
    );
    return new Map(rows.map(({ device, count }) => [device, count]));
  }

  /** A listing does not read the bytes. */
  private withNames(): SelectQueryBuilder<DmmContextEntity> {
    return this.dataSource
      .getRepository(DmmContextEntity)
      .createQueryBuilder('context')
      .innerJoin(VmEntity, 'vm', 'vm.id = context.vm_id')
      .select('context.device', 'device')
      .addSelect('context.vm_id', 'vmId')
      .addSelect('vm.name', 'vm')
      .addSelect('context.epoch', 'epoch')
      .addSelect('context.forced', 'forced')
      .addSelect('context.state', 'state')
      .addSelect('octet_length(context.context)', 'bytes')
      .addSelect('context.saved_at', 'savedAt')
      .orderBy('context.device', 'ASC')
      .addOrderBy('vm.name', 'ASC');
  }
}
