import { HostWatch } from './host-watch';

const nic = { vni: 1, mac: '02:00:00:00:00:01', vmId: '00000000-0000-4000-8000-000000000001', epoch: 1 };
const edge = { vni: 1, link: 1, learned: [] };

function setUp() {
  const log: string[] = [];
  const clock = { now: 0 };
  const watch = new HostWatch({
    silentMs: 3_500,
    intervalMs: 100,
    attach: (host, nics, edges) => log.push(`${host} ${nics.length}+${edges.length}`),
    onChange: (host, change) => log.push(`${host} ${change}`),
    now: () => clock.now,
  });
  const pass = (ms: number, deaf = false) => {
    for (const end = clock.now + ms; clock.now < end;) {
      clock.now += 100;
      watch.check(deaf);
    }
  };
  return { watch, clock, pass, seen: () => log.splice(0) };
}

describe('the watch over hosts', () => {
  it('withdraws what a silent host has, and puts it back when the same Palacios is heard again', () => {
    const { watch, pass, seen } = setUp();
    watch.announced('alpha', [nic], [edge]);
    watch.heard('alpha', 'one');
    expect(seen()).toEqual(['alpha 1+1']);
    pass(3_400);
    watch.heard('alpha', 'one');
    pass(3_400);
    expect(seen()).toEqual([]);
    pass(100);
    expect(seen()).toEqual(['alpha lost', 'alpha 0+0']);
    pass(10_000);
    watch.heard('alpha', 'one');
    expect(seen()).toEqual(['alpha back', 'alpha 1+1']);
    pass(3_400);
    expect(seen()).toEqual([]);
  });

  it('believes a Palacios that was started anew only what it announces itself', () => {
    const { watch, pass, seen } = setUp();
    watch.announced('alpha', [nic], []);
    watch.heard('alpha', 'one');
    pass(3_500);
    seen();
    watch.heard('alpha', 'two');
    expect(seen()).toEqual(['alpha back', 'alpha 0+0']);
    watch.announced('alpha', [nic], []);
    expect(seen()).toEqual(['alpha 1+0']);
  });

  it('takes an announcement for a sign of life', () => {
    const { watch, pass, seen } = setUp();
    watch.heard('alpha', 'one');
    pass(3_500);
    expect(seen()).toEqual(['alpha lost', 'alpha 0+0']);
    watch.announced('alpha', [nic], []);
    pass(3_400);
    watch.announced('alpha', [nic], []);
    pass(3_400);
    expect(seen()).toEqual(['alpha 1+0', 'alpha 1+0']);
  });

  it('asks nothing of those that have no heartbeat', () => {
    const { watch, pass, seen } = setUp();
    watch.announced('_links', [], [edge]);
    pass(60_000);
    expect(seen()).toEqual(['_links 0+1']);
  });

  it('blames nobody for its own deafness', () => {
    const { watch, clock, pass, seen } = setUp();
    watch.heard('alpha', 'one');
    pass(60_000, true);
    pass(3_400);
    // This process stood still: the heartbeats of that time are still to be read.
    clock.now += 20_000;
    watch.check(false);
    pass(3_400);
    expect(seen()).toEqual([]);
    pass(100);
    expect(seen()).toEqual(['alpha lost', 'alpha 0+0']);
  });
});
