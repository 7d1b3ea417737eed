import { DeviceFault, type GuestMemory, type PciFunction } from '../platform';
import { VirtioBalloon } from './balloon/device';
import { VirtioConsole } from './console/device';
import { VIRTIO_F_EVENT_IDX, VIRTIO_F_INDIRECT_DESC } from './features';
import { VirtioHwsim } from './hwsim/device';
import { VirtioNet } from './net/device';
import { NetFeature } from './net/header';
import { random, TestDriver, TestLine, testMemory } from './testing';
import { VirtioTransport } from './transport/transport';

/**
 * Attacks on devices by their own driver, each decided by a seed. Whatever a guest puts into its rings and
 * registers, a device must either work on or throw a DeviceFault; it must not throw anything else, touch memory
 * outside of the guest's, or work without end. Anything but a DeviceFault comes out of these functions.
 */

export const SIZE = 256 << 10;

export interface Kit {
  memory: GuestMemory;
  transport: PciFunction;
  /** Something arrives from outside, and the machine gives the device its turns. */
  inject(): void;
  queues: number[];
  features: number[];
}

export function netKit(): Kit & { sent: Uint8Array[] } {
  const memory = testMemory(SIZE);
  const sent: Uint8Array[] = [];
  const net = new VirtioNet({
    mac: new Uint8Array(6),
    mtu: 9000,
    transmit: frames => void sent.push(...frames),
  });
  const transport = new VirtioTransport('virtio-net0', net, memory, new TestLine());
  let turn = 0;
  const inject = () => {
    net.expect();
    net.receive([new Uint8Array(12 + 1500), new Uint8Array(12 + 9000)]);
    net.poll(turn++);
    net.settle();
    net.configure({ mode: turn % 2 ? 'vmm-driven' : 'guest-driven', optimisticInterrupts: turn % 3 === 0 });
  };
  return { memory, transport, inject, queues: [0, 1, 2], features: [...Object.values(NetFeature)], sent };
}

export function consoleKit(): Kit {
  const memory = testMemory(SIZE);
  const device = new VirtioConsole({ ports: ['a', 'b'], output: () => {}, opened: () => {} });
  const transport = new VirtioTransport('virtio-console', device, memory, new TestLine());
  const inject = () => void device.send(1, new Uint8Array(5000));
  return { memory, transport, inject, queues: [0, 1, 2, 3, 4, 5], features: [1] };
}

export function hwsimKit(): Kit {
  const memory = testMemory(SIZE);
  const device = new VirtioHwsim({ transmit: () => {} });
  const transport = new VirtioTransport('virtio-hwsim', device, memory, new TestLine());
  let turn = 0;
  const inject = () => {
    const messages = [100, 2000, 20].map(length => new Uint8Array(length));
    for (const message of messages) message[16] = turn % 2 ? 2 : 3;
    device.receive(messages);
    device.announce();
    device.poll(1000 * turn++);
  };
  return { memory, transport, inject, queues: [0, 1], features: [] };
}

export function balloonKit(): Kit {
  const memory = testMemory(SIZE);
  const device = new VirtioBalloon();
  const transport = new VirtioTransport('virtio-balloon', device, memory, new TestLine());
  let turn = 0;
  const inject = () => device.setTarget(turn++ % 64);
  return { memory, transport, inject, queues: [0, 1], features: [0] };
}

/** Runs `action`; true if the device refused it. */
function faults(action: () => void): boolean {
  try {
    action();
    return false;
  } catch (error) {
    if (!(error instanceof DeviceFault)) throw error;
    return true;
  }
}

/** Random rings and descriptors. @returns in how many queues the device refused them */
export function attackRings(kit: () => Kit, seed: number): number {
  const next = random(seed);
  const { memory, transport, inject, queues, features } = kit();
  const driver = new TestDriver(transport, memory);
  driver.start([...features, ...(seed % 2 ? [VIRTIO_F_EVENT_IDX] : []), VIRTIO_F_INDIRECT_DESC], queues, 16);
  for (const ring of driver.rings.values()) scribble(memory.bytes(), ring, next);
  return queues.filter(index => faults(() => driver.kick(index)) || faults(inject)).length;
}

/** Rings that lie over each other. */
export function attackOverlap(kit: () => Kit, seed: number): void {
  const next = random(seed);
  const { memory, transport, inject, queues, features } = kit();
  const driver = new TestDriver(transport, memory);
  faults(() => {
    driver.start(features, []);
    for (const index of queues) overlay(transport, index, next);
    for (let i = 0; i < 64; i++) memory.bytes()[next(4096)] = next(8);
    for (const index of queues) driver.kick(index);
    inject();
    inject();
  });
}

/** Random accesses to the registers. */
export function attackRegisters(kit: () => Kit, seed: number): void {
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

/**
 * Control commands of every shape: right ones with bytes changed, cut off, extended or split over buffers.
 * @returns the answers (0 or 1), and −1 where the device stopped
 */
export function attackControl(seed: number): number[] {
  const next = random(seed);
  const { memory, transport, inject, features } = netKit();
  const driver = new TestDriver(transport, memory);
  driver.start([...features, VIRTIO_F_INDIRECT_DESC], [0, 1, 2]);
  const answers: number[] = [];
  for (let i = 0; i < 20; i++) {
    const command = mutate(shapes[next(shapes.length)]!, next);
    const ack = driver.writable(next(8) ? 1 : next(4));
    memory.bytes()[ack.address] = 77;
    const cut = next(command.length + 1);
    const parts = [command.subarray(0, cut), command.subarray(cut)].map(part => driver.readable(part));
    driver.offer(2, [...parts, ...(next(30) ? [ack] : [])], next(2) === 0);
    const stopped = faults(() => driver.kick(2));
    answers.push(stopped ? -1 : driver.bytes(ack, 1)[0]!);
    if (stopped) break;
    faults(inject);
  }
  return answers;
}

/** Transmitted frames with random headers. @returns those that the device let out */
export function attackHeaders(seed: number): Uint8Array[] {
  const next = random(seed);
  const { memory, transport, features, sent } = netKit();
  const driver = new TestDriver(transport, memory);
  driver.start(features, [0, 1]);
  for (let i = 0; i < 50; i++) {
    const frame = Uint8Array.from({ length: next(200) }, () => next(256));
    frame.set([next(4), [0, 1, 4, 0x81, next(256)][next(5)]!].slice(0, frame.length));
    for (const at of [5, 7, 9]) if (next(2) && at < frame.length) frame[at] = 0; // small sizes and offsets
    if (next(2) && frame.length > 9) frame[8] = 16;
    driver.offer(1, [driver.readable(frame)]);
  }
  driver.kick(1);
  return sent;
}

const shapes: readonly (readonly number[])[] = [
  ...[0, 1, 2, 3, 4, 5].map(code => [0, code, 1]),
  [1, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 9, 1, 0, 0, 0, 1, 0, 0x5e, 0, 0, 1],
  [1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  [1, 1, 2, 0, 0, 0, 0, 7],
  [2, 0, 5, 0],
  [2, 1, 5, 0],
  [3, 0],
];

function mutate(shape: readonly number[], next: (limit: number) => number): Uint8Array {
  const bytes = [...shape];
  for (let changes = next(4); changes > 0; changes--) {
    const at = next(bytes.length + 1);
    if (next(3) === 0) bytes.splice(at, next(4));
    else if (next(2)) bytes.splice(at, 0, next(256));
    else bytes[at] = next(256);
  }
  return Uint8Array.from(bytes);
}

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
