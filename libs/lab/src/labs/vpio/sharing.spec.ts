import { rowsOf, type SharedRound } from './sharing';

const times = (count: number, p50Ms: number, p99Ms: number) => ({
  count,
  minMs: 0,
  p50Ms,
  p99Ms,
  maxMs: p99Ms,
});
const round = (p1: number, p2: number, goodput: [number, number], dropped = 0): SharedRound => ({
  passed: {
    accesses: { open: 100, shadow: 0, exit: 0 },
    heldMs: { p1, p2 },
    ...{ switches: 50, forced: 1, dropped },
  },
  goodput,
});

describe('two guests that share a card', () => {
  const rows = rowsOf(
    'ne2000',
    { tx: [round(1000, 950, [10, 9]), round(900, 1000, [8, 10])], rx: [round(1000, 500, [10, 5], 3)] },
    { switches: times(150, 1.5, 40), exits: times(12, 0.3, 0.9) },
  );
  const find = (name: string) => rows.find(row => row.name.startsWith(name))!;

  it('are fair if neither is more than a tenth off its half, of time and of goodput', () => {
    expect(find('two guests share, TCP tx: the card’s time')).toMatchObject({
      ours: { min: expect.closeTo(2.56), max: expect.closeTo(5.26), n: 2 },
      holds: true,
    });
    expect(find('two guests share, TCP tx: goodput, off')).toMatchObject({ holds: true });
    expect(find('two guests share, TCP rx: goodput, off')).toMatchObject({ holds: false });
    expect(find('two guests share, TCP rx: the card’s time').ours.median).toBeCloseTo(33.3, 1);
    expect(find('two guests share, TCP tx: goodput of both').ours).toMatchObject({ min: 18, max: 19 });
  });

  it('are told with their switches, and with frames that were lost', () => {
    expect(find('device switches').ours.median).toBe(150);
    expect(find('device switch, p50')).toMatchObject({ ours: { median: 1.5 }, holds: true });
    expect(find('device switch, p99')).toMatchObject({ ours: { median: 40 }, holds: null });
    expect(find('forced switches').ours.median).toBe(3);
    expect(find('frames dropped')).toMatchObject({ ours: { median: 3 }, holds: false });
    expect(find('exit to the DMM, p50 (of 12)').ours.median).toBe(0.3);
  });

  it('have no cost of exits where there were none', () => {
    const none = rowsOf(
      'rtl8139',
      { tx: [round(1, 1, [1, 1])], rx: [round(1, 1, [1, 1])] },
      { switches: times(1, 1, 1), exits: times(0, 0, 0) },
    );
    expect(none.filter(({ name }) => name.startsWith('exit'))).toEqual([]);
  });
});
