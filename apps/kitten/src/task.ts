import type { TaskKind, TaskPolicy, TaskState } from '@v3vee/contracts';
import type { CoreHolder } from './gate';

/** What runs on a core: a guest's virtual core, a rank of a job, or the idle task. Times in ms. */
export interface Task {
  readonly id: number;
  readonly name: string;
  readonly kind: TaskKind;
  readonly aspace: number;
  readonly holder: CoreHolder;
  /** Cores that it may be on; null: all. */
  readonly affinity: readonly number[] | null;
  readonly startedAt: number;
  state: TaskState;
  policy: TaskPolicy;
  core: number;
  grantedMs: number;
  /** As its holder tells. */
  usedMs: number;
  /** By which its last turn was too long. */
  overrunMs: number;
  /** Of its present period, while it is scheduled by earliest deadline first. */
  deadline: number;
  budgetMs: number;
}

export type NewTask = Pick<Task, 'name' | 'kind' | 'aspace' | 'holder' | 'core'> &
  Partial<Pick<Task, 'affinity' | 'state' | 'policy'>>;

export const ROUND_ROBIN: TaskPolicy = { kind: 'rr' };

/** Of a core, that a task has reserved. */
export const reserved = ({ policy }: Pick<Task, 'policy'>): number =>
  policy.kind === 'edf' ? policy.sliceMs / policy.periodMs : 0;
