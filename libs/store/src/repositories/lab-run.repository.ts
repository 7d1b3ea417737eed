import type { LabProgress } from '@v3vee/contracts';
import { DataSource, IsNull, Not } from 'typeorm';
import { translating } from '../constraints';
import { LabRunEntity } from '../entities';
import { isUuid, type AgeKey, type PageOf } from '../page';

export type NewLabRun = Pick<LabRunEntity, 'id' | 'lab' | 'runs' | 'reason' | 'actor'>;
export type LabRunEnd = Pick<LabRunEntity, 'state' | 'reason'> & Partial<Pick<LabRunEntity, 'rows'>>;

const LISTED = [
  ...['id', 'lab', 'runs', 'state', 'reason', 'progress'],
  ...['holds', 'missed', 'actor', 'createdAt', 'endedAt'],
];

/** Runs of labs: the one under way, and what became of the others. Written by the gateway only. */
export class LabRunRepository {
  constructor(private readonly dataSource: DataSource) {}

  private get table() {
    return this.dataSource.getRepository(LabRunEntity);
  }

  async get(id: string): Promise<LabRunEntity | null> {
    return isUuid(id) ? this.table.findOneBy({ id }) : null;
  }

  unfinished(): Promise<LabRunEntity[]> {
    return this.table.findBy({ endedAt: IsNull() });
  }

  /** Newest first, without their results. */
  list({ after, limit, lab }: PageOf<AgeKey> & { lab?: string }): Promise<Omit<LabRunEntity, 'rows'>[]> {
    const query = this.table
      .createQueryBuilder('run')
      .select(LISTED.map(column => `run.${column}`))
      .orderBy('run.created_at', 'DESC')
      .addOrderBy('run.id', 'DESC')
      .limit(limit);
    if (lab !== undefined) query.andWhere('run.lab = :lab', { lab });
    if (after) query.andWhere('(run.created_at, run.id) < (:createdAt, :id)', after);
    return query.getMany();
  }

  /** @throws V3Error LAB_BUSY while another one runs */
  async insert(run: NewLabRun): Promise<LabRunEntity> {
    const busy = 'another lab is running, and would be measured along; wait for its end, or cancel it';
    return translating({ lab_run_one_at_a_time: ['LAB_BUSY', busy] }, async () => {
      await this.table.insert({
        ...run,
        state: 'RUNNING',
        progress: null,
        rows: [],
        holds: 0,
        missed: 0,
        endedAt: null,
      });
      return this.table.findOneByOrFail({ id: run.id });
    });
  }

  /** Of one that has not ended. */
  async tell(id: string, told: { progress?: LabProgress; reason?: string }): Promise<void> {
    await this.table.update({ id, endedAt: IsNull() }, told);
  }

  async end(id: string, { rows = [], ...end }: LabRunEnd): Promise<void> {
    const count = (holds: boolean) => rows.filter(row => row.holds === holds).length;
    const results = { rows, holds: count(true), missed: count(false) };
    await this.table.update({ id, endedAt: IsNull() }, { ...end, ...results, endedAt: new Date() });
  }

  /** @returns whether there was one that had ended */
  async remove(id: string): Promise<boolean> {
    const { affected } = await this.table.delete({ id, endedAt: Not(IsNull()) });
    return Boolean(affected);
  }
}
