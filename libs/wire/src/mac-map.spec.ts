import { formatMac } from './mac-address';
import { MacMap } from './mac-map';

/** mulberry32: a seeded generator, so that a failure can be run again. */
function generator(seed: number): (below: number) => number {
  return below => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

describe('a map by network and MAC address', () => {
  it('finds an address where it stands in a frame, and keeps networks apart', () => {
    const map = new MacMap<{ name: string }>();
    const frame = Uint8Array.of(9, 9, 2, 0, 0, 0, 0, 1);
    map.set(1, frame, 2, { name: 'one' });
    map.set(0xffffff, frame, 2, { name: 'two' });
    expect(map.get(1, Uint8Array.of(2, 0, 0, 0, 0, 1))?.name).toBe('one');
    expect(map.get(0xffffff, frame, 2)?.name).toBe('two');
    expect(map.get(2, frame, 2)).toBeUndefined();
    expect(map.get(1, frame, 1)).toBeUndefined();
    expect([...map.entries()].map(({ vni, mac }) => `${vni} ${mac}`).sort()).toEqual([
      '1 02:00:00:00:00:01',
      '16777215 02:00:00:00:00:01',
    ]);
    map.clear();
    expect([map.size, map.get(1, frame, 2)]).toEqual([0, undefined]);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('is a map, whatever is done to it (seed %i)', seed => {
    const random = generator(seed);
    const map = new MacMap<{ value: number }>(seed);
    const model = new Map<string, number>();
    // Few addresses, so that removals hit; the number of them varies, so that it grows and shrinks.
    const addresses = 1 << (3 + random(7));
    for (let step = 0; step < 2000; step++) {
      const vni = 1 + random(2);
      const mac = Uint8Array.of(2, random(2), random(2), 0, random(addresses) >> 4, random(16) << 4);
      const key = `${vni} ${formatMac(mac)}`;
      if (random(100) < 55) {
        map.set(vni, mac, 0, { value: step });
        model.set(key, step);
      } else {
        expect(map.delete(vni, mac)).toBe(model.delete(key));
      }
      expect([map.get(vni, mac)?.value, map.size]).toEqual([model.get(key), model.size]);
      if (step % 250 === 0) {
        const content = [...map.entries()].map(e => [`${e.vni} ${e.mac}`, e.value.value] as const);
        expect(new Map(content)).toEqual(model);
        expect(content.length).toBe(model.size);
      }
    }
  });
});
