import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { setImmediate as turn } from 'node:timers/promises';
import { join } from 'node:path';
import { V3Error } from '@v3vee/contracts';
import { Layer, BLOCK_BYTES, syncFolder } from './layer';
import { LayeredDisk, type LayerFile } from './layered-disk';

/** A disk: ids of its layers, from the top downwards. None: all zeroes. */
export type Layers = readonly string[];

const SUFFIX = '.layer';
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Blocks that are copied between two turns of the event loop. */
const COPY_BLOCKS = 256;
/** What nobody refers to yet may be about to be: files that are younger are left alone. */
const YOUNG_MS = 10 * 60_000;

/**
 * All layers of a cluster's disks, each a file. Several processes share it. A layer is written by whoever has it as the
 * top of a disk, and by nobody once it is frozen: below another one, or part of a snapshot. Who refers to a layer is not
 * known here.
 */
export class DiskFolder {
  private constructor(private readonly folder: string) {}

  /** Makes it if it is not there. */
  static async open(folder: string): Promise<DiskFolder> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return new DiskFolder(folder);
  }

  files(layers: Layers): LayerFile[] {
    return layers.map(id => ({ id, path: this.path(id) }));
  }

  /** A layer without blocks, on the disk when this resolves. @returns its id. @throws V3Error STORAGE_FULL */
  async create(bytes: number): Promise<string> {
    const id = randomUUID();
    await this.making(id, async path => Layer.create(path, bytes));
    return id;
  }

  /**
   * A copy of a layer, of which whoever wrote the original may still write to that: they have nothing in common.
   * @throws V3Error STATE_CORRUPT, STORAGE_FULL
   */
  async copy(id: string, bytes: number): Promise<string> {
    const copy = randomUUID();
    const from = Layer.open(this.path(id), id, bytes, false);
    try {
      await this.making(copy, async path => {
        Layer.create(path, bytes);
        await fill(from, path, copy, bytes);
      });
    } finally {
      from.close();
    }
    return copy;
  }

  /**
   * The upper of two frozen layers gets the blocks that it lacks of the lower one. What it shows together with that is the
   * same at each moment, also to who has both open; afterwards it shows it alone.
   */
  async merge(lower: string, upper: string, bytes: number): Promise<void> {
    const from = Layer.open(this.path(lower), lower, bytes, false);
    try {
      await fill(from, this.path(upper), upper, bytes);
    } finally {
      from.close();
    }
  }

  /** @throws V3Error STATE_CORRUPT when one is missing */
  async require(layers: Layers): Promise<void> {
    for (const id of layers) {
      await stat(this.path(id)).catch(cause => {
        throw new V3Error('STATE_CORRUPT', `layer ${id} of the disk is missing`, { cause });
      });
    }
  }

  /** Bytes on the host's disk. */
  async usage(layers: Layers): Promise<number> {
    let sum = 0;
    for (const id of layers) {
      const found = await stat(this.path(id)).catch(() => undefined);
      sum += (found?.blocks ?? 0) * 512;
    }
    return sum;
  }

  /** Removes layers that are not needed, unless they are young. @returns how many bytes that freed */
  async sweep(needed: ReadonlySet<string>, youngMs = YOUNG_MS): Promise<number> {
    let freed = 0;
    for (const name of await readdir(this.folder)) {
      const id = name.slice(0, -SUFFIX.length);
      if (!name.endsWith(SUFFIX) || !ID.test(id) || needed.has(id)) continue;
      const path = join(this.folder, name);
      const found = await stat(path).catch(() => undefined);
      if (!found || Date.now() - Math.max(found.mtimeMs, found.ctimeMs) < youngMs) continue;
      await rm(path, { force: true });
      freed += found.blocks * 512;
    }
    if (freed > 0) syncFolder(this.folder);
    return freed;
  }

  async remove(id: string): Promise<void> {
    await rm(this.path(id), { force: true });
  }

  /** The disk to be read, or also written. @throws V3Error STATE_CORRUPT */
  open(layers: Layers, bytes: number, readOnly: boolean): LayeredDisk {
    return new LayeredDisk(bytes, this.files(layers), readOnly);
  }

  private path(id: string): string {
    if (!ID.test(id)) throw new V3Error('STATE_CORRUPT', `"${id}" is not the id of a layer`);
    return join(this.folder, `${id}${SUFFIX}`);
  }

  /** Nothing is left behind when it fails. */
  private async making(id: string, make: (path: string) => Promise<void>): Promise<void> {
    const path = this.path(id);
    try {
      await make(path);
    } catch (thrown) {
      await rm(path, { force: true });
      throw fullAs(thrown);
    }
  }
}

/** A layer gets, durably, what it lacks of another one. */
async function fill(from: Layer, path: string, id: string, bytes: number): Promise<void> {
  const to = Layer.open(path, id, bytes, true);
  try {
    await copyBlocks(from, to);
    to.flush();
  } finally {
    to.close();
  }
}

async function copyBlocks(from: Layer, to: Layer): Promise<void> {
  const block = new Uint8Array(BLOCK_BYTES);
  let copied = 0;
  for (let i = 0; i < from.blocks; i++) {
    if (!from.has(i) || to.has(i)) continue;
    from.read(i * BLOCK_BYTES, block);
    to.write(i * BLOCK_BYTES, block);
    if (++copied % COPY_BLOCKS === 0) await turn();
  }
}

export function fullAs(thrown: unknown): unknown {
  const { code, message } = thrown as NodeJS.ErrnoException;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return thrown;
  return new V3Error('STORAGE_FULL', `there is no room for the disk: ${message}`, { cause: thrown });
}
