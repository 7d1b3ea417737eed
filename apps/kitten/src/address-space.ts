import { V3Error, type KernelMemory } from '@v3vee/contracts';
import { describe, requirePowerOfTwo } from './physical-memory';

/** Bytes of a page: 4 KiB, 2 MiB, 1 GiB. */
export const PAGE_SIZES = [2 ** 12, 2 ** 21, 2 ** 30] as const;
export type PageSize = (typeof PAGE_SIZES)[number];
/** A rank's own addresses; those of rank r are seen by the others from (r + 1) · 2^39 on. */
export const SMARTMAP_BYTES = 2 ** 39;
/** End of the lower half of the canonical addresses of x86-64. */
const USER_END = 2 ** 47;
const MAX_RANK = USER_END / SMARTMAP_BYTES - 2;

/** A range of virtual addresses. */
export interface VirtualRegion {
  readonly start: number;
  readonly length: number;
  readonly pageSize: PageSize;
  readonly name: string;
}

/** Physical memory in a range of virtual addresses. */
export interface Mapping {
  readonly start: number;
  readonly physical: number;
  readonly length: number;
}

interface Range {
  readonly start: number;
  readonly length: number;
}

const endOf = ({ start, length }: Range): number => start + length;

/**
 * Virtual addresses and what is behind them, after Kitten's aspace: sorted regions that do not overlap, into which
 * physical memory is mapped beforehand. There is no demand paging: an address without memory behind it has none.
 */
export class AddressSpace {
  private sorted: readonly VirtualRegion[] = [];
  private mapped: readonly Mapping[] = [];
  /** By rank: the spaces that are seen here. */
  private readonly peers = new Map<number, AddressSpace>();

  constructor(
    readonly id: number,
    readonly name: string,
  ) {}

  get regions(): readonly VirtualRegion[] {
    return this.sorted;
  }
  get mappings(): readonly Mapping[] {
    return this.mapped;
  }
  /** Ranks whose spaces are seen here. */
  get smartmapped(): number[] {
    return [...this.peers.keys()].sort((a, b) => a - b);
  }

  /** As it is shown. */
  view(): KernelMemory['aspaces'][number] {
    return {
      id: this.id,
      name: this.name,
      regions: this.regions.map(region => ({ ...region, physical: this.virtToPhys(region.start) ?? null })),
      smartmapped: this.smartmapped,
    };
  }

  /** @throws V3Error INVALID_REQUEST: misaligned, beyond the end of user space, or over another region */
  addRegion(region: VirtualRegion): void {
    if (!PAGE_SIZES.includes(region.pageSize)) {
      throw this.refuse(`a page has ${PAGE_SIZES.join(', ')} bytes, not ${region.pageSize}`);
    }
    this.requireAligned(region, region.pageSize);
    const other = this.sorted.find(known => overlaps(known, region));
    if (other) throw this.refuse(`${describe(region)} overlaps ${other.name} (${describe(other)})`);
    this.sorted = [...this.sorted, region].sort((a, b) => a.start - b.start);
  }

  /** Exactly a region, with nothing mapped into it. @throws V3Error INVALID_REQUEST */
  delRegion(start: number, length: number): void {
    const region = this.sorted.find(known => known.start === start && known.length === length);
    if (!region) throw this.refuse(`${describe({ start, length })} is none of its regions`);
    if (this.mapped.some(mapping => overlaps(mapping, region))) {
      throw this.refuse(`memory is mapped into ${region.name} (${describe(region)}); unmap it first`);
    }
    this.sorted = this.sorted.filter(known => known !== region);
  }

  /** @throws V3Error INVALID_REQUEST: outside of a region, misaligned, or something is mapped there already */
  mapPmem(physical: number, start: number, length: number): void {
    const mapping = { start, physical, length };
    const region = this.regionAround(mapping);
    this.requireAligned(mapping, region.pageSize);
    if (!Number.isSafeInteger(physical) || physical < 0 || physical % region.pageSize !== 0) {
      throw this.refuse(`0x${physical.toString(16)} is not on a page of ${region.pageSize} bytes`);
    }
    const other = this.mapped.find(known => overlaps(known, mapping));
    if (other) throw this.refuse(`memory is mapped at ${describe(other)} already`);
    this.mapped = [...this.mapped, mapping].sort((a, b) => a.start - b.start);
  }

