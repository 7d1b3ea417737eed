import type { labFigure, labRow, labTarget } from '@v3vee/contracts';
import type { z } from 'zod';
import type { Plot } from './plot';

/** How a lab's figures are kept: scripts read this as JSON, so its shape is an interface. */
export type Figure = z.infer<typeof labFigure>;
export type Target = z.infer<typeof labTarget>;
export type LabRow = z.infer<typeof labRow>;

export interface LabResult {
  lab: string;
  results: LabRow[];
  /** How single runs went; absent where a lab has none. */
  plots?: Plot[];
}

export interface Series {
  name: string;
  values: readonly number[];
}

/** @throws RangeError on an empty series: a lab that measured nothing has no figure */
export function figure({ name, values }: Series): Figure {
  if (values.length === 0) throw new RangeError(`nothing was measured for "${name}"`);
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median =
    sorted.length % 2
      ? (sorted[middle] as number)
      : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
  return { name, median, min: sorted[0] as number, max: sorted.at(-1) as number, n: sorted.length };
}

/** @throws RangeError where the sides were not measured equally often, or a baseline is 0 */
function ratios(ours: Series, baseline: Series): Figure {
  if (ours.values.length !== baseline.values.length || baseline.values.includes(0)) {
    throw new RangeError(`the rounds of "${ours.name}" and "${baseline.name}" do not pair`);
  }
  return figure({ name: 'ratio', values: ours.values.map((value, i) => value / baseline.values[i]!) });
}

/** The value that a share of the values (0.99: 99 %) does not exceed (nearest rank). */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.max(Math.ceil(share * sorted.length), 1) - 1];
  if (value === undefined) throw new RangeError('nothing was measured');
  return value;
}

export function row(input: {
  name: string;
  unit: string;
  ours: Series;
  baseline?: Series | null;
  /**
   * The nth values of both sides were measured one after the other: their ratios are compared, which takes out what
   * the machine did to both.
   */
  paired?: boolean;
  claim?: string;
  target?: Target;
}): LabRow {
  const ours = figure(input.ours);
  const baseline = input.baseline ? figure(input.baseline) : null;
  const rounds = input.paired && input.baseline ? ratios(input.ours, input.baseline) : null;
  const ratio = rounds?.median ?? (baseline && baseline.median !== 0 ? ours.median / baseline.median : null);
  const target = input.target ?? null;
  const value = target?.of === 'ratio' ? ratio : ours.median;
  return {
    name: input.name,
    unit: input.unit,
    baseline,
    ours,
    ratio,
    ratioSpread: rounds && { min: rounds.min, max: rounds.max },
    claim: input.claim ?? null,
    target,
    holds:
      target === null || value === null
        ? null
        : target.op === '<='
          ? value <= target.value
          : value >= target.value,
  };
}

/** What could not be measured here, and why. */
export function skipped(name: string, why: string): LabRow {
  return {
    ...{
      name,
      unit: '',
      baseline: null,
      ratio: null,
      ratioSpread: null,
      claim: null,
      target: null,
      holds: null,
    },
    ours: { name: 'skipped', median: 0, min: 0, max: 0, n: 0 },
    skipped: why,
  };
}
