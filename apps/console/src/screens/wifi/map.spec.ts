import type { Station, WifiLink } from '@v3vee/contracts';
import { barsOf, barsOfSignal, gridStep, linesOf, viewOf, type Antenna } from './map';

const antenna = (id: string, position: [number, number] | null): Antenna => ({
  id,
  kind: id.startsWith('ap/') ? 'access-point' : 'radio',
  position,
  label: id,
});

describe('the map of antennas', () => {
  it('shows them all, with room around', () => {
    const { x, y, size } = viewOf([antenna('alpha/radio0', [0, 0]), antenna('ap/home', [40, -10])]);
    expect(x).toBeLessThan(-3);
    expect(x + size).toBeGreaterThan(43);
    expect(y).toBeLessThan(-13);
    expect(y + size).toBeGreaterThan(3);
  });

  it('is never too small, nor does it need anything to show', () => {
    expect(viewOf([]).size).toBe(20);
    expect(viewOf([antenna('ap/home', [1e5, -1e5]), antenna('ap/x', null)]).size).toBe(20);
  });

  it.each([
    [20, 2],
    [100, 10],
    [1_300, 200],
  ])('has a grid: %d m in steps of %d', (size, step) => expect(gridStep(size)).toBe(step));

  it('joins radios to access points, with who is connected', () => {
    const link = (from: string, to: string, snr: number) => ({ from, to, snr, fixed: false }) as WifiLink;
    const station = {
      name: 'w1/wlan0',
      radio: 'alpha/radio0',
      status: { accessPoint: 'ap/home' },
    } as Station;
    const lines = linesOf(
      [
        antenna('alpha/radio0', [0, 0]),
        antenna('beta/radio0', null),
        antenna('ap/home', [5, 0]),
        antenna('ap/b', [9, 9]),
      ],
      [
        link('alpha/radio0', 'ap/home', 30),
        link('ap/home', 'alpha/radio0', 25),
        link('beta/radio0', 'ap/home', 40),
        link('ap/b', 'ap/home', 40),
        link('alpha/radio0', 'ap/b', 10),
      ],
      [station],
    );
    expect(lines.map(({ from, to, snr, stations }) => [from.id, to.id, snr, stations])).toEqual([
      ['alpha/radio0', 'ap/home', 25, ['w1/wlan0']],
      ['alpha/radio0', 'ap/b', 10, []],
    ]);
  });

  it.each([
    [-10, 0],
    [11, 1],
    [17.5, 2],
    [60, 4],
  ])('%d dB are %d bars', (snr, bars) => {
    expect(barsOf(snr)).toBe(bars);
    expect(barsOfSignal(snr - 91)).toBe(bars);
  });
});
