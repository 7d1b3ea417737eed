import { AddressSpace, PAGE_SIZES, SMARTMAP_BYTES, type PageSize } from './address-space';
import { AddressSpaces, MAX_ASPACE } from './address-spaces';
import { generator } from './testing/generator.fixture';

const [SMALL, LARGE, HUGE] = PAGE_SIZES;
const region = (start: number, length: number, pageSize: PageSize = SMALL, name = 'r') => ({
  ...{ start, length, pageSize, name },
});

describe('an address space', () => {
  it('keeps its regions sorted, and refuses those that overlap or are not of whole pages', () => {
    const space = new AddressSpace(3, 'a');
    space.addRegion(region(4 * LARGE, LARGE, LARGE));
    space.addRegion(region(SMALL, SMALL));
    space.addRegion(region(HUGE, HUGE, HUGE));
    expect(space.regions.map(({ start }) => start)).toEqual([SMALL, 4 * LARGE, HUGE]);
    expect(() => space.addRegion(region(4 * LARGE + SMALL, SMALL))).toThrow(
      'aspace 3 (a): 0x801000–0x802000 overlaps r (0x800000–0xa00000)',
    );
    expect(() => space.addRegion(region(3 * SMALL, LARGE, LARGE))).toThrow('not of whole pages of 2097152');
    expect(() => space.addRegion(region(0, 1))).toThrow('not of whole pages of 4096 bytes');
    expect(() => space.addRegion(region(0, SMALL, 8192 as PageSize))).toThrow('a page has 4096, 2097152, ');
    for (const [start, length] of [
      [-SMALL, SMALL],
      [0, 0],
      [0, Number.NaN],
      [SMARTMAP_BYTES, SMALL],
      [SMARTMAP_BYTES - SMALL, 2 * SMALL],
      [Number.MAX_SAFE_INTEGER, SMALL],
    ] as const) {
      expect(() => space.addRegion(region(start, length))).toThrow('are no range of its own addresses');
    }
    expect(space.regions).toHaveLength(3);
  });

  it('maps memory beforehand: where none is, there is none', () => {
    const space = new AddressSpace(3, 'a');
    space.addRegion(region(LARGE, 4 * LARGE, LARGE));
    space.mapPmem(32 * LARGE, 2 * LARGE, 2 * LARGE);
    expect(space.virtToPhys(2 * LARGE)).toBe(32 * LARGE);
    expect(space.virtToPhys(4 * LARGE - 1)).toBe(34 * LARGE - 1);
    expect([LARGE, 4 * LARGE, 0, -1].map(at => space.virtToPhys(at))).toEqual(new Array(4).fill(undefined));
    expect(space.lookup(LARGE)).toMatchObject({ start: LARGE });
    expect(space.lookup(5 * LARGE)).toBeUndefined();
    expect(() => space.mapPmem(0, 3 * LARGE, LARGE)).toThrow('memory is mapped at 0x400000–0x800000 already');
    expect(() => space.mapPmem(SMALL, LARGE, LARGE)).toThrow('0x1000 is not on a page of 2097152 bytes');
    expect(() => space.mapPmem(0, 4 * LARGE, 2 * LARGE)).toThrow('within none of its regions');
    expect(() => space.mapPmem(0, LARGE, SMALL)).toThrow('not of whole pages');
    expect(() => space.delRegion(LARGE, 4 * LARGE)).toThrow('unmap it first');
    space.unmapPmem(3 * LARGE, LARGE);
    expect([2, 3].map(page => space.virtToPhys(page * LARGE))).toEqual([32 * LARGE, undefined]);
    expect(() => space.unmapPmem(2 * LARGE, 2 * LARGE)).toThrow('is not wholly mapped');
    space.unmapPmem(2 * LARGE, LARGE);
    space.delRegion(LARGE, 4 * LARGE);
    expect(() => space.delRegion(LARGE, 4 * LARGE)).toThrow('is none of its regions');
  });

  it('finds the first hole', () => {
    const space = new AddressSpace(3, 'a');
    space.addRegion(region(SMALL, SMALL));
    space.addRegion(region(LARGE, LARGE, LARGE));
    expect(space.findHole(0, SMALL, SMALL)).toBe(0);
    expect(space.findHole(SMALL, SMALL, SMALL)).toBe(2 * SMALL);
    expect(space.findHole(0, LARGE, SMALL)).toBe(2 * LARGE);
    expect(space.findHole(SMALL, SMALL, LARGE)).toBe(2 * LARGE);
    expect(() => space.findHole(SMALL, SMARTMAP_BYTES - SMALL, SMALL)).toThrow('bytes free from 0x1000 on');
    expect(() => space.findHole(0, SMALL, 3)).toThrow('power of two, not to 3');
  });

  it('sees other ranks at (rank + 1) · 2^39', () => {
    const [mine, peer] = [new AddressSpace(3, 'a'), new AddressSpace(4, 'b')];
    peer.addRegion(region(SMALL, SMALL));
    peer.mapPmem(7 * SMALL, SMALL, SMALL);
    mine.smartmap(5, peer);
    expect(mine.virtToPhys(6 * 2 ** 39 + SMALL + 12)).toBe(7 * SMALL + 12);
    expect(mine.virtToPhys(5 * 2 ** 39 + SMALL)).toBeUndefined();
    expect(() => mine.smartmap(5, peer)).toThrow('aspace 4 is seen as rank 5 already');
    expect(() => mine.smartmap(255, peer)).toThrow('places for the ranks 0 to 254');
    expect([mine.unsmartmap(5), mine.unsmartmap(5), mine.smartmapped]).toEqual([true, false, []]);
  });

  it.each([1, 2, 3, 4])('is a map from pages to pages, whatever is done to it (seed %i)', seed => {
    const random = generator(seed);
    const space = new AddressSpace(3, 'a');
    const SIZE = 64;
    const regions = new Map<number, number>();
    /** The obvious model: of each page whether a region has it, and what is behind it. */
    const pages = Array.from({ length: SIZE }, () => ({ region: -1, physical: -1 }));
    const done = (action: () => void) => {
      try {
        action();
        return true;
      } catch (thrown) {
        expect(thrown).toMatchObject({ code: 'INVALID_REQUEST' });
        return false;
      }
    };
    for (let step = 0; step < 1_500; step++) {
      const start = random(SIZE);
      const length = 1 + random(Math.min(12, SIZE - start));
      const [at, bytes] = [start * SMALL, length * SMALL];
      const inside = pages.slice(start, start + length);
      const ofOneRegion = inside.every(page => page.region >= 0 && page.region === inside[0]!.region);
      switch (random(4)) {
        case 0: {
          const free = inside.every(page => page.region < 0);
          expect(done(() => space.addRegion(region(at, bytes)))).toBe(free);
          if (free) {
            regions.set(start, length);
            for (const page of inside) page.region = start;
          }
          break;
        }
        case 1: {
          const [first, size] = [...regions][random(Math.max(1, regions.size))] ?? [start, length];
          const own = pages.slice(first, first + size);
          const empty = regions.get(first) === size && own.every(page => page.physical < 0);
          expect(done(() => space.delRegion(first * SMALL, size * SMALL))).toBe(empty);
          if (empty) {
            regions.delete(first);
            for (const page of own) page.region = -1;
          }
          break;
        }
        case 2: {
          const physical = random(1_000);
          const fits = ofOneRegion && inside.every(page => page.physical < 0);
          expect(done(() => space.mapPmem(physical * SMALL, at, bytes))).toBe(fits);
          if (fits) for (const [i, page] of inside.entries()) page.physical = physical + i;
          break;
        }
        default: {
          const mapped = ofOneRegion && inside.every(page => page.physical >= 0);
          expect(done(() => space.unmapPmem(at, bytes))).toBe(mapped);
          if (mapped) for (const page of inside) page.physical = -1;
        }
      }
      expect(pages.map((_, page) => (space.virtToPhys(page * SMALL) ?? -SMALL) / SMALL)).toEqual(
        pages.map(({ physical }) => physical),
      );
    }
  });
});

