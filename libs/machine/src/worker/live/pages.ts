/** Guest RAM is copied in pages of this size. */
export const PAGE_BYTES = 4096;
/** Of RAM that is compared at once: large compares are faster, and most chunks have not changed. */
const CHUNK_BYTES = 256 * 1024;
/** Pages of one batch. */
export const BATCH_PAGES = 64;

/** Pages of guest RAM, 1 … 64 of them: `numbers[i]` is the page whose 4096 bytes begin at `4096 * i` of `bytes`. */
export interface PageBatch {
  numbers: Uint32Array<ArrayBuffer>;
  bytes: Uint8Array<ArrayBuffer>;
}

/** A part of a look through RAM. */
export interface ScanSlice {
  batches: PageBatch[];
  /** Where to go on, in pages; null: that was all of RAM. */
  next: number | null;
}

/** Puts RAM that has changed back to `base`, which is as long. */
export function rewind(
  ram: Uint8Array,
  base: Uint8Array,
  write: (at: number, bytes: Uint8Array) => void,
): void {
  const now = Buffer.from(ram.buffer, ram.byteOffset, ram.length);
  const before = Buffer.from(base.buffer, base.byteOffset, base.length);
  for (let chunk = 0; chunk < now.length; chunk += CHUNK_BYTES) {
    const end = Math.min(now.length, chunk + CHUNK_BYTES);
    if (now.compare(before, chunk, end, chunk, end) === 0) continue;
    for (let at = chunk; at < end; at += PAGE_BYTES) {
      const next = at + PAGE_BYTES;
      if (now.compare(before, at, next, at, next) !== 0) write(at, before.subarray(at, next));
    }
  }
}

/**
 * What the other side of a copy holds of a machine's RAM: the last sent version of every page. The engine has no dirty
 * log, so what the guest has changed is found by comparing. A chunk of which nothing was sent is the base's own memory,
 * or zeros that all such chunks share: only what differs costs memory.
 */
export class Shadow {
  private readonly chunks: Buffer[];
  private readonly own = new Set<number>();

  /** @param base RAM that the other side holds already, as long as the machine's, not to be changed; none: zeros */
  constructor(size: number, base?: Uint8Array) {
    const zeros = Buffer.alloc(CHUNK_BYTES);
    this.chunks = Array.from({ length: Math.ceil(size / CHUNK_BYTES) }, (_, index) => {
      const at = index * CHUNK_BYTES;
      const length = Math.min(CHUNK_BYTES, size - at);
      return base ? Buffer.from(base.buffer, base.byteOffset + at, length) : zeros.subarray(0, length);
    });
  }

  /** That the shadow holds of its own. */
  get ownBytes(): number {
    return this.own.size * CHUNK_BYTES;
  }

  /**
   * Looks at `count` pages of `ram` from page `from` on, and takes those that differ as sent.
   * @param limit of pages that differ; looking ends at the first one beyond
   */
  scan(ram: Uint8Array, from: number, count: number, limit: number): ScanSlice {
    const now = Buffer.from(ram.buffer, ram.byteOffset, ram.length);
    const found: number[] = [];
    const end = Math.min(ram.length, (from + count) * PAGE_BYTES);
    let at = from * PAGE_BYTES;
    while (at < end && found.length < limit) {
      const index = Math.floor(at / CHUNK_BYTES);
      const sent = this.chunks[index]!;
      const start = index * CHUNK_BYTES;
      const differ = (from: number, to: number) =>
        now.compare(sent, from - start, to - start, from, to) !== 0;
      const chunkEnd = Math.min(end, start + CHUNK_BYTES);
      if (!differ(at, chunkEnd)) {
        at = chunkEnd;
        continue;
      }
      for (; at < chunkEnd && found.length < limit; at += PAGE_BYTES) {
        if (differ(at, at + PAGE_BYTES)) found.push(at / PAGE_BYTES);
      }
    }
    const batches: PageBatch[] = [];
    for (let i = 0; i < found.length; i += BATCH_PAGES)
      batches.push(this.take(now, found.slice(i, i + BATCH_PAGES)));
    return { batches, next: at < ram.length ? at / PAGE_BYTES : null };
  }

  private take(now: Buffer, pages: number[]): PageBatch {
    const bytes = new Uint8Array(pages.length * PAGE_BYTES);
    pages.forEach((page, i) => {
      const at = page * PAGE_BYTES;
      const content = now.subarray(at, at + PAGE_BYTES);
      bytes.set(content, i * PAGE_BYTES);
      this.owned(Math.floor(at / CHUNK_BYTES)).set(content, at % CHUNK_BYTES);
    });
    return { numbers: Uint32Array.from(pages), bytes };
  }

  private owned(index: number): Buffer {
    if (!this.own.has(index)) {
      this.own.add(index);
      this.chunks[index] = Buffer.from(this.chunks[index]!);
    }
    return this.chunks[index]!;
  }
}
