import type { MachineCut } from './manifest';
import { HASH_BYTES, isZero, keyAt, keyOf, PAGE_BYTES, type PageKey } from './page';
import { turn } from './sliced';

/** What is done in one go, in looks at a page: well below a millisecond. Hashing one takes as long as so many looks. */
const SLICE = 1024;
const HASHING = 16;

/** Which pages of a memory are not zero, and their hashes: entry by entry, in the order of the pages. */
export class PageTable {
  /** Page number of each entry. */
  readonly pages: Uint32Array;

  /**
   * @param used bit n % 8 of byte n / 8 is page n's
   * @param hashes of the pages whose bit is set
   * @throws RangeError when there are more or fewer hashes than bits
   */
  constructor(
    readonly used: Uint8Array,
    readonly hashes: Buffer,
  ) {
    this.pages = new Uint32Array(hashes.length / HASH_BYTES);
    let entry = 0;
    for (let page = 0; page < used.length * 8; page++) {
      if ((used[page >> 3]! >> (page & 7)) & 1) this.pages[entry++] = page;
    }
    if (entry !== this.pages.length || hashes.length % HASH_BYTES) {
      throw new RangeError(`${entry} pages are in use, and there are ${hashes.length / HASH_BYTES} hashes`);
    }
  }

  get length(): number {
    return this.pages.length;
  }

  key(entry: number): PageKey {
    return keyAt(this.hashes, entry);
  }
}

/**
 * Hashes the memory of a machine; the base's pages once for all that have it.
 * @param visit told of each page that is not zero
 * @param pause waited for now and then; others have their turn in it
 */
export async function scan(
  { memoryMiB, base, changes }: Pick<MachineCut, 'memoryMiB' | 'base' | 'changes'>,
  visit: (key: PageKey, page: Buffer) => void,
  pause: () => Promise<void>,
): Promise<PageTable> {
  const known = base && (await tableOf(base));
  const table = new TableBuilder((memoryMiB << 20) / PAGE_BYTES);
  let entry = 0;
  for (let page = 0, work = 0; page < table.size; page++) {
    const sameAs = known?.pages[entry] === page ? entry++ : undefined;
    const changed = changes.get(page);
    if (work++ >= SLICE) {
      work = 0;
      await pause();
    }
    if (changed) {
      work += HASHING;
      const bytes = Buffer.from(changed.buffer, changed.byteOffset, PAGE_BYTES);
      if (isZero(bytes)) continue;
      const key = keyOf(bytes);
      table.add(page, key);
      visit(key, bytes);
    } else if (base && known && sameAs !== undefined) {
      const key = known.key(sameAs);
      table.add(page, key);
      visit(key, Buffer.from(base.buffer, base.byteOffset + page * PAGE_BYTES, PAGE_BYTES));
    }
  }
  return table.build();
}

/** Copies the pages of a memory that a base has at the same place. @returns those that it has not */
export async function copyKnown(
  base: Uint8Array,
  table: PageTable,
  into: Uint8Array,
): Promise<Pick<PageTable, 'length' | 'pages' | 'key'>> {
  const known = await tableOf(base);
  const missing: number[] = [];
  let at = 0;
  for (const [entry, page] of table.pages.entries()) {
    if (entry % SLICE === 0) await turn();
    while ((known.pages[at] ?? Infinity) < page) at++;
    const isKnown = known.pages[at] === page && known.key(at) === table.key(entry);
    const [start, end] = [page * PAGE_BYTES, (page + 1) * PAGE_BYTES];
    if (isKnown) into.set(base.subarray(start, end), start);
    else missing.push(entry);
  }
  return {
    length: missing.length,
    pages: Uint32Array.from(missing, entry => table.pages[entry] as number),
    key: entry => table.key(missing[entry] as number),
  };
}

const tables = new WeakMap<Uint8Array, Promise<PageTable>>();

/** Of a memory that does not change any more. */
function tableOf(memory: Uint8Array): Promise<PageTable> {
  let table = tables.get(memory);
  if (!table) tables.set(memory, (table = hashAll(memory)));
  return table;
}

async function hashAll(memory: Uint8Array): Promise<PageTable> {
  const buffer = Buffer.from(memory.buffer, memory.byteOffset, memory.length);
  const table = new TableBuilder(memory.length / PAGE_BYTES);
  for (let page = 0; page < table.size; page++) {
    if (page % (SLICE / HASHING) === 0) await turn();
    const bytes = buffer.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
    if (!isZero(bytes)) table.add(page, keyOf(bytes));
  }
  return table.build();
}

class TableBuilder {
  readonly #used: Uint8Array;
  readonly #hashes: Buffer;
  #count = 0;

  /** @param size pages of the memory */
  constructor(readonly size: number) {
    this.#used = new Uint8Array(size / 8);
    this.#hashes = Buffer.alloc(size * HASH_BYTES);
  }

  /** In the order of the pages. */
  add(page: number, key: PageKey): void {
    this.#used[page >> 3]! |= 1 << (page & 7);
    this.#hashes.write(key, this.#count++ * HASH_BYTES, 'latin1');
  }

  build(): PageTable {
    return new PageTable(this.#used, Buffer.from(this.#hashes.subarray(0, this.#count * HASH_BYTES)));
  }
}
