import { DeviceFault, type IoHandler, type MemoryAccess } from '@v3vee/devices';

/** What a guest may do with a region: any of `r`, `w`, `x`, in this order. */
export type RegionFlags = string;

export interface RegionDescription {
  /** Guest physical; `end` is the first address after it. */
  start: number;
  end: number;
  flags: RegionFlags;
  /** `ram`, `device` (a hook answers), `chipset` (the engine), `passthrough` (a physical card's own registers), … */
  kind: string;
  name: string;
}

interface Region extends RegionDescription {
  handler: Pick<IoHandler, 'read' | 'write'>;
  /** An access that the flags do not allow. */
  unhandled(address: number, size: number, access: 'read' | 'write'): never;
}

export interface NewRegion {
  start: number;
  length: number;
  name: string;
  kind?: string;
  flags?: RegionFlags;
  handler: Pick<IoHandler, 'read' | 'write'>;
}

const CHIPSET: readonly RegionDescription[] = [
  { start: 0xa0000, end: 0xc0000, flags: 'rw', kind: 'chipset', name: 'VGA window' },
  { start: 0xc0000, end: 0xe0000, flags: 'rx', kind: 'ram', name: 'option ROMs, shadowed' },
  { start: 0xe0000, end: 0x100000, flags: 'rx', kind: 'ram', name: 'BIOS, shadowed' },
];
const HIGH_CHIPSET: readonly RegionDescription[] = [
  { start: 0xe0000000, end: 0xe0100000, flags: 'rw', kind: 'chipset', name: 'VGA frame buffer' },
  { start: 0xfff00000, end: 0x100000000, flags: 'rx', kind: 'chipset', name: 'BIOS' },
];

/**
 * A guest's physical memory as Palacios keeps it: base RAM, and regions that override what is there, ordered by address.
 * Only accesses outside of RAM (and to the VGA window in it) are exits on this engine: overriding regions lie there.
 * Regions whose place the guest chooses (BARs) may come to lie over each other: the one that was made first keeps the
 * addresses, and the other is not reachable until it is moved away.
 */
export class MemoryMap {
  /** In the order in which they were made. */
  private readonly regions: (Region | undefined)[] = [];
  /** Those that are reachable, by address. */
  private ordered: Region[] = [];

  /** @returns an id that moves or removes it. A region at 0 is nowhere. */
  add({ start, length, name, kind = 'device', flags = 'rw', handler }: NewRegion): number {
    const unhandled = (address: number, size: number, access: 'read' | 'write'): never => {
      throw new DeviceFault(
        name,
        `${access} of ${size} bytes at 0x${address.toString(16)}, which is ${flags}`,
      );
    };
    const region = { start, end: start + length, name, kind, flags, handler, unhandled };
    const id = this.regions.push(region) - 1;
    this.order();
    return id;
  }

  move(id: number, start: number): void {
    const region = this.regions[id];
    if (!region || region.start === start) return;
    region.end += start - region.start;
    region.start = start;
    this.order();
  }

  remove(id: number): void {
    this.regions[id] = undefined;
    this.order();
  }

  /** @returns undefined if no region overrides what is there */
  read(address: number, size: number): number | undefined {
    const region = this.at(address);
    if (!region) return undefined;
    if (!region.flags.includes('r')) return region.unhandled(address, size, 'read');
    return region.handler.read(address - region.start, this.inside(region, address, size));
  }

  /** @returns false if no region overrides what is there */
  write(address: number, size: number, value: number): boolean {
    const region = this.at(address);
    if (!region) return false;
    if (!region.flags.includes('w')) return region.unhandled(address, size, 'write');
    region.handler.write(address - region.start, this.inside(region, address, size), value);
    return true;
  }

  /** Whether a region of ours, or a part of the chipset, lies in a range. */
  overlaps(start: number, length: number): RegionDescription | undefined {
    const end = start + length;
    return [...this.ordered, ...CHIPSET, ...HIGH_CHIPSET].find(
      region => region.start < end && region.end > start,
    );
  }

  /** By address: RAM in the pieces that nothing overrides, the chipset's, and ours. */
  describe(ramBytes: number): RegionDescription[] {
    const overriding = [
      ...CHIPSET,
      ...HIGH_CHIPSET,
      // RAM goes first on this engine: a BAR that the guest moved there is nowhere.
      ...this.ordered
        .filter(({ start }) => start >= ramBytes)
        .map(({ start, end, flags, kind, name }) => ({ start, end, flags, kind, name })),
    ].sort((a, b) => a.start - b.start);
    const ram: RegionDescription[] = [];
    let at = 0;
    for (const { start, end } of overriding) {
      if (start >= ramBytes) break;
      if (start > at) ram.push(ramRegion(at, start));
      at = Math.max(at, end);
    }
    if (at < ramBytes) ram.push(ramRegion(at, ramBytes));
    return [...ram, ...overriding].sort((a, b) => a.start - b.start);
  }

  /** The last region that begins at or below, if it goes so far: regions do not overlap. */
  private at(address: number): Region | undefined {
    let [low, high] = [0, this.ordered.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.ordered[middle]!.start <= address) low = middle + 1;
      else high = middle;
    }
    const region = this.ordered[low - 1];
    return region && address < region.end ? region : undefined;
  }

  private inside({ name, end }: Region, at: number, size: number): number {
    if (at + size <= end) return size;
    throw new DeviceFault(name, `access of ${size} bytes at 0x${at.toString(16)} runs past its end`);
  }

  private order(): void {
    const reachable: Region[] = [];
    for (const region of this.regions) {
      if (!region || region.start === 0) continue;
      if (!reachable.some(({ start, end }) => start < region.end && end > region.start))
        reachable.push(region);
    }
    this.ordered = reachable.sort((a, b) => a.start - b.start);
  }
}

const ramRegion = (start: number, end: number): RegionDescription => ({
  ...{ start, end },
  ...{ flags: 'rwx', kind: 'ram', name: 'RAM' },
});

/** Memory of our own behind a region, little endian, with what is to be told of its accesses. */
export function backedBy(
  backing: Uint8Array,
  tell: { read?(access: MemoryAccess): void; write?(access: MemoryAccess): void },
): Pick<IoHandler, 'read' | 'write'> {
  return {
    read: (offset, size) => {
      let value = 0;
      for (let i = size - 1; i >= 0; i--) value = value * 256 + backing[offset + i]!;
      tell.read?.({ kind: 'read', offset, size, value });
      return value;
    },
    write: (offset, size, value) => {
      tell.write?.({ kind: 'write', offset, size, value });
      for (let i = 0; i < size; i++) backing[offset + i] = value >>> (8 * i);
    },
  };
}
