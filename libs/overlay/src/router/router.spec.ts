import type { Attachment, Flow, StaleFlows, Target, VnetPlace } from '@v3vee/contracts';
import { BROADCAST_MAC } from '@v3vee/wire';
import { placeKey } from '../port';
import { frameTo, idOf, macOf, vmOf } from '../testing/frames';
import { Router, type RouterOptions } from './router';

const nic = (n: number, vni = 1): Attachment => ({ vni, mac: macOf(n), vmId: vmOf(n), epoch: 1 });
const at = (n: number): VnetPlace => ({ type: 'interface', mac: macOf(n) });
const edge = (link: number): VnetPlace => ({ type: 'edge', link });
const to = (n: number | string, id: number, place: VnetPlace = at(1)) => ({
  vni: 1,
  place,
  frame: frameTo(typeof n === 'string' ? n : macOf(n), macOf(1), id),
});
const short = (place: VnetPlace) => placeKey(place).slice(-2).trim();
const target = ({ host, to: place }: Target) => host + (place ? `:${short(place)}` : '');
const say = ({ destination, targets }: Flow & { targets: Target[] }) =>
  `${destination.slice(-2)}→${targets.map(target).join() || 'nobody'}`;
const stale = ({ destination }: StaleFlows) => destination?.slice(-2) ?? 'every flow';

