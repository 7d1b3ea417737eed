import { VIRTIO_F_INDIRECT_DESC } from './features';
import {
  attackControl,
  attackHeaders,
  attackOverlap,
  attackRegisters,
  attackRings,
  balloonKit,
  consoleKit,
  hwsimKit,
  netKit,
  SIZE,
} from './hostile.fixture';
import { MAX_FRAME_LENGTH, MIN_FRAME_LENGTH } from './net/header';
import { TestDriver } from './testing';

const seeds = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

describe.each([
  ['network card', netKit],
  ['console', consoleKit],
  ['Wi-Fi medium', hwsimKit],
  ['balloon', balloonKit],
])('a hostile driver of a %s', (_, kit) => {
  it('with random rings and descriptors', () => {
    const refused = seeds(300).reduce((sum, seed) => sum + attackRings(kit, seed), 0);
    expect(refused).toBeGreaterThan(100);
  });

  it('with rings that lie over each other', () => {
    for (const seed of seeds(200)) attackOverlap(kit, seed);
  });

  it('with random register accesses', () => {
    for (const seed of seeds(50)) attackRegisters(kit, seed);
  });
});

it('gets an answer to a control command of any shape, unless it left no room for one', () => {
  const answers = seeds(200).flatMap(attackControl);
  for (const answer of [-1, 0, 1]) expect(answers.filter(each => each === answer).length).toBeGreaterThan(10);
});

it('lets no frame out whose header lies', () => {
  let [plain, segmented] = [0, 0];
  for (const frame of seeds(200).flatMap(attackHeaders)) {
    const view = new DataView(frame.buffer);
    const [flags, type] = [view.getUint8(0), view.getUint8(1)];
    const [size, start, offset] = [4, 6, 8].map(at => view.getUint16(at, true)) as [number, number, number];
    expect(frame.length).toBeGreaterThanOrEqual(MIN_FRAME_LENGTH);
    expect(frame.length).toBeLessThanOrEqual(MAX_FRAME_LENGTH);
    expect([0, 1]).toContain(flags);
    expect([0, 1, 4, 0x81, 0x84]).toContain(type);
    expect(view.getUint16(10, true)).toBe(0);
    if (flags) expect(start + offset + 2).toBeLessThanOrEqual(frame.length - 12);
    if (type === 0) plain++;
    else {
      expect([flags, offset]).toEqual([1, 16]);
      expect(size).toBeGreaterThanOrEqual(48);
      segmented++;
    }
  }
  expect(plain).toBeGreaterThan(100);
  expect(segmented).toBeGreaterThan(10);
});

it.each([
  [
    'a chain that is a loop',
    'a loop',
    (d: TestDriver) => d.writeDescriptor(d.rings.get(1)!.desc, 0, { address: 0, length: 4 }, 0),
  ],
  [
    'an index outside of the table',
    'outside of a table',
    (d: TestDriver) => d.writeDescriptor(d.rings.get(1)!.desc, 0, { address: 0, length: 4 }, 999),
  ],
  [
    'a buffer beyond memory',
    'outside of the guest',
    (d: TestDriver) => d.writeDescriptor(d.rings.get(1)!.desc, 0, { address: SIZE - 4, length: 8 }),
  ],
  [
    'an indirect table of odd size',
    'indirect table of 20 bytes',
    (d: TestDriver) => d.writeDescriptor(d.rings.get(1)!.desc, 0, { address: 0, length: 20 }, undefined, 4),
  ],
  [
    'an indirect table inside of a chain',
    'inside of a chain',
    (d: TestDriver) => d.writeDescriptor(d.rings.get(1)!.desc, 0, { address: 0, length: 16 }, 1, 4),
  ],
])('says what is wrong: %s', (_, message, break_) => {
  const { memory, transport } = netKit();
  const driver = new TestDriver(transport, memory);
  driver.start([VIRTIO_F_INDIRECT_DESC], [0, 1]);
  driver.offer(1, [{ address: 0, length: 64 }]);
  break_(driver);
  expect(() => driver.kick(1)).toThrow(message);
});

it('refuses an available index that runs ahead', () => {
  const { memory, transport } = netKit();
  const driver = new TestDriver(transport, memory);
  driver.start([], [0, 1]);
  memory.view().setUint16(driver.rings.get(1)!.avail + 2, 300, true);
  expect(() => driver.kick(1)).toThrow('available index runs 300 ahead in a ring of 256');
});
