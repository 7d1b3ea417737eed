import { V3Error } from '@v3vee/contracts';

/** What a range of memory is for; the names are those of Kitten's pmem (include/lwk/pmem.h). */
export const regionTypes = ['bootmem', 'kmem', 'initrd', 'init_task', 'umem'] as const;
export type RegionType = (typeof regionTypes)[number];

/** A range of host-physical addresses, bytes. Memory without an owner is free. */
export interface Region {
  readonly start: number;
  readonly length: number;
  readonly type: RegionType;
  readonly owner: string | null;
}
export type RegionFilter = Partial<Pick<Region, 'type' | 'owner'>>;

/** Where an allocation may lie: all of it within [from, to), in memory of the type; absent: anywhere in user memory. */
export interface Constraint {
  from?: number;
  to?: number;
  type?: RegionType;
}

const endOf = (region: { start: number; length: number }): number => region.start + region.length;

/**
 * The map of a host's physical memory, after Kitten's pmem: a sorted list of regions that do not overlap, in
 * which neighbours of the same kind are one. Allocation is first fit and physically contiguous; there is no
 * demand paging, so what is given out is given out whole.
 */
export class PhysicalMemory {
  private regions: readonly Region[] = [];

  /** Another map with the same content, to try something out on. */
  copy(): PhysicalMemory {
    const copy = new PhysicalMemory();
    copy.regions = this.regions;
    return copy;
  }

  /** @throws V3Error INVALID_REQUEST when a part of it is known already */
  add(region: Region): void {
    check(region);
    const other = this.regions.find(known => known.start < endOf(region) && endOf(known) > region.start);
    if (other) throw new V3Error('INVALID_REQUEST', `${describe(region)} overlaps ${describe(other)}`);
    this.replace([...this.regions, region]);
  }

  /** Takes a range off the map, whatever it is; parts that are not on it do not matter. */
  del(start: number, length: number): void {
    check({ start, length });
    this.replace(this.outside(start, length));
  }

  /**
   * Changes type or owner of a range.
   * @throws V3Error INVALID_REQUEST when a part of it is not on the map
   */
  update(start: number, length: number, change: RegionFilter): void {
    check({ start, length });
    const inside = this.inside(start, length);
    if (sum(inside) !== length) {
      throw new V3Error('INVALID_REQUEST', `${describe({ start, length })} is not wholly on the map`);
    }
    this.replace([...this.outside(start, length), ...inside.map(region => ({ ...region, ...change }))]);
  }

  /** Regions that match, by address. */
  query(filter: RegionFilter = {}): Region[] {
    return this.regions.filter(
      region =>
        (filter.type === undefined || region.type === filter.type) &&
        (filter.owner === undefined || region.owner === filter.owner),
    );
  }

  bytes(filter: RegionFilter = {}): number {
    return sum(this.query(filter));
  }

  /**
   * Gives the first free run that is long enough and lies as the constraint wants it to `owner`.
   * @param alignment of its start, a power of two
   * @returns undefined when there is none
   * @throws V3Error INVALID_REQUEST for a length or an alignment that is none
   */
  alloc(length: number, alignment: number, owner: string, constraint: Constraint = {}): Region | undefined {
    check({ start: 0, length });
    const hole = this.holes(alignment, constraint).find(free => free.length >= length);
    if (!hole) return undefined;
    this.update(hole.start, length, { owner });
    return { start: hole.start, length, type: constraint.type ?? 'umem', owner };
  }

  /**
   * Gives exactly this range to `owner`, if all of it is free user memory.
   * @returns undefined if so, else what is in the way
   */
  claim(start: number, length: number, owner: string): string | undefined {
    check({ start, length });
    const inside = this.inside(start, length);
    if (sum(inside) !== length) return 'it is not all within the memory of this host';
    const taken = inside.find(region => region.type !== 'umem' || region.owner !== null);
    if (taken) return `${describe(taken)} is ${taken.type} of ${taken.owner ?? 'nobody'}`;
    this.update(start, length, { owner });
    return undefined;
  }

