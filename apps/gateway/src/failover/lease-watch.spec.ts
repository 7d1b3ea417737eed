import type { HostLease } from '@v3vee/store';
import { LeaseWatch } from './lease-watch';

const PATIENCE_MS = 13_000;
const lease = (change: Partial<HostLease> = {}): ReadonlyMap<string, HostLease> =>
  new Map([
    [
      'alpha',
      {
        ...{ host: 'alpha', incarnation: 'i', holder: 'h', expiresAt: new Date(1_000) },
        ...{ expired: true, lost: true },
        ...change,
      },
    ],
  ]);

const setUp = () => {
  const clock = { now: 0 };
  const watch = new LeaseWatch(PATIENCE_MS, () => clock.now);
  /** A look each second until then, the last one at that time. */
  const lookUntil = (instant: number, leases = lease()) => {
    while (clock.now + 1_000 < instant) {
      clock.now += 1_000;
      watch.look(leases);
    }
    clock.now = instant;
    return watch.look(leases);
  };
  return { clock, watch, lookUntil };
};

it('a host is lost when both clocks say so', () => {
  const { watch, lookUntil } = setUp();
  expect(watch.look(lease()).size).toBe(0);
  expect(lookUntil(PATIENCE_MS - 1).size).toBe(0);
  expect(lookUntil(PATIENCE_MS, lease({ lost: false })).size).toBe(0);
  expect([...watch.look(lease()).keys()]).toEqual(['alpha']);
});

it('a host is not lost because the store was away: nobody could renew a lease, and nobody could look', () => {
  const { clock, watch, lookUntil } = setUp();
  watch.look(lease());
  clock.now = 10 * PATIENCE_MS;
  expect(watch.look(lease()).size).toBe(0);
  expect(lookUntil(clock.now + PATIENCE_MS / 2).size).toBe(0);
  expect(lookUntil(clock.now + PATIENCE_MS / 2).size).toBe(1);
});

it.each([
  ['was renewed', { expiresAt: new Date(2_000) }],
  ['is another palacios’s', { incarnation: 'j' }],
])('a lease that %s counts from then', (_, change) => {
  const { watch, lookUntil } = setUp();
  watch.look(lease());
  lookUntil(PATIENCE_MS - 1);
  expect(lookUntil(PATIENCE_MS, lease(change)).size).toBe(0);
  expect(lookUntil(2 * PATIENCE_MS - 1, lease(change)).size).toBe(0);
  expect(lookUntil(2 * PATIENCE_MS, lease(change)).size).toBe(1);
});

it('one that was given back is forgotten', () => {
  const { watch, lookUntil } = setUp();
  watch.look(lease());
  expect(lookUntil(PATIENCE_MS, new Map()).size).toBe(0);
  expect(watch.look(lease()).size).toBe(0);
});
