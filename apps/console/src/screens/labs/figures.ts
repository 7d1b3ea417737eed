import type { LabRunDetail } from '@v3vee/contracts';

export type LabRow = LabRunDetail['rows'][number];
type Figure = LabRow['ours'];

/** Four digits that count; large ones in thousands, so that columns can be compared. */
export const formatFigure = (value: number): string =>
  value.toLocaleString('en', { maximumSignificantDigits: 4 });

/** `30 (28–41, n=5)`; one measurement has no spread. */
export const formatSpread = ({ median, min, max, n }: Figure): string =>
  n === 1
    ? `${formatFigure(median)} (n=1)`
    : `${formatFigure(median)} (${formatFigure(min)}–${formatFigure(max)}, n=${n})`;

/** With that of the rounds, where there were several. */
export const formatRatio = ({ ratio, ratioSpread, ours }: LabRow): string => {
  if (ratio === null) return '–';
  const spread =
    ours.n > 1 && ratioSpread && ` (${formatFigure(ratioSpread.min)}–${formatFigure(ratioSpread.max)})`;
  return `${formatFigure(ratio)}${spread || ''}`;
};

export const formatTarget = ({ target, unit }: LabRow): string => {
  if (!target) return '–';
  const sign = target.op === '<=' ? '≤' : '≥';
  return target.of === 'ratio'
    ? `ratio ${sign} ${formatFigure(target.value)}`
    : `${sign} ${formatFigure(target.value)} ${unit}`;
};
