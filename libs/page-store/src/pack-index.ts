import { createHash } from 'node:crypto';
import { u32 } from './disk';
import { GROUP_BYTES, GROUP_PAGES, HASH_BYTES, MAX_PAGES } from './page';

/**
 * Which pages are in a pack, and where:
 *
 *     magic "V3INDEX\n" | u32 pages | u32 length of each group in the pack | 16 bytes of hash for each page | SHA-256
 *
 * Each group has {@link GROUP_PAGES} pages but the last. A page's slot is its place among all pages of the pack.
 */

const MAGIC = Buffer.from('V3INDEX\n');
const DIGEST_BYTES = 32;
/** At the beginning of a pack, whose groups, raw deflate (RFC 1951), follow one after the other. */
export const PACK_MAGIC = Buffer.from('V3PACKS\n');

export class PackIndex {
  readonly pages: number;
  /** Where each group begins in the pack, and at last where the pack ends. */
  readonly #offsets: number[];

  constructor(
    lengths: readonly number[],
    readonly hashes: Buffer,
  ) {
    this.pages = hashes.length / HASH_BYTES;
    let at = PACK_MAGIC.length;
    this.#offsets = [at, ...lengths.map(length => (at += length))];
  }

  /** Of the pack's file. */
  get packBytes(): number {
    return this.#offsets.at(-1) as number;
  }
  /** Of the index's own file. */
  get bytes(): number {
    return MAGIC.length + 4 * this.#offsets.length + this.hashes.length + DIGEST_BYTES;
  }

  group(group: number): { position: number; length: number; pages: number } {
    const position = this.#offsets[group] as number;
    return {
      position,
      length: (this.#offsets[group + 1] as number) - position,
      pages: Math.min(GROUP_PAGES, this.pages - group * GROUP_PAGES),
    };
  }

  /** Bytes of the pack that a page takes. */
  shareOf(slot: number): number {
    const { length, pages } = this.group(Math.floor(slot / GROUP_PAGES));
    return length / pages;
  }

  encode(): Buffer {
    const lengths = this.#offsets.slice(1).map((end, group) => u32(end - (this.#offsets[group] as number)));
    const content = Buffer.concat([MAGIC, u32(this.pages), ...lengths, this.hashes]);
    return Buffer.concat([content, createHash('sha256').update(content).digest()]);
  }

  /** @throws Error that says what is wrong */
  static decode(file: Buffer): PackIndex {
    const start = MAGIC.length + 4;
    if (file.length < start + DIGEST_BYTES || !file.subarray(0, MAGIC.length).equals(MAGIC)) {
      throw new Error('it is not the index of a pack, or only its beginning is there');
    }
    const content = file.subarray(0, -DIGEST_BYTES);
    if (!createHash('sha256').update(content).digest().equals(file.subarray(-DIGEST_BYTES))) {
      throw new Error('its checksum is wrong: it is truncated or damaged');
    }
    const pages = content.readUInt32LE(MAGIC.length);
    const groups = Math.ceil(pages / GROUP_PAGES);
    if (pages > MAX_PAGES || content.length !== start + 4 * groups + pages * HASH_BYTES) {
      throw new Error('it is not as long as it says');
    }
    const lengths = Array.from({ length: groups }, (_, group) => content.readUInt32LE(start + 4 * group));
    if (lengths.some(length => length > 2 * GROUP_BYTES)) throw new Error('a group is too long');
    return new PackIndex(lengths, content.subarray(start + 4 * groups));
  }
}
