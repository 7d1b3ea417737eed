import type { LabContext } from '../../lab';
import { row, type LabRow, type Target } from '../../result';
import type { Measurement } from './measurements';

/** Something that is compared: how its frames go, on which engine. */
export interface Side {
  name: string;
  /** Measures it once: the values of the measurement's figures. */
  measure(measurement: Measurement): Promise<number[]>;
}

/** The values of each side for each figure, round by round. */
export type Series = number[][];

/**
 * Measures all sides once in every round, each round in the other order: what happens to the machine meanwhile
 * happens to all of them.
 */
export async function inRounds(
  context: LabContext,
  measurement: Measurement,
  sides: readonly Side[],
  runs = context.runs,
): Promise<Series[]> {
  const count = Math.max(Math.round(runs * (measurement.share ?? 1)), 1);
  const series: Series[] = sides.map(() => measurement.figures.map(() => []));
  for (let i = 0; i < count; i++) {
    const order = [...sides.keys()];
    if (i % 2) order.reverse();
    for (const side of order) {
      context.signal.throwIfAborted();
      context.progress(`${measurement.name}, ${sides[side]!.name}, ${i + 1} of ${count}`);
      const values = await sides[side]!.measure(measurement);
      values.forEach((value, figure) => series[side]![figure]!.push(value));
    }
  }
  return series;
}

/** Rows of one side beside another, figure by figure. */
export function beside(
  measurement: Measurement,
  where: string,
  baseline: { name: string; series: Series },
  ours: { name: string; series: Series },
  /** Instead of the measurement's own targets, by the figure's name. */
  targets?: Readonly<Record<string, Target>>,
): LabRow[] {
  return measurement.figures.map((figure, i) =>
    row({
      name: `${figure.name}, ${where}`,
      unit: figure.unit,
      baseline: { name: baseline.name, values: baseline.series[i]! },
      ours: { name: ours.name, values: ours.series[i]! },
      paired: true,
      claim: targets ? undefined : figure.claim,
      target: targets ? targets[figure.name] : figure.target,
    }),
  );
}
