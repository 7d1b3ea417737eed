import type { Target } from '@v3vee/contracts';
import { BROADCAST_MAC } from '@v3vee/wire';
import { RouteCache } from './route-cache';
import { frameTo, generator, macOf } from './testing/frames';

const get = (cache: RouteCache, n: number, place = 1) =>
  cache.get(place, frameTo(macOf(n), macOf(1)), 12)?.targets.map(({ host }) => host);
const targets = (hosts: string[]): Target[] => hosts.map(host => ({ host, to: null }));
const put = (cache: RouteCache, n: number, ...hosts: string[]) =>
  cache.put(1, macOf(1), macOf(n), 1, targets(hosts));

describe('the route cache', () => {
  it('knows what it was told until it is told otherwise', () => {
    const cache = new RouteCache();
    put(cache, 1, 'alpha');
    put(cache, 2);
    expect([get(cache, 1), get(cache, 2), get(cache, 3), get(cache, 1, 2)]).toEqual([
      ['alpha'],
      [],
      undefined,
      undefined,
    ]);
    put(cache, 1, 'beta');
    expect(get(cache, 1)).toEqual(['beta']);
    cache.forget([{ vni: 2, destination: macOf(1) }]);
    expect(get(cache, 1)).toEqual(['beta']);
    cache.forget([{ vni: 1, destination: macOf(1) }]);
    expect(get(cache, 1)).toBeUndefined();
    expect([...cache.flows()]).toEqual([{ place: 1, source: macOf(1), destination: macOf(2) }]);
  });

  it('stays bounded and keeps the flows that are in use', () => {
    const cache = new RouteCache(8);
    put(cache, 0, 'alpha');
    for (let n = 1; n < 1000; n++) {
      put(cache, n, 'beta');
      expect(get(cache, 0)).toEqual(['alpha']);
      expect(cache.size).toBeLessThanOrEqual(16);
    }
    expect(get(cache, 1)).toBeUndefined();
  });

  it('forgets a flow wherever it stands', () => {
    const cache = new RouteCache(4);
    for (let n = 0; n < 6; n++) put(cache, n, 'alpha');
    // 0 is of the old generation; being used puts it into the young one as well.
    expect(get(cache, 0)).toEqual(['alpha']);
    cache.forget([0, 1].map(n => ({ vni: 1, destination: macOf(n) })));
    expect([get(cache, 0), get(cache, 1)]).toEqual([undefined, undefined]);
  });

  it('keeps one object for all flows of a network that go to the same targets', () => {
    const cache = new RouteCache();
    put(cache, 1, 'alpha');
    put(cache, 2, 'alpha');
    const route = (n: number) => cache.get(1, frameTo(macOf(n), macOf(1)), 12);
    expect(route(1)).toBe(route(2));
  });

  it.each([1, 2, 3])('does what a list does (seed %i)', seed => {
    const random = generator(seed);
    const cache = new RouteCache(100_000);
    const group = '01:00:5e:00:00:fb';
    const macs = [BROADCAST_MAC, group, ...Array.from({ length: 40 }, (_, n) => macOf(n))];
    const known = new Map<string, string>();
    for (let step = 0; step < 5_000; step++) {
      const place = 1 + random(4);
      const vni = 1 + (place % 2);
      const [source, destination] = [macOf(random(20)), macs[random(macs.length)]!];
      const key = `${vni} ${destination} ${place} ${source}`;
      if (random(40) === 0) {
        const all = random(10) === 0;
        cache.forget([{ vni, destination: all ? null : destination }]);
        const isGroup = destination === BROADCAST_MAC || destination === group;
        for (const each of known.keys()) {
          const [itsVni, its] = each.split(' ');
          if (itsVni !== `${vni}`) continue;
          if (all || its === destination || (isGroup && (its === BROADCAST_MAC || its === group)))
            known.delete(each);
        }
      } else if (random(2)) {
        const host = `host-${random(5)}`;
        cache.put(place, source, destination, vni, targets([host]));
        known.set(key, host);
      }
      const found = cache.get(place, frameTo(destination, source), 12);
      expect(found?.targets[0]?.host).toBe(known.get(key));
      expect(cache.size).toBe(known.size);
    }
    const flows = [...cache.flows()].map(f => `${1 + (f.place % 2)} ${f.destination} ${f.place} ${f.source}`);
    expect(flows.sort()).toEqual([...known.keys()].sort());
  });
});
