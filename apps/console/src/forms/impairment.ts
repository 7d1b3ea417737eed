import type { Impairment } from '@v3vee/contracts';
import { numberOf, shown, type Values } from './form-model';

/** Member, label, and what is when it is left empty. */
export const impairmentMembers = [
  ['delayMs', 'Delay, ms', '0'],
  ['jitterMs', 'Jitter, ± ms', '0'],
  ['lossPercent', 'Loss, %', '0'],
  ['rateKbit', 'Rate, kbit/s', 'no limit'],
  ['duplicatePercent', 'Duplicated, %', '0'],
  ['corruptPercent', 'Corrupted, %', '0'],
  ['reorderPercent', 'Reordered, %', '0'],
  ['seed', 'Seed', '1'],
] as const satisfies readonly (readonly [keyof Impairment, string, string])[];

/** What a line's or NIC's impairment is in a form. */
export function impairmentValues(impairment: Impairment | null): Values {
  const told = impairmentMembers.map(([key]) => {
    const value = impairment?.[key] ?? null;
    // What is as by default is left empty, so that what is not can be seen.
    const isDefault = value === (key === 'seed' ? 1 : 0);
    return [`impairment.${key}`, isDefault ? '' : shown(value)] as const;
  });
  return { impaired: impairment !== null, ...Object.fromEntries(told) };
}

/** As the gateway takes it, in the order in which it tells it; null: none. */
export function impairmentOf(values: Values): Impairment | null {
  if (values.impaired !== true) return null;
  const value = (key: keyof Impairment) => numberOf(values[`impairment.${key}`]);
  return {
    delayMs: value('delayMs') ?? 0,
    jitterMs: value('jitterMs') ?? 0,
    lossPercent: value('lossPercent') ?? 0,
    duplicatePercent: value('duplicatePercent') ?? 0,
    corruptPercent: value('corruptPercent') ?? 0,
    reorderPercent: value('reorderPercent') ?? 0,
    rateKbit: value('rateKbit') ?? null,
    seed: value('seed') ?? 1,
  };
}

/** `20 ± 5 ms, 1 % lost`; what is not impaired is not said. */
export function impairmentText(impairment: Impairment | null): string {
  if (!impairment) return '';
  const { delayMs, jitterMs, lossPercent, duplicatePercent, corruptPercent, reorderPercent, rateKbit } =
    impairment;
  const parts = [
    delayMs > 0 || jitterMs > 0 ? `${delayMs}${jitterMs > 0 ? ` ± ${jitterMs}` : ''} ms` : '',
    rateKbit === null ? '' : `${rateKbit} kbit/s`,
    lossPercent > 0 ? `${lossPercent} % lost` : '',
    duplicatePercent > 0 ? `${duplicatePercent} % twice` : '',
    corruptPercent > 0 ? `${corruptPercent} % corrupted` : '',
    reorderPercent > 0 ? `${reorderPercent} % reordered` : '',
  ];
  return parts.filter(Boolean).join(', ');
}