  /** All or a part of what is mapped, in whole pages. @throws V3Error INVALID_REQUEST */
  unmapPmem(start: number, length: number): void {
    const range = { start, length };
    this.requireAligned(range, this.regionAround(range).pageSize);
    const kept = this.mapped.flatMap(mapping => [
      ...cut(mapping, 0, start),
      ...cut(mapping, start + length, USER_END),
    ]);
    const bytes = (of: readonly Mapping[]) => of.reduce((sum, mapping) => sum + mapping.length, 0);
    if (bytes(this.mapped) - bytes(kept) !== length) {
      throw this.refuse(`${describe(range)} is not wholly mapped`);
    }
    this.mapped = kept;
  }

  /**
   * The first run of addresses that no region has, from `from` on.
   * @param alignment a power of two
   * @throws V3Error INVALID_REQUEST when there is none below the addresses of other ranks
   */
  findHole(from: number, length: number, alignment: number): number {
    this.requireRange({ start: from, length });
    requirePowerOfTwo(alignment);
    const align = (address: number) => Math.ceil(address / alignment) * alignment;
    let start = align(from);
    for (const region of this.sorted) {
      if (endOf(region) <= start) continue;
      if (region.start - start >= length) break;
      start = align(endOf(region));
    }
    if (start + length > SMARTMAP_BYTES)
      throw this.refuse(`it has no ${length} bytes free from 0x${from.toString(16)} on`);
    return start;
  }

  /** The physical address behind a virtual one; undefined: there is none. */
  virtToPhys(address: number): number | undefined {
    const rank = Math.floor(address / SMARTMAP_BYTES) - 1;
    if (rank >= 0) return this.peers.get(rank)?.virtToPhys(address % SMARTMAP_BYTES);
    const mapping = this.mapped.find(({ start, length }) => start <= address && address < start + length);
    return mapping && mapping.physical + (address - mapping.start);
  }

  /** The region that an address is in. */
  lookup(address: number): VirtualRegion | undefined {
    return this.sorted.find(({ start, length }) => start <= address && address < start + length);
  }

  /** Another space is seen here from (rank + 1) · 2^39 on. @throws V3Error INVALID_REQUEST */
  smartmap(rank: number, peer: AddressSpace): void {
    if (!Number.isInteger(rank) || rank < 0 || rank > MAX_RANK) {
      throw this.refuse(`SMARTMAP has places for the ranks 0 to ${MAX_RANK}, not for ${rank}`);
    }
    const present = this.peers.get(rank);
    if (present) throw this.refuse(`aspace ${present.id} is seen as rank ${rank} already`);
    this.peers.set(rank, peer);
  }

  unsmartmap(rank: number): boolean {
    return this.peers.delete(rank);
  }

  /** A space that is gone is seen by nobody. */
  forgetPeer(peer: AddressSpace): void {
    for (const [rank, seen] of this.peers) if (seen === peer) this.peers.delete(rank);
  }

  private regionAround(range: Range): VirtualRegion {
    this.requireRange(range);
    const region = this.sorted.find(
      ({ start, length }) => start <= range.start && endOf(range) <= start + length,
    );
    if (!region) throw this.refuse(`${describe(range)} is within none of its regions`);
    return region;
  }

  private requireAligned(range: Range, pageSize: number): void {
    this.requireRange(range);
    if (range.start % pageSize === 0 && range.length % pageSize === 0) return;
    throw this.refuse(`${describe(range)} is not of whole pages of ${pageSize} bytes`);
  }

  private requireRange({ start, length }: Range): void {
    const whole = Number.isSafeInteger(start) && Number.isSafeInteger(length);
    if (whole && start >= 0 && length > 0 && start + length <= SMARTMAP_BYTES) return;
    throw this.refuse(`${length} bytes from ${start} are no range of its own addresses, which end at 2^39`);
  }

  private refuse(why: string): V3Error {
    return new V3Error('INVALID_REQUEST', `aspace ${this.id} (${this.name}): ${why}`);
  }
}

function overlaps(a: Range, b: Range): boolean {
  return a.start < endOf(b) && endOf(a) > b.start;
}

/** The part of a mapping within [from, to). */
function cut(mapping: Mapping, from: number, to: number): Mapping[] {
  const start = Math.max(mapping.start, from);
  const length = Math.min(endOf(mapping), to) - start;
  return length > 0 ? [{ start, length, physical: mapping.physical + start - mapping.start }] : [];
}

/** A region with all of its memory behind it, in the largest pages that fit. */
export function mapWhole(
  space: AddressSpace,
  { name, start, physical, length }: { name: string; start: number; physical: number; length: number },
): void {
  const pageSize = [...PAGE_SIZES]
    .reverse()
    .find(size => [start, physical, length].every(at => at % size === 0));
  space.addRegion({ start, length, name, pageSize: pageSize ?? PAGE_SIZES[0] });
  space.mapPmem(physical, start, length);
}
