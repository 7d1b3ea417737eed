import { rm } from 'node:fs/promises';
import type { Checkpoints } from './checkpoints';
import { writeDurably } from './disk';
import { diskFull, isFull, quotaExceeded } from './failures';
import { digestOf, encodeManifest, type MachineHead } from './manifest';
import type { PackWriter } from './pack-writer';
import type { PageKey } from './page';
import type { PageTable } from './page-table';
import type { NewPack, Packs } from './packs';
import { turn } from './sliced';

/** Runs work while nothing else is added to the store or removed from it, in any process. */
export type Lock<Context> = <T>(work: (context: Context) => Promise<T>) => Promise<T>;

export interface Written {
  digest: string;
  /** Pages that are not zero. */
  pages: number;
  /** Different pages among them that the store did not have. */
  newPages: number;
  /** Bytes by which the store grew on disk. */
  storedBytes: number;
}

export interface Shelves<Context> {
  packs: Packs;
  checkpoints: Checkpoints;
  lock: Lock<Context>;
  confirm: (context: Context) => Promise<unknown>;
  quotaBytes: number;
  folder: string;
}

/** Adds all pages of a checkpoint once more, in case that some have gone from the store since they were found there. */
export type Refill = (
  add: (key: PageKey, page: Uint8Array) => void,
  pause: () => Promise<void>,
) => Promise<void>;

/** Pages on their way into the store: the new ones are in a pack of their own, which nothing names yet. */
export class Staging<Context> {
  #writer: PackWriter | undefined;

  private constructor(
    private readonly shelves: Shelves<Context>,
    private readonly limit: number,
  ) {}

  static async begin<Context>(shelves: Shelves<Context>): Promise<Staging<Context>> {
    const { packs, quotaBytes } = shelves;
    await packs.catalogue.refresh();
    return new Staging(shelves, quotaBytes - (await bytesOf(shelves)));
  }

  /** Copies a page that the store has not got. */
  add(key: PageKey, page: Uint8Array): void {
    const { packs } = this.shelves;
    if (!packs.catalogue.has(key)) (this.#writer ??= packs.writer(this.limit)).add(key, page);
  }

  /** Others have their turn, and what was added is on its way. */
  async pause(): Promise<void> {
    await turn();
    await this.#writer?.drained();
  }

  /** @throws V3Error STORAGE_FULL */
  async finish(head: MachineHead, table: PageTable, refill: Refill): Promise<Staged<Context>> {
    const { packs } = this.shelves;
    const content = await encodeManifest(head, table);
    const pack = await this.#pack(content.length);
    const path = packs.temporary('checkpoint');
    try {
      await writeDurably(path, [content]);
    } catch (thrown) {
      if (pack) await packs.discard(pack);
      throw await this.#explain(thrown, sizeOf(pack) + content.length);
    }
    return new Staged(this.shelves, { content, path, table, pack, refill });
  }

  async discard(): Promise<void> {
    await this.#writer?.discard();
  }

  async #pack(further: number): Promise<NewPack | undefined> {
    if (!this.#writer) return undefined;
    try {
      const pack = await this.shelves.packs.complete(this.#writer);
      const { full } = this.#writer;
      if (!full) return pack;
      const { quotaBytes } = this.shelves;
      const needed = sizeOf(pack) + further;
      throw full === 'quota'
        ? quotaExceeded(needed, quotaBytes - this.limit, quotaBytes)
        : await this.#explain(full, needed);
    } catch (thrown) {
      await this.#writer.discard();
      throw await this.#explain(thrown, this.#writer.bytes + further);
    }
  }

  async #explain(thrown: unknown, needed: number): Promise<unknown> {
    return isFull(thrown) ? diskFull(needed, this.shelves.folder, thrown) : thrown;
  }
}

interface Parts {
  content: Buffer;
  path: string;
  table: PageTable;
  pack: NewPack | undefined;
  refill: Refill;
}

/** A checkpoint that is on the disk, and that the store does not know yet. Ends by `commit` or `discard`. */
export class Staged<Context> {
  readonly digest: string;

