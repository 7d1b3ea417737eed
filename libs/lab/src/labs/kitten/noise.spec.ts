import { lostPercent, noisePlot, readNoise } from './noise';

const said = `12.5 100.0
900.0 50.5
rank 0: 2 detours, lost 150.5 us of 1000.0 us, longest 100.0 us, shortest round 40 ns, rounds 9000
`;

describe('what selfish prints', () => {
  it('is read', () => {
    const noise = readNoise(said, 0.05);
    expect(noise).toEqual({
      detours: [
        { at: 12.5, length: 100 },
        { at: 900, length: 50.5 },
      ],
      count: 2,
      lostUs: 150.5,
      durationUs: 1000,
      waitShare: 0.05,
    });
    expect(lostPercent(noise)).toBeCloseTo((100.5 / 950) * 100);
    // No more is taken off than was lost.
    expect(lostPercent({ ...noise, waitShare: 0.05 })).toBe(0);
    expect(() => readNoise('Killed', 0)).toThrow('selfish said: Killed');
  });

  it('is drawn along the time', () => {
    const noise = readNoise(said, 0.05);
    const { strips, steps } = noisePlot([{ name: 'native', noise }]);
    expect(steps.labels).toHaveLength(50);
    const values = strips[0]!.values as number[];
    expect([values[0], values[45], values.reduce((sum, value) => sum + value)]).toEqual([100, 50.5, 150.5]);
  });
});
