import type { LabContext } from '../../lab';
import type { Measurement } from './measurements';
import { beside, inRounds } from './rounds';

const measurement: Measurement = {
  name: 'echo',
  figures: [
    { name: 'least', unit: 'ms' },
    { name: 'p50', unit: 'ms', target: { of: 'ratio', op: '<=', value: 1.05 }, claim: 'native' },
  ],
  measure: async () => [],
};

function lab(runs: number) {
  const order: string[] = [];
  const abort = new AbortController();
  const context = { runs, progress: () => undefined, signal: abort.signal } as unknown as LabContext;
  const side = (name: string, base: number) => ({
    name,
    measure: async () => {
      order.push(name);
      return [base + order.length, base * 2];
    },
  });
  return { order, abort, context, sides: [side('native', 10), side('overlay', 100)] };
}

describe('rounds', () => {
  it('measure every side once each, in alternating order, and keep figures and rounds apart', async () => {
    const { order, context, sides } = lab(3);
    const series = await inRounds(context, measurement, sides);
    expect(order).toEqual(['native', 'overlay', 'overlay', 'native', 'native', 'overlay']);
    expect(series).toEqual([
      [
        [11, 14, 15],
        [20, 20, 20],
      ],
      [
        [102, 103, 106],
        [200, 200, 200],
      ],
    ]);
  });

  it('are fewer for long measurements, at least one', async () => {
    const long = { ...measurement, share: 0.5 };
    expect((await inRounds(lab(5).context, long, lab(5).sides))[0]![0]).toHaveLength(3);
    expect((await inRounds(lab(1).context, long, lab(1).sides))[0]![0]).toHaveLength(1);
  });

  it('end at Ctrl-C', async () => {
    const { abort, context, sides } = lab(3);
    abort.abort(new Error('stop'));
    await expect(inRounds(context, measurement, sides)).rejects.toThrow('stop');
  });

  it('make a row for each figure, with the targets of the measurement or of the comparison', async () => {
    const native = { name: 'native', series: [[1], [2]] };
    const overlay = { name: 'overlay', series: [[1], [3]] };
    const own = beside(measurement, 'one host', native, overlay);
    expect(own.map(({ name, ratio, holds, claim }) => [name, ratio, holds, claim])).toEqual([
      ['least, one host', 1, null, null],
      ['p50, one host', 1.5, false, 'native'],
    ]);
    const other = beside(measurement, 'x', native, overlay, { p50: { of: 'ratio', op: '<=', value: 2 } });
    expect(other.map(({ holds, claim }) => [holds, claim])).toEqual([
      [null, null],
      [true, null],
    ]);
  });
});
