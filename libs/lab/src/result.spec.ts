import { figure, percentile, row } from './result';

describe('a lab row', () => {
  it('quotes median, minimum and maximum', () => {
    expect(figure({ name: 'x', values: [5, 1, 3] })).toEqual({ name: 'x', median: 3, min: 1, max: 5, n: 3 });
    expect(figure({ name: 'x', values: [4, 1] }).median).toBe(2.5);
    expect(() => figure({ name: 'x', values: [] })).toThrow('nothing was measured');
  });

  it('holds by its ratio to the baseline of the same run', () => {
    const values = { name: 'n', unit: 's', target: { of: 'ratio', op: '>=', value: 0.95 } as const };
    const base = { name: 'b', values: [10] };
    expect(row({ ...values, baseline: base, ours: { name: 'o', values: [9.6] } })).toMatchObject({
      ratio: 0.96,
      holds: true,
    });
    expect(row({ ...values, baseline: base, ours: { name: 'o', values: [9.4] } }).holds).toBe(false);
  });

  it('holds by its own figure where there is no baseline, and claims nothing without a target', () => {
    const ours = { name: 'o', values: [2] };
    expect(row({ name: 'n', unit: 's', ours, target: { of: 'ours', op: '<=', value: 1.5 } })).toMatchObject({
      baseline: null,
      ratio: null,
      holds: false,
    });
    expect(row({ name: 'n', unit: 's', ours }).holds).toBeNull();
  });

  it('says nothing of a ratio target whose baseline could not be measured', () => {
    const target = { of: 'ratio', op: '<=', value: 1 } as const;
    expect(row({ name: 'n', unit: 's', ours: { name: 'o', values: [2] }, target }).holds).toBeNull();
  });
});

describe('sides that were measured in turns', () => {
  const paired = (ours: number[], base: number[]) =>
    row({
      name: 'n',
      unit: 's',
      paired: true,
      ours: { name: 'o', values: ours },
      baseline: { name: 'b', values: base },
      target: { of: 'ratio', op: '<=', value: 1.05 },
    });

  it('are compared round by round: a slow moment of the machine counts on neither side', () => {
    expect(paired([10, 104, 11], [10, 100, 11])).toMatchObject({
      ratio: 1,
      ratioSpread: { min: 1, max: 1.04 },
      holds: true,
    });
  });

  it('must have the same number of rounds', () => {
    expect(() => paired([1, 2], [1])).toThrow('do not pair');
    expect(() => paired([1], [0])).toThrow('do not pair');
  });
});

it('quotes the nearest rank as a percentile', () => {
  const values = Array.from({ length: 200 }, (_, i) => 200 - i);
  expect(percentile(values, 0.5)).toBe(100);
  expect(percentile(values, 0.99)).toBe(198);
  expect(percentile([7], 0.99)).toBe(7);
  expect(() => percentile([], 0.5)).toThrow('nothing was measured');
});
