import type { AccessPoint, Station, WifiCounters } from '@v3vee/contracts';
import { mbitOf, offEqualShares, passed } from './counters';
import type { Counted } from './wifi-cluster';

const counters = (change: Partial<WifiCounters>): WifiCounters => ({
  ...{ transmitFrames: 0, transmitBytes: 0, retries: 0, failed: 0, receiveFrames: 0, receiveBytes: 0 },
  dropped: {},
  ...change,
});
const station = (vm: string, change: Partial<WifiCounters>, airtimeUs: number) =>
  ({ name: `${vm}/wlan0`, status: { counters: counters(change), airtime: { airtimeUs } } }) as Station;
const seen = (vm: string, change: Partial<WifiCounters>) => ({
  nic: `${vm}/wlan0`,
  counters: counters(change),
});
const counted = (at: number, stations: Station[], members: ReturnType<typeof seen>[]): Counted => ({
  ...{ at, stations },
  accessPoints: [{ stations: members } as unknown as AccessPoint],
});
const before = counted(
  1_000,
  [station('w1', { transmitBytes: 100, failed: 7 }, 5_000), station('w2', {}, 0)],
  [seen('w1', { failed: 1 }), seen('w2', {})],
);

it('is what both ends of each VM counted meanwhile', () => {
  const after = counted(
    3_000,
    [
      station('w1', { transmitBytes: 250_100, failed: 8, retries: 2, receiveBytes: 500_000 }, 405_000),
      station('w2', { transmitBytes: 250_000, dropped: { overflow: 4, badChannel: 9 } }, 600_000),
    ],
    [seen('w1', { failed: 3, retries: 5 }), seen('w2', { dropped: { 'queue-full': 6 } })],
  );
  const sent = passed(before, after, ['w1', 'w2'], 'tx');
  expect(sent).toEqual({
    ...{ ms: 2_000, bytes: [250_000, 250_000], airtimeMs: [400, 600], share: 0.5 },
    ...{ failed: 3, overflowed: 10, retries: 7 },
  });
  expect(mbitOf(sent)).toBe(2);
  expect(passed(before, after, ['w1'], 'rx').bytes).toEqual([500_000]);
});

it('is nothing where counters began anew, or a VM is away', () => {
  const after = counted(2_000, [station('w1', {}, 5_000)], [seen('w1', { failed: 1 })]);
  expect(() => passed(before, after, ['w1'], 'tx')).toThrow('began anew');
  expect(() => passed(before, after, ['w3'], 'tx')).toThrow('w3');
  const away = { ...before, accessPoints: [] };
  expect(() => passed(before, away, ['w1'], 'rx')).toThrow('at no access point');
});

it('tells how far shares are off equal ones', () => {
  expect(offEqualShares([5, 5, 5, 5])).toBe(0);
  expect(offEqualShares([6, 4])).toBeCloseTo(20);
  expect(offEqualShares([1, 1, 1, 5])).toBeCloseTo(150);
  expect(() => offEqualShares([0, 0])).toThrow(RangeError);
});