/** A router with 100 ms of patience, and what it sends, in order. */
function setUp(options: RouterOptions = {}) {
  const log: string[] = [];
  const clock = { now: 0 };
  const router = new Router(
    {
      toHost: (host, { frame, place }) =>
        log.push(`${host}${place ? `:${short(place)}` : ''} ${idOf(frame)}`),
      route: (host, route) => log.push(`${host} ${say(route)}`),
      invalidate: flows => log.push(`all ${flows.map(stale).join()}`),
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

  it('forwards to other ports of the asking host by name', () => {
    const { router, seen, pass } = setUp();
    router.attach('alpha', [nic(1), nic(2), nic(3)]);
    router.attach('beta', [nic(4)]);
    pass(100);
    seen();
    router.forward('alpha', [to(2, 1), to(1, 2), to(BROADCAST_MAC, 3)]);
    expect(seen()).toEqual([
      'alpha:02 1',
      'alpha:02 3',
      'alpha:03 3',
      'beta 3',
      'alpha 02→alpha:02',
      'alpha 01→nobody',
      'alpha ff→alpha:02,alpha:03,beta',
    ]);
  });

  it('names the places of a host that has stale ones', () => {
    const { router, seen, pass } = setUp();
    router.attach('beta', [nic(2), nic(3)]);
    router.attach('gamma', [{ ...nic(2), epoch: 2 }]);
    pass(100);
    seen();
    router.forward('alpha', [to(BROADCAST_MAC, 1)]);
    expect(seen()).toEqual(['gamma 1', 'beta:03 1', 'alpha ff→gamma,beta:03']);
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

  it('keeps group frames for places that turn up soon after its start, and sends to each once', () => {
    const { router, seen, pass } = setUp();
    router.attach('alpha', [nic(1)]);
    router.attach('beta', [nic(2)]);
    seen();
    router.forward('alpha', [to(BROADCAST_MAC, 1)]);
    expect(seen()).toEqual(['beta:02 1']);
    router.attach('beta', [nic(2), nic(4)]);
    router.attach('gamma', [nic(3)]);
    router.attach('delta', [nic(5, 2)]);
    expect(seen()).toEqual(['all 04,ff', 'beta:04 1', 'all 03,ff', 'gamma:03 1', 'all 05,ff']);
    // It moves: it has had the frame.
    router.attach('delta', [nic(5, 2), { ...nic(4), epoch: 2 }]);
    expect(seen()).toEqual(['all 04,ff']);
    pass(100);
    expect([seen(), router.waiting]).toEqual([['alpha ff→beta:02,delta,gamma'], 0]);
    // From now on what it knows is complete.
    router.attach('beta', [nic(2)]);
    router.forward('alpha', [to('01:00:5e:00:00:fb', 2)]);
    expect(seen()).toEqual(['beta 2', 'delta 2', 'gamma 2', 'alpha fb→beta,delta,gamma']);
    expect(router.counters.dropped['no-route']).toBe(0);
  });

  it('answers queries as soon as it can', () => {
    const { router, seen, pass } = setUp();
    router.attach('beta', [nic(2)]);
    seen();
    const flow = (destination: string): Flow => ({ vni: 1, from: at(1), source: macOf(1), destination });
    router.query('alpha', [...[2, 3, 4].map(n => flow(macOf(n))), flow(BROADCAST_MAC)]);
    expect(seen()).toEqual(['alpha 02→beta']);
    router.attach('gamma', [nic(3)]);
    expect(seen()).toEqual(['all 03,ff', 'alpha 03→gamma']);
    pass(100);
    expect(seen()).toEqual(['alpha 04→nobody', 'alpha ff→beta,gamma']);
    expect(router.counters).toMatchObject({ queries: 4, forwarded: 0, dropped: { 'no-route': 0 } });
  });

  it('puts routes of users in force at once, for frames that wait too', () => {
    const { router, seen, pass } = setUp();
    router.attach('alpha', [nic(1), nic(2)]);
    router.attach('beta', [nic(3)]);
    pass(100);
    seen();
    router.forward('alpha', [to(9, 1)]);
    const rule = { index: 1, vni: 1, source: macOf(1), destination: 'any', to: at(3), from: null };
    router.setRules([rule]);
    expect(seen()).toEqual(['all every flow', 'beta:03 1', 'alpha 09→beta:03']);
    router.forward('alpha', [to(2, 2)]);
    expect(seen()).toEqual(['beta:03 2', 'alpha 02→beta:03']);
    router.setRules([rule]);
    expect(seen()).toEqual([]);
    // The place moves: so does every flow that a rule may lead there.
    router.attach('gamma', [{ ...nic(3), epoch: 2 }]);
    expect(seen()).toEqual(['all every flow']);
    router.setRules([]);
    router.forward('alpha', [to(2, 3)]);
    expect(seen()).toEqual(['all every flow', 'alpha:02 3', 'alpha 02→alpha:02']);
  });

  it('floods unknown addresses to links, waits for nobody then, and shows the guard what goes from link to link', () => {
    const shown: number[] = [];
    const seenFrames = (frame: Uint8Array) => shown.push(idOf(frame)) > 1;
    const { router, seen, pass } = setUp({ loopGuard: { seen: (_, frame) => seenFrames(frame) } });
    const links = [1, 2].map(link => ({ vni: 1, link, learned: [] }));
    router.attach('alpha', [nic(1)]);
    router.attach('_links', [], links);
    pass(100);
    seen();
    router.forward('alpha', [to(9, 1)]);
    router.forward('_links', [to(9, 2, edge(1))]);
    expect(seen()).toEqual(['_links:1 1', '_links:2 1', 'alpha 09→_links:1,_links:2', '_links 09→nobody']);
    router.setRules([{ index: 1, vni: 1, source: 'any', destination: 'any', to: edge(2), from: edge(1) }]);
    seen();
    router.forward('_links', [to(9, 3, edge(1))]);
    router.forward('_links', [to(9, 3, edge(1))]);
    expect(seen()).toEqual(['_links:2 3', '_links 09→_links:2', '_links 09→_links:2']);
    expect([shown, router.counters.dropped.loop]).toEqual([[3, 3], 1]);
  });

  it('floods while its knowledge is incomplete and still waits for the NIC', () => {
    const { router, seen } = setUp();
    router.attach('_links', [], [{ vni: 1, link: 1, learned: [] }]);
    router.forward('alpha', [to(2, 1)]);
    router.attach('beta', [nic(2)]);
    expect(seen()).toEqual(['all every flow', '_links:1 1', 'all every flow', 'beta 1', 'alpha 02→beta']);
  });

  it('waits with a bounded number of frames, the newest, fairly shared', () => {
    const { router, seen } = setUp({ maxHeldFrames: 3 });
    router.forward('gamma', [to(2, 9, at(4))]);
    router.forward(
      'alpha',
      [1, 2, 3, 4, 5].map(id => to(2, id)),
    );
    expect([router.waiting, router.counters.dropped['queue-full']]).toEqual([3, 3]);
    router.attach('beta', [nic(2)]);
    expect(seen()).toEqual(['all 02,ff', 'beta 9', 'beta 4', 'beta 5', 'gamma 02→beta', 'alpha 02→beta']);
  });

  it('takes back a route that it can neither confirm nor keep in mind', () => {
    const { router, seen } = setUp({ maxHeldFrames: 1 });
    const flow = (n: number): Flow => ({ vni: 1, from: at(1), source: macOf(1), destination: macOf(n) });
    router.query('alpha', [flow(2), flow(3)]);
    expect([seen(), router.waiting]).toEqual([['all 02'], 1]);
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

  it('drops and counts garbage, and frames from nowhere', () => {
    const { router, seen } = setUp();
    router.forward('alpha', [
      { vni: 1, frame: new Uint8Array(4), place: at(1) },
      { vni: 1, frame: to(2, 1).frame },
    ]);
    expect([seen(), router.waiting, router.counters.dropped.malformed]).toEqual([[], 0, 2]);
  });
});
