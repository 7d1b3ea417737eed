import { V3Error } from '@v3vee/contracts';
import type { EntityManager } from 'typeorm';

interface Quotas {
  max_vms: number | null;
  max_memory_mib: number | null;
  max_snapshot_bytes: string | null;
}

/** Until the transaction ends nobody else adds anything to the project. */
async function quotasOf(manager: EntityManager, project: string): Promise<Quotas | undefined> {
  const rows: Quotas[] = await manager.query(
    // Not FOR UPDATE: whoever has written a row of the project holds a weaker lock, which that would wait for.
    'SELECT max_vms, max_memory_mib, max_snapshot_bytes FROM project WHERE name = $1 FOR NO KEY UPDATE',
    [project],
  );
  return rows[0];
}

/**
 * After a VM was added or has more memory, in the same transaction.
 * @throws V3Error QUOTA_EXCEEDED
 */
export async function assertVmQuotas(manager: EntityManager, project: string): Promise<void> {
  const quotas = await quotasOf(manager, project);
  if (!quotas || (quotas.max_vms === null && quotas.max_memory_mib === null)) return;
  const [used]: { vms: string; mib: string }[] = await manager.query(
    'SELECT count(*) AS vms, coalesce(sum(memory_mib), 0) AS mib FROM vm WHERE project = $1',
    [project],
  );
  refuseBeyond(project, 'virtual machines', used?.vms, quotas.max_vms);
  refuseBeyond(project, 'MiB of memory for its virtual machines', used?.mib, quotas.max_memory_mib);
}

/** After a named snapshot was entered, in the same transaction. @throws V3Error QUOTA_EXCEEDED */
export async function assertSnapshotQuota(manager: EntityManager, project: string): Promise<void> {
  const quotas = await quotasOf(manager, project);
  if (!quotas || quotas.max_snapshot_bytes === null) return;
  const [used]: { bytes: string }[] = await manager.query(
    `SELECT coalesce(sum(bytes), 0) AS bytes FROM snapshot WHERE project = $1 AND kind = 'named'`,
    [project],
  );
  refuseBeyond(project, 'bytes for its snapshots', used?.bytes, Number(quotas.max_snapshot_bytes));
}

function refuseBeyond(project: string, what: string, used: string | undefined, most: number | null): void {
  if (most === null || Number(used) <= most) return;
  throw new V3Error(
    'QUOTA_EXCEEDED',
    `project ${project} has at most ${most} ${what}, and this would make ${used}; delete others first, or have its quota raised`,
  );
}
