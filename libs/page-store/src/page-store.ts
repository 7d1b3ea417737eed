import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { V3Error } from '@v3vee/contracts';
import { withLock } from '@v3vee/setup';
import { Checkpoints } from './checkpoints';
import { collect } from './collector';
import { exportFile } from './export-file';
import { corrupt } from './failures';
import { importFile, type ImportHead } from './import-file';
import { unpackDevices, type MachineCut, type MachineState, type Manifest } from './manifest';
import { MAX_MEMORY_MIB, PAGE_BYTES } from './page';
import { fetchPages } from './page-reader';
import { copyKnown, scan } from './page-table';
import { Packs } from './packs';
import { bytesOf, Staging, type Lock, type Shelves, type Staged, type Written } from './staging';
import { usageOf, type Usage } from './usage';

export interface PageStoreOptions<Context> {
  /** Made if it is not there. May be shared by several processes. */
  folder: string;
  /** Who writes, for example the host's name: at its start it sweeps what it left behind, and only that. */
  owner: string;
  /** Bytes on disk that the store may have; none: as many as there are. */
  quotaBytes?: number;
  /**
   * Lets one in at a time, of all processes that share the folder. It is not asked again by who holds it. Without it a
   * lock file is used, for which the processes must see each other (proc(5)).
   */
  lock?: Lock<Context>;
  /** Fails when the lock was lost: asked before anything is removed that nobody needs. */
  confirm?: (context: Context) => Promise<unknown>;
}

export interface StoreStats {
  checkpoints: number;
  /** Different pages. */
  pages: number;
  /** On disk: packs, their indices, checkpoints. */
  storedBytes: number;
  /** What the pages of all checkpoints would have, each by itself and uncompressed. */
  referencedBytes: number;
  /** None: as many as there are on the disk. */
  quotaBytes: number | null;
}

/** What was found of a checkpoint by reading all of it. */
export interface Verified {
  /** That are as they were. */
  pages: number;
  damagedPages: number;
  /** Each names what is damaged: the checkpoint, or a page and its pack; the first of them. */
  damage: string[];
}

/** Of damage that is named. */
const MAX_NAMED = 20;

/**
 * Machine states in a folder, which several processes may share:
 *
 *     checkpoints/<sha256>       what a state is: header, devices, hashes of its pages (manifest.ts)
 *     packs/<name>.pack, .idx    pages, compressed, and which they are (pack-index.ts)
 *     incoming/<owner>.…         what is being written
 *
 * Each page is stored once, whatever states have it, and zero pages not at all. Files are complete and on the disk before
 * they get their name, pages before the checkpoint that needs them. What is heavy is done without the lock: a writer looks
 * again under it whether the pages that it found in the store are still there.
 */
export class PageStore<Context = void> {
  readonly #shelves: Shelves<Context>;
  #last: Promise<unknown> = Promise.resolve();

