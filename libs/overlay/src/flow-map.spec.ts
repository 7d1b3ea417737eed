import { ANY, FlowMap, half } from './flow-map';
import { generator } from './testing/frames';

describe('a map of flows', () => {
  it('tells keys apart in every part', () => {
    const map = new FlowMap<{ name: string }>();
    const keys = [
      [1, 2, 3, 4, 5],
      [2, 2, 3, 4, 5],
      [1, 1, 3, 4, 5],
      [1, 2, 4, 4, 5],
      [1, 2, 3, 5, 5],
      [1, 2, 3, 4, 6],
      [1, ANY, ANY, 4, 5],
    ] as [number, number, number, number, number][];
    for (const key of keys) map.set(...key, { name: String(key) });
    expect(keys.map(key => map.get(...key)?.name)).toEqual(keys.map(String));
    expect([map.size, map.get(1, 2, 3, 0, 0)]).toEqual([7, undefined]);
  });

  it('reads an address in halves', () => {
    const bytes = Uint8Array.of(9, 0xff, 0xfe, 0xfd, 0, 1, 2);
    expect([half(bytes, 1), half(bytes, 4)]).toEqual([0xfffefd, 0x000102]);
  });

  it.each([1, 2, 3])('does what a built-in map does, whatever the seed of its hash (seed %i)', seed => {
    const random = generator(seed);
    const map = new FlowMap<object>(seed * 77);
    const values = Array.from({ length: 5 }, (_, name) => ({ name }));
    const known = new Map<string, object>();
    for (let step = 0; step < 3_000; step++) {
      const [a, b, c] = [random(3), random(40), random(40)];
      const value = values[random(5)]!;
      if (random(4)) {
        map.set(a, b, 0, c, 1, value);
        known.set(`${a} ${b} ${c}`, value);
      } else if (random(200) === 0) {
        map.retain(key => key.sourceHigh !== b);
        for (const key of known.keys()) if (key.split(' ')[1] === `${b}`) known.delete(key);
      }
      expect(map.get(a, b, 0, c, 1)).toBe(known.get(`${a} ${b} ${c}`));
      expect(map.size).toBe(known.size);
    }
    expect(
      [...map.entries()].every(([k, v]) => known.get(`${k.id} ${k.sourceHigh} ${k.destinationHigh}`) === v),
    ).toBe(true);
  });
});
