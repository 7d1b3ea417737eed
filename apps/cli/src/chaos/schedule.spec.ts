import { described, LEASE, schedule, type Round } from './schedule.fixture';

const SIZE = { hosts: 3, vms: 4 };

function first(count: number, seed: number): Round[] {
  const rounds = schedule(seed, SIZE);
  return Array.from({ length: count }, () => rounds.next().value as Round);
}

it('gives the same rounds for the same seed, and others for another', () => {
  expect(first(50, 7)).toEqual(first(50, 7));
  expect(first(50, 7).map(described)).not.toEqual(first(50, 8).map(described));
});

it('brings every fault and every kind of work within some forty rounds', () => {
  for (const seed of [1, 2, 3]) {
    const rounds = first(40, seed);
    const faults = rounds.flatMap(round => round.faults);
    expect(new Set(faults.map(({ what, victim, place }) => `${what} ${victim} ${place}`)).size).toBe(13);
    expect(new Set(rounds.flatMap(({ work }) => work.map(one => one.do)))).toEqual(
      new Set(['migrate', 'cancel', 'drain', 'checkpoint']),
    );
    // Within a lease and its margin nobody notices that a palacios was stopped.
    for (const { what, seconds } of faults)
      expect(seconds > LEASE.seconds + LEASE.marginSeconds).toBe(what === 'stop');
  }
});

it('names only hosts and VMs that there are', () => {
  for (const { work, faults } of first(200, 5)) {
    for (const one of work) {
      if ('vm' in one) expect(one.vm).toBeLessThan(SIZE.vms);
      if ('host' in one) expect(one.host).toBeLessThan(SIZE.hosts);
    }
    for (const { host } of faults) expect(host).toBeLessThan(SIZE.hosts);
  }
});