  private constructor({ folder, owner, quotaBytes = Infinity, lock, confirm }: PageStoreOptions<Context>) {
    const file = join(folder, 'lock');
    const among: Lock<Context> =
      lock ?? (work => withLock(file, () => work(undefined as Context), { pollMs: 10 }));
    this.#shelves = {
      folder,
      quotaBytes,
      packs: new Packs(join(folder, 'packs'), join(folder, 'incoming'), owner),
      checkpoints: new Checkpoints(join(folder, 'checkpoints')),
      lock: work => this.#queued(() => among(work)),
      confirm: confirm ?? (() => Promise.resolve()),
    };
  }

  static async open<Context = void>(options: PageStoreOptions<Context>): Promise<PageStore<Context>> {
    const store = new PageStore(options);
    for (const name of ['packs', 'checkpoints', 'incoming']) {
      await mkdir(join(options.folder, name), { recursive: true, mode: 0o700 });
    }
    const incoming = join(options.folder, 'incoming');
    for (const name of await readdir(incoming)) {
      if (name.startsWith(`${options.owner}.`)) await rm(join(incoming, name), { force: true });
    }
    await store.#shelves.packs.catalogue.refresh();
    return store;
  }

  /**
   * @param state whose memory does not change any more
   * @throws V3Error STORAGE_FULL that says what was needed and what is free; nothing is left behind
   */
  async write(state: MachineState | MachineCut, options?: WriteOptions): Promise<Written> {
    return (await this.stage(state, options)).commit();
  }

  /** The heavy part of `write`; its `commit` makes it a checkpoint. @throws V3Error STORAGE_FULL */
  async stage(
    state: MachineState | MachineCut,
    { beyondQuota = false }: WriteOptions = {},
  ): Promise<Staged<Context>> {
    const cut =
      'memory' in state ? { ...state, base: state.memory, changes: new Map<number, never>() } : state;
    const { base, memoryMiB } = cut;
    if (!(memoryMiB >= 1 && memoryMiB <= MAX_MEMORY_MIB) || (base && base.length !== memoryMiB << 20)) {
      throw new RangeError(`a memory of ${memoryMiB} MiB and ${base?.length} bytes can't be saved`);
    }
    const shelves = beyondQuota ? { ...this.#shelves, quotaBytes: Infinity } : this.#shelves;
    return this.#staging(shelves, async staging => {
      const table = await scan(
        cut,
        (key, page) => staging.add(key, page),
        () => staging.pause(),
      );
      return staging.finish(cut, table, async (add, pause) => void (await scan(cut, add, pause)));
    });
  }

  /**
   * @param base a memory that does not change any more; pages that are the same there are not read from the disk
   * @throws V3Error STATE_CORRUPT that names what is missing or damaged: the checkpoint, or a page and its pack
   */
  async read(digest: string, base?: Uint8Array<SharedArrayBuffer>): Promise<MachineState> {
    const { packs, checkpoints } = this.#shelves;
    const { manifest } = await checkpoints.read(digest);
    const { format, engineVersion, memoryMiB, nicCount, table } = manifest;
    const devices = await devicesOf(manifest, digest);
    const memory = new Uint8Array(new SharedArrayBuffer(memoryMiB << 20));
    const missing = base?.length === memory.length ? await copyKnown(base, table, memory) : table;
    for await (const pages of fetchPages(packs.catalogue, missing, nameOf(digest))) {
      for (const { entries, bytes } of pages) {
        for (const entry of entries) memory.set(bytes, (missing.pages[entry] as number) * PAGE_BYTES);
      }
    }
    return { format, engineVersion, memoryMiB, nicCount, devices, memory };
  }

  /** Reads every page, and compares it with its hash. */
  async verify(digest: string): Promise<Verified> {
    const { packs, checkpoints } = this.#shelves;
    const found: Verified = { pages: 0, damagedPages: 0, damage: [] };
    try {
      const { manifest } = await checkpoints.read(digest);
      await devicesOf(manifest, digest);
      const onLost = (_: number, why: string) => {
        found.damagedPages++;
        if (found.damage.length < MAX_NAMED) found.damage.push(why);
      };
      for await (const pages of fetchPages(packs.catalogue, manifest.table, nameOf(digest), onLost)) {
        for (const { entries } of pages) found.pages += entries.length;
      }
    } catch (thrown) {
      const { code, message } = V3Error.from(thrown);
      if (code !== 'STATE_CORRUPT') throw thrown;
      found.damage.push(message);
    }
    return found;
  }

  /** What it has for itself, and what others have too. @throws V3Error STATE_CORRUPT like `read` */
  usage(digest: string): Promise<Usage> {
    return usageOf(this.#shelves, digest);
  }

  /** Digests. */
  list(): Promise<string[]> {
    return this.#shelves.checkpoints.list();
  }

  /**
   * Its pages stay until `collect`.
   * @param isKept asked under the lock
   * @returns whether it was removed: false when it is kept, or was not there
   */
  remove(digest: string, isKept?: (context: Context) => Promise<boolean>): Promise<boolean> {
    const { lock, checkpoints } = this.#shelves;
    return lock(async context => ((await isKept?.(context)) ? false : checkpoints.remove(digest)));
  }

  /**
   * Frees pages that no checkpoint has.
   * @returns bytes freed on disk
   * @throws V3Error STATE_CORRUPT while a checkpoint can't be read: what it needs is not known
   */
  collect(): Promise<number> {
    return collect(this.#shelves);
  }

  /**
   * One file that has all of it, see export-file.ts.
   * @param label at most 64 KiB that `stageImport` gives back
   * @throws V3Error STATE_CORRUPT like `read`, also in the middle
   */
  async *exportTo(digest: string, label: Uint8Array = new Uint8Array()): AsyncGenerator<Buffer> {
    const { packs, checkpoints } = this.#shelves;
    yield* exportFile(packs.catalogue, digest, await checkpoints.read(digest), label);
  }

  /** @throws V3Error STATE_INVALID when it is not what `exportTo` made, STORAGE_FULL; nothing is left behind */
  async importFrom(source: AsyncIterable<Uint8Array>): Promise<string> {
    return (await (await this.stageImport(source)).staged.commit()).digest;
  }

  /** The heavy part of `importFrom`; the `commit` makes it a checkpoint. @throws V3Error like it */
  async stageImport(source: AsyncIterable<Uint8Array>): Promise<Imported<Context>> {
    let head: ImportHead | undefined;
    const staged = await this.#staging(this.#shelves, async staging => {
      await importFile(
        source,
        async found => void (head = found),
        (key, page) => staging.add(key, page),
        () => staging.pause(),
      );
      const { manifest, devices } = head as ImportHead;
      return staging.finish({ ...manifest, devices }, manifest.table, () => {
        throw new V3Error(
          'SERVICE_UNAVAILABLE',
          'pages that the store had were removed meanwhile; import it again',
        );
      });
    });
    const { manifest, label } = head as ImportHead;
    return { staged, label, memoryMiB: manifest.memoryMiB, nicCount: manifest.nicCount };
  }

  async stats(): Promise<StoreStats> {
    const { packs, checkpoints, quotaBytes } = this.#shelves;
    await packs.catalogue.refresh();
    return {
      checkpoints: (await checkpoints.list()).length,
      pages: packs.catalogue.pages,
      storedBytes: await bytesOf(this.#shelves),
      referencedBytes: (await checkpoints.allPages()) * PAGE_BYTES,
      quotaBytes: Number.isFinite(quotaBytes) ? quotaBytes : null,
    };
  }

  async #staging(
    shelves: Shelves<Context>,
    work: (staging: Staging<Context>) => Promise<Staged<Context>>,
  ): Promise<Staged<Context>> {
    const staging = await Staging.begin(shelves);
    try {
      return await work(staging);
    } catch (thrown) {
      await staging.discard();
      throw thrown;
    }
  }

  /** Within the process in turn, so that nobody waits for a lock that is this process's. */
  #queued<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }
}

export interface WriteOptions {
  /** It is bounded by the disk alone. */
  beyondQuota?: boolean;
}

export interface Imported<Context> {
  staged: Staged<Context>;
  label: Buffer;
  memoryMiB: number;
  nicCount: number;
}

const nameOf = (digest: string) => `the saved state ${digest}`;

function devicesOf(manifest: Manifest, digest: string): Promise<Uint8Array> {
  return unpackDevices(manifest).catch((cause: Error) => {
    throw corrupt(`the saved state ${digest} can't be used: ${cause.message}`, cause);
  });
}
