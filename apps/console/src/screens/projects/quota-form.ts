import type { FieldError, Project, ProjectPatch } from '@v3vee/contracts';

export const units = ['MiB', 'GiB', 'TiB'] as const;
type Unit = (typeof units)[number];
const MIB_OF: Record<Unit, number> = { MiB: 1, GiB: 1024, TiB: 1024 * 1024 };
const MIB = 2 ** 20;

/** As it is typed, with the unit of what is an amount; empty: no limit. */
export type QuotaValues = {
  maxVms: string;
  maxMemoryMiB: string;
  memoryUnit: string;
  maxSnapshotBytes: string;
  snapshotUnit: string;
};

/** In the largest unit of which it is a whole number. @param mib null: no limit */
function amountOf(mib: number | null): [text: string, unit: Unit] {
  if (mib === null) return ['', 'GiB'];
  const unit = units.findLast(each => mib > 0 && mib % MIB_OF[each] === 0) ?? 'MiB';
  return [String(Number((mib / MIB_OF[unit]).toFixed(3))), unit];
}

/** @param project none: one that is to be made */
export function quotaValues(project?: Project): QuotaValues {
  const bytes = project?.maxSnapshotBytes ?? null;
  const [maxMemoryMiB, memoryUnit] = amountOf(project?.maxMemoryMiB ?? null);
  const [maxSnapshotBytes, snapshotUnit] = amountOf(bytes === null ? null : bytes / MIB);
  return {
    maxVms: project?.maxVms?.toString() ?? '',
    ...{ maxMemoryMiB, memoryUnit, maxSnapshotBytes, snapshotUnit },
  };
}

/** Whole numbers, each times its factor; null: no limit. NaN: what is typed is none. */
function quotasOf(values: QuotaValues): Required<ProjectPatch> {
  const whole = (text: string, factor: number): number | null => {
    if (text.trim() === '') return null;
    const value = Number(text) * factor;
    return /^[\d.]+$/.test(text.trim()) && Number.isInteger(value) ? value : NaN;
  };
  const snapshots = whole(values.maxSnapshotBytes, MIB_OF[values.snapshotUnit as Unit]);
  return {
    maxVms: whole(values.maxVms, 1),
    maxMemoryMiB: whole(values.maxMemoryMiB, MIB_OF[values.memoryUnit as Unit]),
    maxSnapshotBytes: snapshots === null ? null : snapshots * MIB,
  };
}

/** What is no number is told here, since JSON has no word for that but null, which is no limit. */
export function quotaProblems(values: QuotaValues): FieldError[] {
  return Object.entries(quotasOf(values))
    .filter(([, value]) => Number.isNaN(value))
    .map(([path]) => {
      const what = path === 'maxVms' ? 'a whole number' : 'an amount of whole MiB';
      return { path, message: `${what}, or nothing for no limit` };
    });
}

/** What the gateway takes. @param before what of it is as it was, is left out */
export function quotaPatch(values: QuotaValues, before?: QuotaValues): ProjectPatch {
  const quotas = quotasOf(values);
  if (!before) return quotas;
  const { maxVms, maxMemoryMiB, maxSnapshotBytes } = quotas;
  const isChanged = (...names: (keyof QuotaValues)[]) => names.some(name => values[name] !== before[name]);
  return {
    ...(isChanged('maxVms') && { maxVms }),
    ...(isChanged('maxMemoryMiB', 'memoryUnit') && { maxMemoryMiB }),
    ...(isChanged('maxSnapshotBytes', 'snapshotUnit') && { maxSnapshotBytes }),
  };
}
