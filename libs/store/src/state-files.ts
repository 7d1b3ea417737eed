import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { V3Error } from '@v3vee/contracts';
import { DataSource, type EntityManager } from 'typeorm';
import { storeError } from './constraints';

export interface SavedState {
  /** sha256 of the content, lower-case hexadecimal. */
  digest: string;
  bytes: number;
}

/** What is to be saved: the bytes in order, or a function that writes them to the path it is given. */
export type StateSource = AsyncIterable<Uint8Array> | ((path: string) => Promise<void>);

export interface StateFilesOptions {
  /** `<state>/states`; made if it is not there. May be shared by several services. */
  folder: string;
  dataSource: DataSource;
  /** Who writes, for example the host's name: at its start it may sweep what it left behind, and only that. */
  owner: string;
}

const digestName = /^[0-9a-f]{64}$/;

/**
 * Saved machine states as content-addressed files, `<folder>/<sha256>`. A file appears under its digest only
 * when it is complete and on the disk; a row that refers to it is committed only after that. Rows refer to
 * files by digest (`snapshot.digest`, `vm_status.resume_state`) and may share one: equal states are kept once.
 * Writers and removers of one digest take turns under a lock in the database, so that no file is removed
 * between being found there and being referred to.
 */
export class StateFiles {
  constructor(private readonly options: StateFilesOptions) {}

  /**
   * To be called once before use: makes the folder, removes this owner's unfinished files and all states that
   * nobody refers to.
   */
  async open(): Promise<void> {
    const { folder, owner } = this.options;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    for (const name of await readdir(folder)) {
      if (name.startsWith(`${owner}.`) && name.endsWith('.part'))
        await rm(join(folder, name), { force: true });
      else if (digestName.test(name)) await this.remove(name);
    }
  }

  /**
   * Saves a state durably (file and folder are synced), then runs `refer` in a database transaction; when
   * that fails the state is gone again, unless others refer to it.
   * @param refer writes the row that refers to the state, through the manager it gets
   * @throws V3Error STORAGE_FULL, and whatever `source` or `refer` throw
   */
  async write(
    source: StateSource,
    refer: (saved: SavedState, manager: EntityManager) => Promise<void>,
  ): Promise<SavedState> {
    const part = join(this.options.folder, `${this.options.owner}.${randomUUID()}.part`);
    let saved: SavedState | undefined;
    try {
      const state = await fill(part, source);
      await this.exclusively(state.digest, async manager => {
        await rename(part, this.path(state.digest));
        saved = state;
        await syncFolder(this.options.folder);
        await refer(state, manager);
      });
      return state;
    } catch (thrown) {
      await rm(part, { force: true });
      // What fails here is swept at the next start; the first failure is the one to tell of.
      if (saved) await this.remove(saved.digest).catch(() => undefined);
      throw (thrown as NodeJS.ErrnoException).code === 'ENOSPC'
        ? new V3Error(
            'STORAGE_FULL',
            'there is no space left for the saved state; remove snapshots or make room',
            {
              cause: thrown,
            },
          )
        : storeError(thrown);
    }
  }

  /** Where a state is. Not checked to exist: see `verify`. */
  path(digest: string): string {
    if (!digestName.test(digest))
      throw new V3Error('STATE_CORRUPT', `"${digest}" is not the digest of a state`);
    return join(this.options.folder, digest);
  }

  /**
   * Reads the file once to see that it is what it was.
   * @returns its path
   * @throws V3Error STATE_CORRUPT when it is missing or changed
   */
  async verify(digest: string): Promise<string> {
    const path = this.path(digest);
    const found = await digestOf(path).catch((cause: NodeJS.ErrnoException) => {
      throw new V3Error('STATE_CORRUPT', `the saved state ${digest} can't be read: ${cause.message}`, {
        cause,
      });
    });
    if (found.digest !== digest) {
      throw new V3Error(
        'STATE_CORRUPT',
        `the saved state ${digest} was changed: its sha256 is ${found.digest}`,
      );
    }
    return path;
  }

  /** @returns whether it was removed: false while a snapshot or a VM refers to it, or when it was not there */
  async remove(digest: string): Promise<boolean> {
    return this.exclusively(digest, async manager => {
      if (await this.isReferred(digest, manager)) return false;
      const path = this.path(digest);
      const existed = await stat(path).then(
        () => true,
        () => false,
      );
      await rm(path, { force: true });
      return existed;
    });
  }

  private async isReferred(digest: string, manager: EntityManager): Promise<boolean> {
    const rows: unknown[] = await manager.query(
      `SELECT FROM snapshot WHERE digest = $1 UNION ALL SELECT FROM vm_status WHERE resume_state = $1 LIMIT 1`,
      [digest],
    );
    return rows.length > 0;
  }

  /** A transaction that holds the digest's lock: 32 bits of it, so unrelated states hardly ever meet. */
  private exclusively<T>(digest: string, work: (manager: EntityManager) => Promise<T>): Promise<T> {
    return this.options.dataSource.transaction(async manager => {
      const key = Buffer.from(digest.slice(0, 8), 'hex').readInt32BE();
      await manager.query('SELECT pg_advisory_xact_lock($1, $2)', [STATE_LOCKS, key]);
      return work(manager);
    });
  }
}

/** Class of the advisory locks used here: 'STAT' in ASCII. */
const STATE_LOCKS = 0x53544154;

async function fill(path: string, source: StateSource): Promise<SavedState> {
  if (typeof source === 'function') await source(path);
  // Not a piped write stream: it may fail before its file is open, and make the file after that was removed.
  else await writeFile(path, source, { flag: 'wx', mode: 0o600 });
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  return digestOf(path);
}

async function digestOf(path: string): Promise<SavedState> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    hash.update(chunk as Buffer);
    bytes += (chunk as Buffer).length;
  }
  return { digest: hash.digest('hex'), bytes };
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
