import { open, rm, type FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import { deflateRaw } from 'node:zlib';
import { isFull } from './failures';
import { GROUP_BYTES, GROUP_PAGES, HASH_BYTES, PAGE_BYTES, type PageKey } from './page';
import { PACK_MAGIC, PackIndex } from './pack-index';

/** Half of the groups that may be under way: the size of libuv's thread pool. */
const PARALLEL = 4;

const deflate = promisify<Uint8Array, object, Buffer>(deflateRaw);

/**
 * Writes pages to a pack. When there is no room it goes on without writing, so that it can be told in the end how much
 * was needed.
 */
export class PackWriter {
  readonly keys = new Set<PageKey>();
  readonly #lengths: number[] = [];
  #file: FileHandle | undefined;
  #group = Buffer.alloc(GROUP_BYTES);
  #filled = 0;
  #bytes = PACK_MAGIC.length;
  /** Of groups under way, oldest first. */
  readonly #writes: Promise<void>[] = [];
  #written: Promise<void>;
  #full: Error | 'quota' | undefined;

  /** @param limit bytes that it may have */
  constructor(
    readonly path: string,
    private readonly limit = Infinity,
  ) {
    this.#written = this.#open();
    this.#written.catch(() => undefined);
  }

  get pages(): number {
    return this.keys.size;
  }
  /** So far, those of groups under way left out. */
  get bytes(): number {
    return this.#bytes;
  }
  /** Whether, and why, what follows is only counted. */
  get full(): Error | 'quota' | undefined {
    return this.#full;
  }

  /** Copies the page, unless it has it already. */
  add(key: PageKey, page: Uint8Array): void {
    if (this.keys.has(key)) return;
    this.keys.add(key);
    this.#group.set(page, this.#filled * PAGE_BYTES);
    if (++this.#filled === GROUP_PAGES) this.#flush();
  }

  /** Resolves when further pages will not pile up. */
  async drained(): Promise<void> {
    while (this.#writes.length >= 2 * PARALLEL) await this.#writes.shift();
  }

  /** @returns the index of the pack, which is on the disk unless it is `full` */
  async end(): Promise<PackIndex> {
    if (this.#filled > 0) this.#flush();
    await this.#written;
    if (!this.#full) {
      try {
        await this.#file?.sync();
      } catch (thrown) {
        this.#overflow(thrown);
      }
    }
    await this.#close();
    const hashes = Buffer.alloc(this.pages * HASH_BYTES);
    let at = 0;
    for (const key of this.keys) at += hashes.write(key, at, 'latin1');
    return new PackIndex(this.#lengths, hashes);
  }

  async discard(): Promise<void> {
    await this.#written.catch(() => undefined);
    await this.#close().catch(() => undefined);
    await rm(this.path, { force: true });
  }

  async #open(): Promise<void> {
    try {
      this.#file = await open(this.path, 'wx', 0o600);
    } catch (thrown) {
      this.#overflow(thrown);
    }
    await this.#write(PACK_MAGIC);
  }

  #flush(): void {
    const packed = deflate(this.#group.subarray(0, this.#filled * PAGE_BYTES), { level: 1 });
    packed.catch(() => undefined);
    this.#group = Buffer.alloc(GROUP_BYTES);
    this.#filled = 0;
    this.#written = this.#written.then(async () => {
      const group = await packed;
      this.#lengths.push(group.length);
      this.#bytes += group.length;
      await this.#write(group);
    });
    this.#written.catch(() => undefined);
    this.#writes.push(this.#written);
  }

  async #write(bytes: Buffer): Promise<void> {
    if (this.#full) return;
    if (this.#bytes > this.limit) {
      this.#full = 'quota';
      return;
    }
    try {
      await this.#file?.writeFile(bytes);
    } catch (thrown) {
      this.#overflow(thrown);
    }
  }

  #overflow(thrown: unknown): void {
    if (!isFull(thrown)) throw thrown;
    this.#full = thrown as Error;
  }

  async #close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }
}