  /**
   * Makes a range free again.
   * @throws V3Error INVALID_REQUEST when a part of it is free already, is not on the map, or has another owner
   */
  free(start: number, length: number, owner?: string): void {
    check({ start, length });
    const wrong = this.inside(start, length).find(
      region => region.owner === null || (owner !== undefined && region.owner !== owner),
    );
    if (wrong) {
      const why = wrong.owner === null ? 'is free already' : `is ${wrong.owner}'s`;
      throw new V3Error(
        'INVALID_REQUEST',
        `${describe({ start, length })} can't be freed: ${describe(wrong)} ${why}`,
      );
    }
    this.update(start, length, { owner: null });
  }

  /** Whether all of the range is `owner`'s. */
  isOwned(start: number, length: number, owner: string): boolean {
    return sum(this.inside(start, length).filter(region => region.owner === owner)) === length;
  }

  /** Bytes of the largest run that an allocation of this alignment could get. */
  largestHole(alignment: number): number {
    return Math.max(0, ...this.holes(alignment).map(hole => hole.length));
  }

  /** Free runs from their first aligned address on. */
  private holes(
    alignment: number,
    { from = 0, to = Number.MAX_SAFE_INTEGER, type = 'umem' }: Constraint = {},
  ): { start: number; length: number }[] {
    requirePowerOfTwo(alignment);
    return this.query({ type, owner: null })
      .flatMap(region => cut(region, from, to))
      .flatMap(region => {
        const start = Math.ceil(region.start / alignment) * alignment;
        return start < endOf(region) ? [{ start, length: endOf(region) - start }] : [];
      });
  }

  private inside(start: number, length: number): Region[] {
    return this.regions.flatMap(region => cut(region, start, start + length));
  }

  private outside(start: number, length: number): Region[] {
    return this.regions.flatMap(region => [
      ...cut(region, 0, start),
      ...cut(region, start + length, Number.MAX_SAFE_INTEGER),
    ]);
  }

  private replace(regions: Region[]): void {
    const merged: Region[] = [];
    for (const region of regions.sort((a, b) => a.start - b.start)) {
      const last = merged.at(-1);
      if (last && endOf(last) === region.start && last.type === region.type && last.owner === region.owner) {
        merged[merged.length - 1] = { ...last, length: last.length + region.length };
      } else {
        merged.push(region);
      }
    }
    this.regions = merged;
  }
}

/** The part of a region within [from, to). */
function cut(region: Region, from: number, to: number): Region[] {
  const start = Math.max(region.start, from);
  const length = Math.min(endOf(region), to) - start;
  return length > 0 ? [{ ...region, start, length }] : [];
}

/** @throws V3Error INVALID_REQUEST */
export function requirePowerOfTwo(alignment: number): void {
  if (Number.isSafeInteger(alignment) && alignment > 0 && Number.isInteger(Math.log2(alignment))) return;
  throw new V3Error('INVALID_REQUEST', `memory is aligned to a power of two, not to ${alignment}`);
}

function sum(regions: readonly Region[]): number {
  return regions.reduce((bytes, region) => bytes + region.length, 0);
}

/** `0x1000–0x2000`. */
export function describe({ start, length }: { start: number; length: number }): string {
  return `0x${start.toString(16)}–0x${(start + length).toString(16)}`;
}

function check({ start, length }: { start: number; length: number }): void {
  if (
    !Number.isSafeInteger(start) ||
    !Number.isSafeInteger(length) ||
    !Number.isSafeInteger(start + length) ||
    start < 0 ||
    length <= 0
  ) {
    throw new V3Error(
      'INVALID_REQUEST',
      `a range of ${length} bytes from ${start} is none; whole bytes are needed, from 0 up, at least one`,
    );
  }
}
