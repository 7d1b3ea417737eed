import { figure, row } from './result';

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
