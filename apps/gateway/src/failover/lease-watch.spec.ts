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
  return { clock, watch: new LeaseWatch(PATIENCE_MS, () => clock.now) };
};

it('a host is lost when both clocks say so', () => {
  const { clock, watch } = setUp();
  expect(watch.look(lease()).size).toBe(0);
  clock.now = PATIENCE_MS - 1;
  expect(watch.look(lease()).size).toBe(0);
  clock.now = PATIENCE_MS;
  expect(watch.look(lease({ lost: false })).size).toBe(0);
  expect([...watch.look(lease()).keys()]).toEqual(['alpha']);
});

it.each([
  ['was renewed', { expiresAt: new Date(2_000) }],
  ['is another palacios’s', { incarnation: 'j' }],
])('a lease that %s counts from then', (_, change) => {
  const { clock, watch } = setUp();
  watch.look(lease());
  clock.now = PATIENCE_MS;
  expect(watch.look(lease(change)).size).toBe(0);
  clock.now = 2 * PATIENCE_MS;
  expect(watch.look(lease(change)).size).toBe(1);
});

it('one that was given back is forgotten', () => {
  const { clock, watch } = setUp();
  watch.look(lease());
  clock.now = PATIENCE_MS;
  expect(watch.look(new Map()).size).toBe(0);
  expect(watch.look(lease()).size).toBe(0);
});
