import { DataSource } from 'typeorm';
import { translating } from '../constraints';
import { DmmViolationEntity } from '../entities';
import type { AgeKey, PageOf } from '../page';

/** Its VM's name is looked up when it is written. */
export type NewDmmViolation = Omit<DmmViolationEntity, 'vm'>;

/** Denied DMA. Written by the DMM only. A hostile guest can make any number: of each device the latest are kept. */
export class DmmViolationRepository {
  constructor(
    private readonly dataSource: DataSource,
    private readonly keptPerDevice = 10_000,
  ) {}

  /**
   * Writes all or none; one that is there already is not written again.
   * @throws V3Error SERVICE_UNAVAILABLE, STORAGE_FULL
   */
  async insert(violations: readonly NewDmmViolation[]): Promise<void> {
    if (violations.length === 0) return;
    await translating({}, () =>
      this.dataSource.transaction(async manager => {
        // One parameter for all rows: their number has no limit then.
        await manager.query(
          `INSERT INTO dmm_violation (id, device, vm_id, vm, register, direction, address, length, action, at)
           SELECT v.id, v.device, v."vmId", coalesce(vm.name, v."vmId"::text),
                  v.register, v.direction, v.address, v.length, v.action, v.at
           FROM jsonb_to_recordset($1::jsonb) AS v
             (id uuid, device text, "vmId" uuid, register text, direction text,
              address double precision, length double precision, action text, at timestamptz)
           LEFT JOIN vm ON vm.id = v."vmId"
           ON CONFLICT (id) DO NOTHING`,
          [JSON.stringify(violations)],
        );
        for (const device of new Set(violations.map(violation => violation.device))) {
          await manager.query(
            `DELETE FROM dmm_violation WHERE device = $1 AND (at, id) <= (
               SELECT at, id FROM dmm_violation WHERE device = $1 ORDER BY at DESC, id DESC OFFSET $2 LIMIT 1)`,
            [device, this.keptPerDevice],
          );
        }
      }),
    );
  }

  /** Newest first, all or those of one device. In the key of a page, `createdAt` is the last one's `at`. */
  list({ after, limit, device }: PageOf<AgeKey> & { device?: string }): Promise<DmmViolationEntity[]> {
    const query = this.dataSource
      .getRepository(DmmViolationEntity)
      .createQueryBuilder('violation')
      .orderBy('violation.at', 'DESC')
      .addOrderBy('violation.id', 'DESC')
      .limit(limit);
    if (device !== undefined) query.andWhere('violation.device = :device', { device });
    if (after) query.andWhere('(violation.at, violation.id) < (:createdAt, :id)', { ...after });
    return query.getMany();
  }

  async countByDevice(): Promise<Map<string, number>> {
    const rows: { device: string; count: number }[] = await this.dataSource.query(
      'SELECT device, count(*)::int AS count FROM dmm_violation GROUP BY device',
    );
    return new Map(rows.map(({ device, count }) => [device, count]));
  }
}
