import { DeviceFault, type IoHandler } from '@v3vee/devices';
import { MemoryMap } from './memory-map';

/**
 * The VMM's hook table: the one way by which guest I/O reaches hardware. Each of the 65,536 ports is either
 * hooked (a handler of ours: a device, later a modelled one) or belongs to the chipset inside the engine, or to
 * nobody. Every access is counted by port, direction and width, because exits are the unit of account
 * (Palacios's telemetry).
 *
 * A port that nobody answers reads as all ones and swallows writes, as on an ISA bus without a card; drivers
 * and the BIOS probe such ports all the time, so that is counted as `unhooked` and is no fault. An access that a
 * *hooked* device does not understand is one: its handler throws {@link DeviceFault} and the VM stops.
 */

export interface PortCount {
  port: number;
  direction: 'in' | 'out';
  /** Width in bytes. */
  size: number;
  count: number;
}

interface HookedRange {
  /** Null: it is meant to be the chipset's, or nobody's (pass through). */
  handler: IoHandler | null;
  base: number;
  length: number;
}

const PORTS = 0x10000;
const WRITE = 4;

/** Index into the counters: port, direction, log2 of the width. 8 slots per port. */
const slot = (port: number, write: number, width: number): number => (port << 3) | write | width;

export class HookTable {
  /** 0 = not hooked, else 1 + index into {@link ranges}. */
  private readonly owner = new Uint8Array(PORTS);
  private readonly ranges: (HookedRange | undefined)[] = [];
  /** Of physical memory above RAM, where each access is an exit anyway. */
  readonly memory = new MemoryMap();
  /** Lazily backed by memory: a guest touches some dozen ports. */
  private readonly counts = new Float64Array(PORTS * 8);

  /**
   * Hooks `length` ports from `base`; the returned id moves or removes them. At most 255 ranges.
   * @throws Error one of the ports has a hook
   */
  hookIo(base: number, length: number, handler: IoHandler | null): number {
    const taken = this.ranges.find(
      range => range && range.base < base + length && base < range.base + range.length,
    );
    if (taken && base < PORTS) {
      const by = taken.handler?.name ?? 'one that passes through';
      throw new Error(`ports from 0x${base.toString(16)} are hooked by ${by}: a port has one hook`);
    }
    const free = this.ranges.indexOf(undefined);
    const id = free >= 0 ? free : this.ranges.length;
    if (id >= 255) throw new Error('more than 255 hooked port ranges');
    this.ranges[id] = { handler, base, length };
    this.rebuild();
    return id;
  }

  /** A PCI base address register was written: the range answers at `base` from now on; beyond the ports, nowhere. */
  moveIo(id: number, base: number): void {
    const range = this.ranges[id];
    if (!range || range.base === base) return;
    range.base = base;
    this.rebuild();
  }

  unhookIo(id: number): void {
    this.ranges[id] = undefined;
    this.rebuild();
  }

  /** No guest has RAM at 0: a range there is not reachable. At most as many ranges as there are PCI functions. */
  hookMemory(start: number, length: number, handler: IoHandler, kind?: string): number {
    return this.memory.add({ start, length, name: handler.name, kind, handler });
  }

  moveMemory(id: number, base: number): void {
    this.memory.move(id, base);
  }

  /** @returns the handler's answer, or undefined if nothing of ours is at that physical address */
  readMemory(address: number, size: number): number | undefined {
    return this.memory.read(address, size);
  }

  /** @returns false if nothing of ours is at that physical address */
  writeMemory(address: number, size: number, value: number): boolean {
    return this.memory.write(address, size, value);
  }

  /** @returns the handler's answer, or undefined if the port is not hooked */
  read(port: number, width: number): number | undefined {
    this.counts[slot(port, 0, width)]!++;
    const id = this.owner[port]!;
    if (id === 0) return undefined;
    const range = this.ranges[id - 1]!;
    if (range.handler === null) return undefined;
    return range.handler.read(port - range.base, this.inside(range, port, 1 << width));
  }

  /** @returns false if the port is not hooked */
  write(port: number, width: number, value: number): boolean {
    this.counts[slot(port, WRITE, width)]!++;
    const id = this.owner[port]!;
    if (id === 0) return false;
    const range = this.ranges[id - 1]!;
    if (range.handler === null) return false;
    range.handler.write(port - range.base, this.inside(range, port, 1 << width), value);
    return true;
  }

  /** Every port that was accessed, most accessed first. */
  portCounts(): PortCount[] {
    const found: PortCount[] = [];
    for (let i = 0; i < this.counts.length; i++) {
      const count = this.counts[i]!;
      if (count) found.push({ port: i >> 3, direction: i & WRITE ? 'out' : 'in', size: 1 << (i & 3), count });
    }
    return found.sort((a, b) => b.count - a.count);
  }

  isHooked(port: number): boolean {
    return this.owner[port] !== 0;
  }

  /** Who answers at a port, if it is one of ours. */
  ownerOf(port: number): string | undefined {
    const id = this.owner[port]!;
    return id === 0 ? undefined : this.ranges[id - 1]?.handler?.name;
  }

  private inside(range: HookedRange, at: number, size: number): number {
    if (at - range.base + size > range.length) {
      throw new DeviceFault(
        range.handler!.name,
        `access of ${size} bytes at 0x${at.toString(16)} runs past its end`,
      );
    }
    return size;
  }

  private rebuild(): void {
    this.owner.fill(0);
    this.ranges.forEach((range, id) => {
      if (range) this.owner.fill(id + 1, range.base, range.base + range.length);
    });
  }
}
