import { defaultDmmPolicy, dmmPolicy, type DmmPolicy, type DmmPolicyPatch } from '@v3vee/contracts';
import { DataSource } from 'typeorm';
import { translating } from '../constraints';
import { DmmPolicyEntity } from '../entities';

/** How physical cards (`alpha/eth0`) are shared. What was never set is as by default, also of unknown cards. */
export class DmmPolicyRepository {
  constructor(private readonly dataSource: DataSource) {}

  async get(device: string): Promise<DmmPolicy> {
    return toPolicy(await this.dataSource.getRepository(DmmPolicyEntity).findOneBy({ device }));
  }

  /** Of those devices for which something was set. */
  async all(): Promise<Map<string, DmmPolicy>> {
    const rows = await this.dataSource.getRepository(DmmPolicyEntity).find();
    return new Map(rows.map(row => [row.device, toPolicy(row)]));
  }

  /**
   * Changes what the patch names, and answers the whole.
   * @throws V3Error SERVICE_UNAVAILABLE
   */
  save(device: string, patch: DmmPolicyPatch): Promise<DmmPolicy> {
    return translating({}, async () => {
      // `||` of jsonb: keys of the right replace those of the left, in one step also beside another change.
      const [row] = (await this.dataSource.query(
        `INSERT INTO dmm_policy (device, policy) VALUES ($1, $2::jsonb)
         ON CONFLICT (device) DO UPDATE SET policy = dmm_policy.policy || excluded.policy
         RETURNING policy`,
        [device, JSON.stringify(patch)],
      )) as Pick<DmmPolicyEntity, 'policy'>[];
      return toPolicy(row ?? null);
    });
  }
}

function toPolicy(row: Pick<DmmPolicyEntity, 'policy'> | null): DmmPolicy {
  return dmmPolicy.parse({ ...defaultDmmPolicy, ...row?.policy });
}
