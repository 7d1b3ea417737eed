import { randomBytes } from 'node:crypto';
import { rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Catalogue, type Pack } from './catalogue';
import { syncFolder } from '@v3vee/setup';
import { writeDurably } from './disk';
import type { PackIndex } from './pack-index';
import { PackWriter } from './pack-writer';

/** A pack and its index, on the disk under temporary names. */
export interface NewPack {
  writer: PackWriter;
  index: PackIndex;
  indexPath: string;
}

/** The files of packs: how they come and go. Only under the store's lock, but for what is temporary. */
export class Packs {
  readonly catalogue: Catalogue;

  /**
   * @param folder of the packs
   * @param incoming of what is being written
   * @param owner whose names begin with this, and a dot
   */
  constructor(
    private readonly folder: string,
    private readonly incoming: string,
    private readonly owner: string,
  ) {
    this.catalogue = new Catalogue(folder);
  }

  temporary(kind: string): string {
    return join(this.incoming, `${this.owner}.${randomBytes(8).toString('hex')}.${kind}`);
  }

  writer(limit?: number): PackWriter {
    return new PackWriter(this.temporary('pack'), limit);
  }

  /** The last groups, and the index beside it. */
  async complete(writer: PackWriter): Promise<NewPack> {
    const pack = { writer, index: await writer.end(), indexPath: this.temporary('idx') };
    if (!writer.full) await writeDurably(pack.indexPath, [pack.index.encode()]);
    return pack;
  }

  async discard({ writer, indexPath }: NewPack): Promise<void> {
    await writer.discard();
    await rm(indexPath, { force: true });
  }

  /**
   * Whoever finds an index finds its pack, and both whole.
   * @returns its name
   */
  async publish({ writer, index, indexPath }: NewPack): Promise<string> {
    const name = randomBytes(16).toString('hex');
    const { catalogue } = this;
    try {
      await rename(writer.path, catalogue.path(name, 'pack'));
      await rename(indexPath, catalogue.path(name, 'idx'));
      await syncFolder(this.folder);
    } catch (thrown) {
      await this.removeFiles(name).catch(() => undefined);
      throw thrown;
    }
    await catalogue.add(name, index);
    return name;
  }

  /** @returns bytes that it had */
  async remove(pack: Pack): Promise<number> {
    const freed = await this.removeFiles(pack.name);
    await this.catalogue.drop(pack);
    return freed;
  }

  /** The index first: a pack without one is nobody's. */
  async removeFiles(name: string): Promise<number> {
    let freed = 0;
    for (const kind of ['idx', 'pack'] as const) {
      const path = this.catalogue.path(name, kind);
      freed += await stat(path).then(
        ({ size }) => size,
        () => 0,
      );
      await rm(path, { force: true });
    }
    return freed;
  }
}
