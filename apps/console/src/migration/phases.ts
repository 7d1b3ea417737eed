import type { Migration, MigrationPhase } from '@v3vee/contracts';

/** What a migration goes through when all goes well. */
export const steps = [
  'PREPARING',
  'COPYING',
  'STOPPED',
  'SWITCHING',
  'COMPLETED',
] as const satisfies readonly MigrationPhase[];
export const stepNames: Record<(typeof steps)[number], string> = {
  PREPARING: 'Prepare',
  COPYING: 'Copy',
  STOPPED: 'Stop',
  SWITCHING: 'Switch',
  COMPLETED: 'Runs',
};

export type StepState = 'done' | 'now' | 'failed' | 'ahead';

/** Of each step; the one where it failed or was cancelled is `failed`. */
export function stepStates({ phase, phases }: Pick<Migration, 'phase' | 'phases'>): StepState[] {
  const reached = Math.max(0, ...phases.map(each => steps.indexOf(each.phase as (typeof steps)[number])));
  const isBroken = phase === 'FAILED' || phase === 'CANCELLED';
  return steps.map((step, index) => {
    if (index < reached || phase === 'COMPLETED') return 'done';
    if (index > reached) return 'ahead';
    return isBroken ? 'failed' : 'now';
  });
}

/** How long each phase took, ms; the last one until now or its end. */
export function phaseDurations({ phases, endedAt }: Migration, now: number): Map<MigrationPhase, number> {
  const durations = new Map<MigrationPhase, number>();
  phases.forEach(({ phase, at }, index) => {
    const next = phases[index + 1]?.at ?? endedAt;
    durations.set(phase, (next ? Date.parse(next) : now) - Date.parse(at));
  });
  return durations;
}

/** Whether it can still be called off. */
export const isCancellable = (phase: MigrationPhase): boolean => phase === 'PREPARING' || phase === 'COPYING';
