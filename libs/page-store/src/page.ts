import { hash } from 'node:crypto';

/** Of the guest's architecture, IA-32. */
export const PAGE_BYTES = 4096;
/** Pages that are compressed together: four times the window of deflate, so that more would gain next to nothing. */
export const GROUP_PAGES = 32;
export const GROUP_BYTES = GROUP_PAGES * PAGE_BYTES;
/** A pack holds no more: also the number of pages of the largest machine. */
export const MAX_PAGES = 1 << 18;
export const MAX_MEMORY_MIB = (MAX_PAGES * PAGE_BYTES) >> 20;

/**
 * A page is known by the first 16 bytes of its SHA-256 (FIPS 180-4). Chance does not bring two pages with the same ones:
 * with 2^32 different pages (16 TiB) the odds are 2^-65. Who makes two on purpose has some 2^64 hashes to try.
 */
export const HASH_BYTES = 16;

/** A page's hash as a string of {@link HASH_BYTES} characters, one a byte: the key of maps. */
export type PageKey = string;

export function keyOf(page: Uint8Array): PageKey {
  return hash('sha256', page, 'binary').slice(0, HASH_BYTES);
}

export const keyAt = (hashes: Buffer, index: number): PageKey =>
  hashes.toString('latin1', index * HASH_BYTES, (index + 1) * HASH_BYTES);

export const hexOf = (key: PageKey): string => Buffer.from(key, 'latin1').toString('hex');

const ZEROS = Buffer.alloc(PAGE_BYTES);

export const isZero = (page: Buffer): boolean => page.equals(ZEROS);
