import { LinearMemory, type GuestMemory, type PciFunction } from '../platform';
import { VIRTIO_F_EVENT_IDX, VIRTIO_F_VERSION_1 } from './features';
import { Common, NOTIFY_OFFSET, ISR_OFFSET, Status } from './transport/registers';

/** Test kit: guest memory, and the driver's side of a virtio PCI device, as a kernel would drive it. */

/** mulberry32: the same numbers in every run; each is below `limit`. */
export function random(seed: number): (limit: number) => number {
  let a = seed;
  return limit => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  };
}

export const TEST_MEMORY_SIZE = 1 << 20;

export function testMemory(size = TEST_MEMORY_SIZE): GuestMemory & { written: [number, number][] } {
  const buffer = new ArrayBuffer(size);
  const written: [number, number][] = [];
  const memory = new LinearMemory(
    () => buffer,
    0,
    size,
    (from, to) => void written.push([from, to]),
  );
  return Object.assign(memory, { written });
}

export class TestLine {
  up = false;
  raised = 0;
  raise(): void {
    if (!this.up) this.raised++;
    this.up = true;
  }
  lower(): void {
    this.up = false;
  }
}

export interface TestBuffer {
  address: number;
  length: number;
  writable?: boolean;
}

export interface UsedElement {
  id: number;
  written: number;
}

/** Rings of one queue in guest memory. */
export interface TestRing {
  size: number;
  desc: number;
  avail: number;
  used: number;
  nextDesc: number;
  availIndex: number;
  seenUsed: number;
}

export class TestDriver {
  readonly rings = new Map<number, TestRing>();
  private heap = 0x10000;
  private eventIndex = false;

  constructor(
    readonly fn: PciFunction,
    readonly memory: GuestMemory,
  ) {}

  /** Up to DRIVER_OK with the given features (VERSION_1 is added) and all of the queues. */
  start(features: number[], queues: number[], size?: number): void {
    this.eventIndex = features.includes(VIRTIO_F_EVENT_IDX);
    this.setStatus(Status.acknowledge);
    this.setStatus(Status.acknowledge | Status.driver);
    this.writeFeatures([...features, VIRTIO_F_VERSION_1]);
    this.setStatus(Status.acknowledge | Status.driver | Status.featuresOk);
    for (const index of queues) this.setUpQueue(index, size);
    this.setStatus(Status.acknowledge | Status.driver | Status.featuresOk | Status.driverOk);
  }

  /** This driver after its machine went on elsewhere, with a copy of its memory. */
  moved(fn: PciFunction, memory: GuestMemory): TestDriver {
    const driver = new TestDriver(fn, memory);
    driver.heap = this.heap;
    driver.eventIndex = this.eventIndex;
    for (const [index, ring] of this.rings) driver.rings.set(index, { ...ring });
    return driver;
  }

  setStatus(value: number): void {
    this.fn.write(Common.deviceStatus, 1, value);
  }

  status(): number {
    return this.fn.read(Common.deviceStatus, 1);
  }

  writeFeatures(bits: number[]): void {
    for (const half of [0, 1]) {
      const value = bits
        .filter(bit => bit >> 5 === half)
        .reduce((word, bit) => (word | (1 << (bit & 31))) >>> 0, 0);
      this.fn.write(Common.driverFeatureSelect, 4, half);
      this.fn.write(Common.driverFeature, 4, value);
    }
  }

  setUpQueue(index: number, size?: number): TestRing {
    this.fn.write(Common.queueSelect, 2, index);
    const queueSize = size ?? this.fn.read(Common.queueSize, 2);
    const ring: TestRing = {
      size: queueSize,
      desc: this.allocate(16 * queueSize),
      avail: this.allocate(6 + 2 * queueSize),
      used: this.allocate(6 + 8 * queueSize),
      nextDesc: 0,
      availIndex: 0,
      seenUsed: 0,
    };
    this.fn.write(Common.queueSize, 2, queueSize);
    this.fn.write(Common.queueDesc, 4, ring.desc);
    this.fn.write(Common.queueDriver, 4, ring.avail);
    this.fn.write(Common.queueDevice, 4, ring.used);
    this.fn.write(Common.queueEnable, 2, 1);
    this.rings.set(index, ring);
    return ring;
  }

