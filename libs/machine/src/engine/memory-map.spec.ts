import { DeviceFault, type IoHandler } from '@v3vee/devices';
import { backedBy, MemoryMap } from './memory-map';

const RAM = 64 << 20;

function handler(name = 'card') {
  const log: string[] = [];
  const made: IoHandler & { log: string[] } = {
    ...{ name, log },
    read: (offset, size) => (log.push(`read ${offset}/${size}`), 7),
    write: (offset, size, value) => void log.push(`write ${offset}/${size}=${value}`),
  };
  return made;
}
const region = (start: number, name = 'card', length = 0x1000) => ({
  ...{ start, length, name },
  handler: handler(name),
});

it('answers in overriding regions, relative to their start, and nowhere else', () => {
  const map = new MemoryMap();
  const regions = [0xf0003000, 0xf0001000, 0xf0002000].map(start => region(start));
  for (const each of regions) map.add(each);
  expect(map.read(0xf0001004, 4)).toBe(7);
  expect(map.write(0xf0002fff, 1, 9)).toBe(true);
  expect(regions.map(each => each.handler.log)).toEqual([[], ['read 4/4'], ['write 4095/1=9']]);
  expect([map.read(0xf0000fff, 1), map.write(0xf0004000, 4, 0)]).toEqual([undefined, false]);
});

it('finds what any place belongs to (against a linear search over random regions)', () => {
  const map = new MemoryMap();
  let seed = 7;
  const draw = (limit: number) => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) % limit;
  const ids: { id: number; start: number; n: number }[] = [];
  for (let n = 0; n < 60; n++) {
    const start = 0xe8000000 + 0x1000 * draw(128);
    const id = map.add({
      start,
      length: 0x1000,
      name: `${n}`,
      handler: { read: () => n, write: () => undefined },
    });
    ids.push({ id, start, n });
    if (draw(3) === 0) map.remove(ids.splice(draw(ids.length), 1)[0]!.id);
    if (draw(3) === 0 && ids.length > 0) {
      const moved = ids[draw(ids.length)]!;
      moved.start = 0xe8000000 + 0x1000 * draw(128);
      map.move(moved.id, moved.start);
    }
    for (let page = 0; page < 128; page++) {
      const at = 0xe8000000 + 0x1000 * page;
      // Of those at one place, the first that was made.
      expect(map.read(at + 8, 4)).toBe(ids.find(each => each.start === at)?.n);
    }
  }
});

it('leaves a place to the region that was there first, and lets another have it when that is gone', () => {
  const map = new MemoryMap();
  const first = map.add(region(0xf0000000, 'first', 0x2000));
  const second = region(0xf0001000, 'second', 0x2000);
  map.add(second);
  expect(map.read(0xf0002000, 1)).toBeUndefined();
  map.move(first, 0);
  expect(map.read(0xf0002000, 1)).toBe(7);
  expect(second.handler.log).toEqual(['read 4096/1']);
});

it('stops the VM at an access that the flags do not allow, or that runs past the end', () => {
  const map = new MemoryMap();
  map.add({ ...region(0xf0000000, 'rom'), flags: 'r' });
  map.add({ ...region(0xf0001000, 'port'), flags: 'w' });
  expect(() => map.write(0xf0000010, 4, 1)).toThrow(
    new DeviceFault('rom', 'write of 4 bytes at 0xf0000010, which is r'),
  );
  expect(() => map.read(0xf0001010, 4)).toThrow('read of 4 bytes at 0xf0001010, which is w');
  expect(() => map.read(0xf0000ffe, 4)).toThrow('runs past its end');
});

it('shows RAM in the pieces that nothing overrides, the chipset, and regions by address', () => {
  const map = new MemoryMap();
  map.add({ ...region(0xfe000000, 'rtl8139-0', 0x100), kind: 'passthrough' });
  map.add(region(0, 'switched off'));
  map.add(region(0x100000, 'a BAR over RAM'));
  const lines = map
    .describe(RAM)
    .map(({ start, end, flags, kind, name }) =>
      [start.toString(16), end.toString(16), flags, kind, name].join(' '),
    );
  expect(lines).toEqual([
    '0 a0000 rwx ram RAM',
    'a0000 c0000 rw chipset VGA window',
    'c0000 e0000 rx ram option ROMs, shadowed',
    'e0000 100000 rx ram BIOS, shadowed',
    '100000 4000000 rwx ram RAM',
    'e0000000 e0100000 rw chipset VGA frame buffer',
    'fe000000 fe000100 rw passthrough rtl8139-0',
    'fff00000 100000000 rx chipset BIOS',
  ]);
});

it('keeps bytes behind a region, little endian, and tells of them', () => {
  const seen: string[] = [];
  const backing = new Uint8Array(16);
  const memory = backedBy(backing, {
    write: ({ offset, size, value }) => void seen.push(`${offset}/${size}=${value.toString(16)}`),
  });
  memory.write(4, 4, 0x89abcdef);
  memory.write(6, 1, 0x12);
  expect([memory.read(4, 4), memory.read(6, 2), memory.read(0, 4)]).toEqual([0x8912cdef, 0x8912, 0]);
  expect(seen).toEqual(['4/4=89abcdef', '6/1=12']);
});
