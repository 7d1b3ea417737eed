import { DeviceFault, type PciFunction } from '../platform';
import { VirtioConsole } from './console/device';
import { VIRTIO_F_EVENT_IDX, VIRTIO_F_INDIRECT_DESC } from './features';
import { VirtioNet } from './net/device';
import { NetFeature } from './net/header';
import { random, TestDriver, TestLine, testMemory } from './testing';
import { VirtioTransport } from './transport/transport';

/**
 * A guest may put anything into its rings and registers. Whatever it does, a device must either work on or throw
 * a DeviceFault; it must not throw anything else, touch memory outside of the guest's, or work without end.
 */

const SIZE = 256 << 10;

function netKit() {
  const memory = testMemory(SIZE);
  const net = new VirtioNet({ mac: new Uint8Array(6), mtu: 1500, transmit: () => {} });
  const transport = new VirtioTransport('virtio-net0', net, memory, new TestLine());
  const inject = () => net.receive([new Uint8Array(12 + 1500), new Uint8Array(12 + 9000)]);
  return { memory, transport, inject, queues: [0, 1], features: [...Object.values(NetFeature)] };
}

function consoleKit() {
  const memory = testMemory(SIZE);
  const device = new VirtioConsole({ ports: ['a', 'b'], output: () => {}, opened: () => {} });
  const transport = new VirtioTransport('virtio-console', device, memory, new TestLine());
  const inject = () => void device.send(1, new Uint8Array(5000));
  return { memory, transport, inject, queues: [0, 1, 2, 3, 4, 5], features: [1] };
}

/** Runs `action`; true if the device refused it, and fails the test if it threw anything but a DeviceFault. */
function faults(action: () => void): boolean {
  try {
    action();
    return false;
  } catch (error) {
    if (!(error instanceof DeviceFault)) throw error;
    return true;
  }
}

describe.each([
  ['network card', netKit],
  ['console', consoleKit],
])('a hostile driver of a %s', (_, kit) => {
  it('with random rings and descriptors', () => {
    let refused = 0;
    for (let seed = 1; seed <= 300; seed++) {
      const next = random(seed);
      const { memory, transport, inject, queues, features } = kit();
      const driver = new TestDriver(transport, memory);
      driver.start(
        [...features, ...(seed % 2 ? [VIRTIO_F_EVENT_IDX] : []), VIRTIO_F_INDIRECT_DESC],
        queues,
        16,
      );
      for (const ring of driver.rings.values()) scribble(memory.bytes(), ring, next);
      refused += queues.filter(index => faults(() => driver.kick(index)) || faults(inject)).length;
    }
    expect(refused).toBeGreaterThan(100);
  });

  it('with rings that lie over each other', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const next = random(seed);
      const { memory, transport, inject, queues, features } = kit();
      const driver = new TestDriver(transport, memory);
      faults(() => {
        driver.start(features, []);
        for (const index of queues) overlay(transport, index, next);
        for (let i = 0; i < 64; i++) memory.bytes()[next(4096)] = next(8);
        for (const index of queues) driver.kick(index);
        inject();
      });
    }
  });

  it('with random register accesses', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const next = random(seed);
      const { transport, inject } = kit();
      for (let i = 0; i < 300; i++) {
        const size = 1 << next(3);
        const offset = next(257 - size);
        const value = next(2) ? next(256) : next(2 ** 32) % 2 ** (8 * size);
        faults(() => (next(2) ? transport.write(offset, size, value) : transport.read(offset, size)));
        if (i % 50 === 0) faults(inject);
      }
    }
  });
});

interface Ring {
  size: number;
  desc: number;
  avail: number;
  used: number;
}

/** Descriptors that are half plausible, so that walks get far before they fail. */
function scribble(bytes: Uint8Array, { size, desc, avail }: Ring, next: (limit: number) => number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  for (let i = 0; i < size; i++) {
    const at = desc + 16 * i;
    view.setUint32(at, next(8) ? next(SIZE) : next(2 ** 32), true);
    view.setUint32(at + 4, next(20) ? 0 : next(4), true);
    view.setUint32(at + 8, next(8) ? 16 * next(64) : next(2 ** 32), true);
    view.setUint16(at + 12, next(8), true);
    view.setUint16(at + 14, next(8) ? next(size) : next(0x10000), true);
    view.setUint16(avail + 4 + 2 * i, next(8) ? next(size) : next(0x10000), true);
  }
  view.setUint16(avail + 2, next(4) ? next(size + 1) : next(0x10000), true);
}

/** All three areas of a queue somewhere in the same page. */
function overlay(fn: PciFunction, index: number, next: (limit: number) => number): void {
  fn.write(0x16, 2, index);
  fn.write(0x18, 2, 1 << next(6));
  fn.write(0x20, 4, 16 * next(64));
  fn.write(0x28, 4, 2 * next(512));
  fn.write(0x30, 4, 4 * next(256));
  fn.write(0x1c, 2, 1);
}

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