  /** Guest memory that nothing else uses, 16-byte aligned. */
  allocate(length: number): number {
    const at = this.heap;
    this.heap = (this.heap + length + 15) & ~15;
    return at;
  }

  /** Makes a chain available; returns its head. `indirect` puts the descriptors into a table of their own. */
  offer(index: number, buffers: TestBuffer[], indirect = false): number {
    const ring = this.rings.get(index)!;
    const head = ring.nextDesc % ring.size;
    if (indirect) {
      const table = this.allocate(16 * buffers.length);
      buffers.forEach((buffer, i) =>
        this.writeDescriptor(table, i, buffer, i + 1 < buffers.length ? i + 1 : undefined),
      );
      this.writeDescriptor(ring.desc, head, { address: table, length: 16 * buffers.length }, undefined, 4);
      ring.nextDesc++;
    } else {
      buffers.forEach((buffer, i) => {
        const next = i + 1 < buffers.length ? (head + i + 1) % ring.size : undefined;
        this.writeDescriptor(ring.desc, (head + i) % ring.size, buffer, next);
      });
      ring.nextDesc += buffers.length;
    }
    const view = this.memory.view();
    view.setUint16(ring.avail + 4 + 2 * (ring.availIndex % ring.size), head, true);
    ring.availIndex = (ring.availIndex + 1) & 0xffff;
    view.setUint16(ring.avail + 2, ring.availIndex, true);
    return head;
  }

  /** A buffer with `data` in it, for the device to read. */
  readable(data: Uint8Array): TestBuffer {
    const address = this.allocate(data.length);
    this.memory.bytes().set(data, address);
    return { address, length: data.length };
  }

  writable(length: number): TestBuffer {
    return { address: this.allocate(length), length, writable: true };
  }

  kick(index: number): void {
    this.fn.write(NOTIFY_OFFSET, 2, index);
  }

  /** Kicks as a kernel does: only if the device asked to be told of what was offered since `before`. */
  kickIfWanted(index: number, before: number): void {
    const ring = this.rings.get(index)!;
    const view = this.memory.view();
    const event = view.getUint16(ring.used + 4 + 8 * ring.size, true);
    const wanted = this.eventIndex
      ? ((ring.availIndex - event - 1) & 0xffff) < ((ring.availIndex - before) & 0xffff)
      : (view.getUint16(ring.used, true) & 1) === 0;
    if (wanted) this.kick(index);
  }

  /** Asks for an interrupt at the next used chain. */
  wantInterrupt(index: number): void {
    const ring = this.rings.get(index)!;
    this.memory.view().setUint16(ring.avail + 4 + 2 * ring.size, ring.seenUsed, true);
  }

  /** What the device has used since the last call. */
  used(index: number): UsedElement[] {
    const ring = this.rings.get(index)!;
    const view = this.memory.view();
    const elements: UsedElement[] = [];
    while (ring.seenUsed !== view.getUint16(ring.used + 2, true)) {
      const at = ring.used + 4 + 8 * (ring.seenUsed % ring.size);
      elements.push({ id: view.getUint32(at, true), written: view.getUint32(at + 4, true) });
      ring.seenUsed = (ring.seenUsed + 1) & 0xffff;
    }
    return elements;
  }

  readIsr(): number {
    return this.fn.read(ISR_OFFSET, 1);
  }

  bytes({ address, length }: TestBuffer, limit = length): Uint8Array {
    return this.memory.bytes().slice(address, address + limit);
  }

  writeDescriptor(table: number, index: number, buffer: TestBuffer, next?: number, extraFlags = 0): void {
    const view = this.memory.view();
    const at = table + 16 * index;
    view.setUint32(at, buffer.address, true);
    view.setUint32(at + 4, 0, true);
    view.setUint32(at + 8, buffer.length, true);
    view.setUint16(at + 12, (next === undefined ? 0 : 1) | (buffer.writable ? 2 : 0) | extraFlags, true);
    view.setUint16(at + 14, next ?? 0, true);
  }
}
