import { PhysicalMemory, type Region } from './physical-memory';
import { generator } from './testing/generator.fixture';

const umem = (start: number, length: number, owner: string | null = null): Region => ({
  start,
  length,
  type: 'umem',
  owner,
});

describe('physical memory', () => {
  it('keeps its regions sorted and merges neighbours of the same kind', () => {
    const memory = new PhysicalMemory();
    memory.add(umem(300, 100));
    memory.add({ start: 0, length: 100, type: 'bootmem', owner: 'kitten' });
    memory.add(umem(100, 100));
    memory.add(umem(200, 100));
    expect(memory.query()).toEqual([
      { start: 0, length: 100, type: 'bootmem', owner: 'kitten' },
      umem(100, 300),
    ]);
  });

  it('gives out the first aligned run that is long enough', () => {
    const memory = new PhysicalMemory();
    memory.add(umem(3, 200));
    expect(memory.alloc(10, 8, 'a')).toEqual(umem(8, 10, 'a'));
    expect(memory.alloc(10, 8, 'b')).toEqual(umem(24, 10, 'b'));
    expect(memory.alloc(3, 1, 'c')).toEqual(umem(3, 3, 'c'));
    memory.free(8, 10);
    expect(memory.alloc(16, 8, 'd')).toEqual(umem(8, 16, 'd'));
    expect(memory.alloc(200, 1, 'e')).toBeUndefined();
    expect(memory.bytes()).toBe(200);
    expect(memory.bytes({ owner: null })).toBe(200 - 10 - 3 - 16);
  });

  it('knows its largest hole with the alignment taken off', () => {
    const memory = new PhysicalMemory();
    memory.add(umem(1, 63));
    expect([memory.largestHole(1), memory.largestHole(32), memory.largestHole(64)]).toEqual([63, 32, 0]);
    memory.alloc(63, 1, 'a');
    expect(memory.largestHole(1)).toBe(0);
  });

  it('claims exactly a range, or says what is in the way', () => {
    const memory = new PhysicalMemory();
    memory.add({ start: 0, length: 0x10, type: 'kmem', owner: 'kitten' });
    memory.add(umem(0x10, 0x100));
    expect(memory.claim(0x20, 0x10, 'a')).toBeUndefined();
    expect(memory.claim(0x28, 0x10, 'b')).toBe('0x28–0x30 is umem of a');
    expect(memory.claim(0x8, 0x10, 'b')).toBe('0x8–0x10 is kmem of kitten');
    expect(memory.claim(0x100, 0x11, 'b')).toBe('it is not all within the memory of this host');
    expect(memory.query({ owner: 'b' })).toEqual([]);
  });

  it('gives out memory within bounds and of a type, if asked to', () => {
    const memory = new PhysicalMemory();
    memory.add(umem(0, 100));
    memory.add({ start: 100, length: 50, type: 'initrd', owner: null });
    expect(memory.alloc(10, 1, 'a', { from: 40 })).toEqual(umem(40, 10, 'a'));
    expect(memory.alloc(10, 8, 'b', { from: 41, to: 70 })).toEqual(umem(56, 10, 'b'));
    expect(memory.alloc(10, 1, 'c', { from: 60, to: 69 })).toBeUndefined();
    expect(memory.alloc(50, 1, 'd', { type: 'initrd' })).toMatchObject({ start: 100, type: 'initrd' });
    expect(memory.alloc(1, 1, 'e', { type: 'kmem' })).toBeUndefined();
  });

  it('refuses to free what is free already, what nobody has, and what another one has', () => {
    const memory = new PhysicalMemory();
    memory.add(umem(0, 100));
    memory.alloc(10, 1, 'a');
    memory.alloc(10, 1, 'b');
    expect(() => memory.free(0, 20, 'a')).toThrow("0x0–0x14 can't be freed: 0xa–0x14 is b's");
    expect(() => memory.free(15, 10)).toThrow('0x14–0x19 is free already');
    expect(() => memory.free(95, 10)).toThrow('is free already');
    memory.free(0, 10, 'a');
    expect(() => memory.free(0, 10, 'a')).toThrow('0x0–0xa is free already');
    expect(memory.bytes({ owner: 'b' })).toBe(10);
  });

  it('refuses amounts and alignments that are none; what is too much, there is not', () => {
    const memory = new PhysicalMemory();
    memory.add(umem(0, 100));
    for (const length of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => memory.alloc(length, 1, 'a')).toThrow('whole bytes are needed');
    }
    for (const alignment of [0, 3, -2, 0.5, Number.NaN]) {
      expect(() => memory.alloc(1, alignment, 'a')).toThrow('power of two');
    }
    expect(memory.alloc(Number.MAX_SAFE_INTEGER, 1, 'a')).toBeUndefined();
    expect(memory.query()).toEqual([umem(0, 100)]);
  });

  it('refuses ranges that are none, overlap or are not there', () => {
    const memory = new PhysicalMemory();
    memory.add(umem(0x100, 0x100));
    expect(() => memory.add(umem(0x1ff, 1))).toThrow('0x1ff–0x200 overlaps 0x100–0x200');
    expect(() => memory.update(0x1ff, 2, { owner: 'a' })).toThrow('0x1ff–0x201 is not wholly on the map');
    for (const [start, length] of [
      [-1, 5],
      [0, 0],
      [0.5, 1],
      [Number.MAX_SAFE_INTEGER, 1],
      [0, Number.NaN],
    ] as const) {
      expect(() => memory.add(umem(start, length))).toThrow('whole bytes are needed');
    }
    expect(memory.query()).toEqual([umem(0x100, 0x100)]);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('is a map of bytes, whatever is done to it (seed %i)', seed => {
    const random = generator(seed);
    const memory = new PhysicalMemory();
    const SIZE = 128;
    /** The obvious model: what each byte is. */
    const bytes: (string | undefined)[] = new Array<string | undefined>(SIZE).fill(undefined);
    const name = ({ type, owner }: Pick<Region, 'type' | 'owner'>) => `${type} ${owner ?? 'free'}`;
    const range = () => {
      const start = random(SIZE);
      return [start, 1 + random(Math.min(40, SIZE - start))] as const;
    };
    const model = (start: number, length: number) => bytes.slice(start, start + length);
    for (let step = 0; step < 800; step++) {
      const [start, length] = range();
      const type = random(4) ? 'umem' : 'kmem';
      const owner = random(3) ? null : `t${random(3)}`;
      switch (random(7)) {
        case 6: {
          const owned = model(start, length).every(b => b !== undefined && !b.endsWith('free'));
          const whole = model(start, length).every(b => b !== undefined);
          if (owned) {
            memory.free(start, length);
            for (let at = start; at < start + length; at++) bytes[at] = `${bytes[at]!.split(' ')[0]} free`;
          } else
            expect(() => memory.free(start, length)).toThrow(
              whole ? 'free already' : /free already|not wholly/,
            );
          break;
        }
        case 0:
          if (model(start, length).every(b => b === undefined)) {
            memory.add({ start, length, type, owner });
            bytes.fill(name({ type, owner }), start, start + length);
          } else expect(() => memory.add({ start, length, type, owner })).toThrow('overlaps');
          break;
        case 1:
          memory.del(start, length);
          bytes.fill(undefined, start, start + length);
          break;
        case 2:
          if (model(start, length).some(b => b === undefined)) {
            expect(() => memory.update(start, length, { type, owner })).toThrow('not wholly');
          } else {
            memory.update(start, length, { type, owner });
            bytes.fill(name({ type, owner }), start, start + length);
          }
          break;
        case 3: {
          const free = model(start, length).every(b => b === 'umem free');
          expect(memory.claim(start, length, 't9') === undefined).toBe(free);
          if (free) bytes.fill('umem t9', start, start + length);
          break;
        }
        default: {
          const alignment = 1 << random(5);
          let at = 0;
          while (at + length <= SIZE && !model(at, length).every(b => b === 'umem free')) at += alignment;
          const expected = at + length <= SIZE ? at : undefined;
          expect(memory.alloc(length, alignment, 't8')?.start).toBe(expected);
          if (expected !== undefined) bytes.fill('umem t8', at, at + length);
        }
      }
      const regions = memory.query();
      const drawn = new Array<string | undefined>(SIZE).fill(undefined);
      for (const region of regions) drawn.fill(name(region), region.start, region.start + region.length);
      expect(drawn.join()).toBe(bytes.join());
      const faults = regions.slice(1).filter((region, i) => {
        const before = regions[i]!;
        const gap = region.start - (before.start + before.length);
        return gap < 0 || (gap === 0 && name(region) === name(before));
      });
      expect(faults).toEqual([]);
    }
  });
});
