import type { FieldError, Project, ProjectPatch } from '@v3vee/contracts';
import { ApiError } from '../../api/problem';

export const units = ['MiB', 'GiB', 'TiB'] as const;
export type Unit = (typeof units)[number];
const MIB_OF: Record<Unit, number> = { MiB: 1, GiB: 1024, TiB: 1024 * 1024 };
const MIB = 2 ** 20;

/** As it is typed; empty: no limit. */
export interface Amount {
  text: string;
  unit: Unit;
}
export interface QuotaForm {
  vms: string;
  memory: Amount;
  snapshots: Amount;
}

/** In the largest unit of which it is a whole number. @param mib null: no limit */
function amountOf(mib: number | null): Amount {
  if (mib === null) return { text: '', unit: 'GiB' };
  const unit = units.findLast(each => mib > 0 && mib % MIB_OF[each] === 0) ?? 'MiB';
  return { text: String(Number((mib / MIB_OF[unit]).toFixed(3))), unit };
}

/** @param project none: one that is to be made */
export function quotaForm(project?: Project): QuotaForm {
  const bytes = project?.maxSnapshotBytes ?? null;
  return {
    vms: project?.maxVms?.toString() ?? '',
    memory: amountOf(project?.maxMemoryMiB ?? null),
    snapshots: amountOf(bytes === null ? null : bytes / MIB),
  };
}

/**
 * What the gateway takes. What is no number is told here, since JSON has no word for that but null, which is no limit.
 * @param before what of it is as it was, is left out
 * @throws ApiError INVALID_REQUEST, with the fields
 */
export function patchOf(form: QuotaForm, before?: QuotaForm): ProjectPatch {
  const errors: FieldError[] = [];
  const whole = (path: string, text: string, factor: number): number | null => {
    if (text.trim() === '') return null;
    const value = Number(text) * factor;
    if (/^[\d.]+$/.test(text.trim()) && Number.isInteger(value)) return value;
    const what = path === 'maxVms' ? 'a whole number' : 'an amount of whole MiB';
    errors.push({ path, message: `${what}, or nothing for no limit` });
    return null;
  };
  const mib = (path: string, { text, unit }: Amount) => whole(path, text, MIB_OF[unit]);
  const isChanged = (part: keyof QuotaForm) => JSON.stringify(form[part]) !== JSON.stringify(before?.[part]);
  const patch: ProjectPatch = {};
  if (isChanged('vms')) patch.maxVms = whole('maxVms', form.vms, 1);
  if (isChanged('memory')) patch.maxMemoryMiB = mib('maxMemoryMiB', form.memory);
  if (isChanged('snapshots')) {
    const most = mib('maxSnapshotBytes', form.snapshots);
    patch.maxSnapshotBytes = most === null ? null : most * MIB;
  }
  if (errors.length === 0) return patch;
  const detail = errors.map(({ path, message }) => `${path}: ${message}`).join('; ');
  throw new ApiError('INVALID_REQUEST', 'The request is not valid', detail, errors);
}