  constructor(
    private readonly shelves: Shelves<Context>,
    private readonly parts: Parts,
  ) {
    this.digest = digestOf(parts.content);
  }

  /**
   * Makes it a checkpoint of the store, then runs `refer`; when that fails the store is as it was. Both under the lock.
   * @throws V3Error STORAGE_FULL, and what `refer` throws
   */
  async commit(
    refer: (written: Written, context: Context) => Promise<void> = async () => undefined,
  ): Promise<Written> {
    try {
      return await this.shelves.lock(context => this.#commit(written => refer(written, context)));
    } finally {
      await this.discard();
    }
  }

  async discard(): Promise<void> {
    const { pack, path } = this.parts;
    if (pack) await this.shelves.packs.discard(pack);
    await rm(path, { force: true });
  }

  async #commit(refer: (written: Written) => Promise<void>): Promise<Written> {
    const { packs, checkpoints, quotaBytes, folder } = this.shelves;
    const { content, path, table, pack } = this.parts;
    const { digest } = this;
    await packs.catalogue.refresh();
    const added = pack ? [pack] : [];
    const published: string[] = [];
    const before = await checkpoints.bytes(digest);
    let storedBytes = 0;
    try {
      const further = await this.#replenish();
      if (further) added.push(further);
      storedBytes = added.reduce(
        (sum, each) => sum + sizeOf(each),
        before === undefined ? content.length : 0,
      );
      const stored = await bytesOf(this.shelves);
      if (stored + storedBytes > quotaBytes) throw quotaExceeded(storedBytes, stored, quotaBytes);
      for (const each of added) published.push(await packs.publish(each));
      await checkpoints.publish(digest, path);
      const newPages = added.reduce((sum, { index }) => sum + index.pages, 0);
      const written = { digest, pages: table.length, newPages, storedBytes };
      await refer(written);
      return written;
    } catch (thrown) {
      // What can't be taken away now is what nobody refers to, for the next collection.
      await this.#takeBack(before === undefined, published).catch(() => undefined);
      for (const each of added) await packs.discard(each).catch(() => undefined);
      throw isFull(thrown) ? await diskFull(storedBytes, folder, thrown) : thrown;
    }
  }

  /** Pages that another process has removed since they were found in the store. */
  async #replenish(): Promise<NewPack | undefined> {
    const { packs } = this.shelves;
    const { table, pack, refill } = this.parts;
    const isGone = (key: PageKey) => !packs.catalogue.has(key) && !pack?.writer.keys.has(key);
    let gone = 0;
    for (let entry = 0; entry < table.length; entry++) if (isGone(table.key(entry))) gone++;
    if (gone === 0) return undefined;
    const writer = packs.writer();
    try {
      const add = (key: PageKey, page: Uint8Array) => {
        if (isGone(key)) writer.add(key, page);
      };
      await refill(add, () => writer.drained());
      const further = await packs.complete(writer);
      if (writer.full instanceof Error) throw writer.full;
      return further;
    } catch (thrown) {
      await writer.discard();
      throw thrown;
    }
  }

  async #takeBack(checkpoint: boolean, published: string[]): Promise<void> {
    const { packs, checkpoints } = this.shelves;
    if (checkpoint) await checkpoints.remove(this.digest);
    for (const name of published) {
      const pack = packs.catalogue.packs.get(name);
      if (pack) await packs.remove(pack);
    }
  }
}

/** On disk. */
export const bytesOf = async ({
  packs,
  checkpoints,
}: Pick<Shelves<unknown>, 'packs' | 'checkpoints'>): Promise<number> =>
  packs.catalogue.bytes + (await checkpoints.allBytes());

const sizeOf = (pack: NewPack | undefined): number => (pack ? pack.index.packBytes + pack.index.bytes : 0);
