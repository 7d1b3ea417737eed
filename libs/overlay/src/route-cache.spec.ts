import { parseMac } from '@v3vee/wire';
import { RouteCache } from './route-cache';
import { macOf } from './testing/frames';

const get = (cache: RouteCache, n: number) => cache.get(1, parseMac(macOf(n)), 0)?.hosts;
const put = (cache: RouteCache, n: number, ...hosts: string[]) => cache.put({ vni: 1, mac: macOf(n), hosts });

describe('the route cache', () => {
  it('knows what it was told until it is told otherwise', () => {
    const cache = new RouteCache();
    put(cache, 1, 'alpha');
    put(cache, 2);
    expect([get(cache, 1), get(cache, 2), get(cache, 3)]).toEqual([['alpha'], [], undefined]);
    put(cache, 1, 'beta');
    expect(get(cache, 1)).toEqual(['beta']);
    cache.drop({ vni: 2, mac: macOf(1) });
    expect(get(cache, 1)).toEqual(['beta']);
    cache.drop({ vni: 1, mac: macOf(1) });
    expect(get(cache, 1)).toBeUndefined();
    expect([...cache.keys()]).toEqual([{ vni: 1, mac: macOf(2) }]);
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

  it('drops a route from wherever it stands', () => {
    const cache = new RouteCache(4);
    for (let n = 0; n < 6; n++) put(cache, n, 'alpha');
    // 0 is of the old generation; being used puts it into the young one as well.
    expect(get(cache, 0)).toEqual(['alpha']);
    cache.drop({ vni: 1, mac: macOf(0) });
    cache.drop({ vni: 1, mac: macOf(1) });
    expect([get(cache, 0), get(cache, 1)]).toEqual([undefined, undefined]);
  });
});
