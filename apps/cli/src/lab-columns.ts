import type { LabRun, LabRunDetail } from '@v3vee/contracts';
import { paintState } from './terminal/colour';
import { formatAge } from './terminal/quantities';
import type { Column } from './terminal/table';

export const labRunColumns: Column<LabRun>[] = [
  { title: 'ID', value: run => run.id },
  { title: 'LAB', value: run => run.lab },
  { title: 'STATE', value: run => run.state, paint: text => paintState(text, process.stdout) },
  { title: 'AGE', value: run => formatAge(run.createdAt) },
  { title: 'HOLDS', value: run => run.holds },
  { title: 'MISSED', value: run => run.missed },
  { title: 'REASON', value: run => run.reason },
  { title: 'RUNS', value: run => run.runs ?? 'usual', wide: true },
  { title: 'BY', value: run => run.actor, wide: true },
];

type Row = LabRunDetail['rows'][number];

export const labRowColumns: Column<Row>[] = [
  { title: 'MEASUREMENT', value: row => row.name },
  { title: 'UNIT', value: row => row.unit },
  { title: 'BASELINE', value: row => (row.baseline ? `${figure(row.baseline)} ${row.baseline.name}` : '') },
  { title: 'OURS', value: row => figure(row.ours) },
  { title: 'RATIO', value: row => (row.ratio === null ? '' : row.ratio.toFixed(3)) },
  {
    title: 'TARGET',
    value: row => (row.target ? `${row.target.of} ${row.target.op} ${row.target.value}` : ''),
  },
  { title: 'VERDICT', value: row => (row.holds === null ? '' : row.holds ? 'holds' : 'MISSED') },
  { title: 'PUBLISHED', value: row => row.claim ?? '' },
];

const number = (value: number): string =>
  value.toLocaleString('en', { maximumSignificantDigits: 4, useGrouping: false });
const figure = ({ median, min, max, n }: Row['ours']): string =>
  `${number(median)} (${number(min)}–${number(max)}, n=${n})`;
