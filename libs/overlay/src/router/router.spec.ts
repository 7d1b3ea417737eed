import type { Attachment, Route, RouteKey } from '@v3vee/contracts';
import { BROADCAST_MAC } from '@v3vee/wire';
import { frameTo, idOf, macOf, vmOf } from '../testing/frames';
import { Router, type RouterOptions } from './router';

const nic = (n: number, vni = 1): Attachment => ({ vni, mac: macOf(n), vmId: vmOf(n), epoch: 1 });
const to = (n: number | string, id: number) => ({
  vni: 1,
  frame: frameTo(typeof n === 'string' ? n : macOf(n), macOf(1), id),
});
const say = ({ mac, hosts }: Route) => `${mac.slice(-2)}→${hosts.join() || 'nobody'}`;

/** A router with 100 ms of patience, and what it sends, in order. */
function setUp(options: RouterOptions = {}) {
  const log: string[] = [];
  const clock = { now: 0 };
  const router = new Router(
    {
      toHost: (host, { frame }) => log.push(`${host} ${idOf(frame)}`),
      route: (host, route) => log.push(`${host} ${say(route)}`),
      invalidate: (keys: RouteKey[]) => log.push(`all ${keys.map(({ mac }) => mac.slice(-2)).join()}`),
    },
    { holdMs: 100, now: () => clock.now, ...options },
  );
  const pass = (ms: number) => {
    clock.now += ms;
    router.expire();
  };
  return { router, pass, seen: () => log.splice(0) };
}

describe('the router', () => {
  it('forwards a miss and tells the asking host the route, once for a batch', () => {
    const { router, seen } = setUp();
    router.attach('alpha', [nic(1)]);
    router.attach('beta', [nic(2), nic(3)]);
    seen();
    router.forward('alpha', [to(2, 1), to(3, 2), to(2, 3)]);
    expect(seen()).toEqual(['beta 1', 'beta 2', 'beta 3', 'alpha 02→beta', 'alpha 03→beta']);
    expect(router.counters).toMatchObject({ misses: 3, forwarded: 3 });
  });

  it('says what changed before it sends what waited for the change', () => {
    const { router, seen } = setUp();
    router.forward('alpha', [to(2, 1), to(2, 2), to(3, 3)]);
    router.forward('gamma', [to(2, 4)]);
    expect([seen(), router.waiting]).toEqual([[], 4]);
    router.attach('beta', [nic(2)]);
    expect(seen()).toEqual(['all 02,ff', 'beta 1', 'beta 2', 'beta 4', 'alpha 02→beta', 'gamma 02→beta']);
    expect(router.waiting).toBe(1);
  });

  it('gives up on an address that nobody announces, and says so to who asked', () => {
    const { router, seen, pass } = setUp();
    router.forward('alpha', [to(2, 1), to(2, 2)]);
    pass(99);
    expect(seen()).toEqual([]);
    pass(1);
    expect(seen()).toEqual(['alpha 02→nobody']);
    expect([router.waiting, router.counters.dropped['no-route']]).toEqual([0, 2]);
    // That is corrected as soon as it is wrong.
    router.attach('beta', [nic(2)]);
    expect(seen()).toEqual(['all 02,ff']);
  });

  it('never sends a frame back to the host that it came from', () => {
    const { router, seen, pass } = setUp();
    router.attach('alpha', [nic(1), nic(2)]);
    pass(100);
    seen();
    router.forward('alpha', [to(2, 1), to(BROADCAST_MAC, 2)]);
    expect(seen()).toEqual(['alpha ff→nobody']);
    // The VM is on its way to another host.
    router.attach('beta', [{ ...nic(2), epoch: 2 }]);
    expect(seen()).toEqual(['all 02,ff', 'beta 1', 'alpha 02→beta']);
  });

  it('keeps group frames for hosts that turn up soon after its start, and sends to each host once', () => {
    const { router, seen, pass } = setUp();
    router.attach('alpha', [nic(1)]);
    router.attach('beta', [nic(2)]);
    seen();
    router.forward('alpha', [to(BROADCAST_MAC, 1)]);
    expect(seen()).toEqual(['beta 1']);
    router.attach('beta', [nic(2), nic(4)]);
    router.attach('gamma', [nic(3)]);
    router.attach('delta', [nic(5, 2)]);
    expect(seen()).toEqual(['all 04', 'all 03,ff', 'gamma 1', 'all 05,ff']);
    pass(100);
    expect([seen(), router.waiting]).toEqual([['alpha ff→beta,gamma'], 0]);
    // From now on what it knows is complete.
    router.forward('alpha', [to('01:00:5e:00:00:fb', 2)]);
    expect(seen()).toEqual(['beta 2', 'gamma 2', 'alpha ff→beta,gamma']);
    expect(router.counters.dropped['no-route']).toBe(0);
  });

  it('answers queries as soon as it can', () => {
    const { router, seen, pass } = setUp();
    router.attach('beta', [nic(2)]);
    seen();
    const keys = [2, 3, 4].map(n => ({ vni: 1, mac: macOf(n) }));
    router.query('alpha', [...keys, { vni: 1, mac: BROADCAST_MAC }]);
    expect(seen()).toEqual(['alpha 02→beta']);
    router.attach('gamma', [nic(3)]);
    expect(seen()).toEqual(['all 03,ff', 'alpha 03→gamma']);
    pass(100);
    expect(seen()).toEqual(['alpha 04→nobody', 'alpha ff→beta,gamma']);
    expect(router.counters).toMatchObject({ queries: 4, forwarded: 0, dropped: { 'no-route': 0 } });
  });

  it('waits with a bounded number of frames, the newest', () => {
    const { router, seen } = setUp({ maxHeldFrames: 3 });
    router.forward(
      'alpha',
      [1, 2, 3, 4, 5].map(id => to(2, id)),
    );
    expect([router.waiting, router.counters.dropped['queue-full']]).toEqual([3, 2]);
    router.attach('beta', [nic(2)]);
    expect(seen()).toEqual(['all 02,ff', 'beta 3', 'beta 4', 'beta 5', 'alpha 02→beta']);
  });

  it('waits with a bounded number of bytes, and gets them back', () => {
    const { router, pass } = setUp({ maxHeldBytes: 200 });
    for (let round = 1; round <= 3; round++) {
      router.forward(
        'alpha',
        [1, 2, 3, 4].map(id => to(2, id)),
      );
      expect([router.waiting, router.counters.dropped['queue-full']]).toEqual([3, round]);
      pass(100);
    }
  });

  it('holds a frame as it was, though its buffer is used again', () => {
    const { router, seen } = setUp();
    const frame = to(2, 7);
    router.forward('alpha', [frame]);
    frame.frame.fill(0xff);
    router.attach('beta', [nic(2)]);
    expect(seen()).toContain('beta 7');
  });

  it('drops and counts garbage', () => {
    const { router, seen } = setUp();
    router.forward('alpha', [{ vni: 1, frame: new Uint8Array(4) }]);
    expect([seen(), router.waiting, router.counters.dropped.malformed]).toEqual([[], 0, 1]);
  });
});
