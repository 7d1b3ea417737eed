import { formatRatio, formatSpread, formatTarget, type LabRow } from './figures';

const row: LabRow = {
  ...{ name: 'TCP stream', unit: 'Mbit/s', claim: null, holds: true },
  baseline: { name: 'native', median: 1234567, min: 1, max: 2, n: 2 },
  ours: { name: 'overlay', median: 0.012345, min: 0.01, max: 1.5, n: 3 },
  ratio: 0.98765,
  ratioSpread: { min: 0.9, max: 1.1 },
  target: { of: 'ratio', op: '>=', value: 0.95 },
};

describe('figures of a lab', () => {
  it('have four digits, their spread, and how often they were measured', () => {
    expect(formatSpread(row.ours)).toBe('0.01235 (0.01–1.5, n=3)');
    expect(formatSpread({ ...row.ours, median: 1234567, n: 1 })).toBe('1,235,000 (n=1)');
  });

  it('are compared by their ratio', () => {
    expect(formatRatio(row)).toBe('0.9877 (0.9–1.1)');
    expect(formatRatio({ ...row, ratioSpread: null })).toBe('0.9877');
    expect(formatRatio({ ...row, ours: { ...row.ours, n: 1 } })).toBe('0.9877');
    expect(formatRatio({ ...row, ratio: null })).toBe('–');
  });

  it('have a target of their ratio or of ours', () => {
    expect(formatTarget(row)).toBe('ratio ≥ 0.95');
    expect(formatTarget({ ...row, unit: 'ms', target: { of: 'ours', op: '<=', value: 60 } })).toBe('≤ 60 ms');
    expect(formatTarget({ ...row, target: null })).toBe('–');
  });
});