describe('address spaces', () => {
  it('have the ids of Kitten: those of users from 3 on, used again as late as can be', () => {
    const spaces = new AddressSpaces();
    for (const [id, name] of ['boot', 'kernel', 'init'].entries()) spaces.create(name, id);
    const first = spaces.create('a');
    spaces.destroy(first.id);
    expect([first.id, spaces.create('b').id]).toEqual([3, 4]);
    expect(() => spaces.create('c', 4)).toThrow("aspace 4 is b's");
    expect(() => spaces.create('c', MAX_ASPACE + 1)).toThrow('ids 0 to 32767');
    expect(() => spaces.destroy(1)).toThrow("aspace 1 (kernel) is the kernel's");
    expect(() => spaces.destroy(9)).toThrow('there is no aspace 9');
    expect(spaces.list().map(({ id }) => id)).toEqual([0, 1, 2, 4]);
  });

  it('run out at 32767, and are there again when one is destroyed', () => {
    const spaces = new AddressSpaces();
    for (let id = 3; id <= MAX_ASPACE; id++) spaces.create(`t${id}`);
    expect(() => spaces.create('more')).toThrow('all 32765 aspaces of users are in use');
    spaces.destroy(77);
    expect(spaces.create('more').id).toBe(77);
  });

  it('are seen by nobody once they are destroyed', () => {
    const spaces = new AddressSpaces();
    const [a, b] = [spaces.create('a', 10), spaces.create('b', 11)];
    a.smartmap(0, b);
    spaces.destroy(11);
    expect(a.smartmapped).toEqual([]);
  });
});
