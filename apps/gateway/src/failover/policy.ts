import {
  DEFAULT_CHECKPOINT_SECONDS,
  failoverProblem,
  V3Error,
  type FailoverPolicy,
  type VmPatch,
} from '@v3vee/contracts';
import type { VmDefinition } from '@v3vee/store';

export interface Policy {
  failover: FailoverPolicy;
  /** Seconds. */
  checkpointEvery: number | null;
}

/** As the store keeps it. */
export function policyOf({
  failover,
  checkpointEvery,
}: {
  failover: FailoverPolicy;
  checkpointEvery?: number;
}): Policy {
  const every = failover === 'checkpoint' ? (checkpointEvery ?? DEFAULT_CHECKPOINT_SECONDS) : null;
  return { failover, checkpointEvery: every };
}

/** What a patch makes of a VM's policy; nothing, if it names neither part. @throws V3Error INVALID_REQUEST */
export function changedPolicy(
  vm: Pick<VmDefinition, 'failover' | 'checkpointEvery'>,
  { failover = vm.failover, checkpointEvery }: Pick<VmPatch, 'failover' | 'checkpointEvery'>,
): Policy {
  const problem = failoverProblem({ failover, checkpointEvery });
  if (problem) {
    const [path] = problem.path;
    throw new V3Error('INVALID_REQUEST', `${path}: ${problem.message}`, {
      fields: [{ path, message: problem.message }],
    });
  }
  return policyOf({ failover, checkpointEvery: checkpointEvery ?? vm.checkpointEvery ?? undefined });
}

export const describePolicy = ({ failover, checkpointEvery }: Policy): string =>
  checkpointEvery === null ? failover : `${failover} every ${checkpointEvery} s`;
