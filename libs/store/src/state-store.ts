import { V3Error } from '@v3vee/contracts';
import {
  PageStore,
  type Imported,
  type MachineCut,
  type MachineState,
  type Staged,
  type StoreStats,
  type Usage,
  type Verified,
  type WriteOptions,
  type Written,
} from '@v3vee/page-store';
import { DataSource, type EntityManager } from 'typeorm';
import { storeError } from './constraints';

/** A state that has been saved. */
export type SavedState = Written;

export interface StateStoreOptions {
  /** `<state>/states`; made if it is not there. May be shared by several services. */
  folder: string;
  dataSource: DataSource;
  /** Who writes, for example the host's name: at its start it may sweep what it left behind, and only that. */
  owner: string;
  /** Bytes on disk that all states together may have; none: as many as there are. */
  quotaBytes?: number;
}

/** An export as it was read: nothing of it is in the store yet. */
export type ImportedState = Pick<Imported<EntityManager>, 'label' | 'memoryMiB' | 'nicCount'>;

/**
 * Saved machine states. A state is complete and on the disk before a row that refers to it is committed. Rows refer to
 * states by digest (`snapshot.digest`, `vm_status.resume_state`) and may share one: equal states are kept once, and so is
 * each page of memory that several have. Whoever adds or removes does so under a lock in the database, in the transaction
 * that holds the row: so no state goes between being found there and being referred to, whichever process, machine or
 * container its Palacios is in.
 */
export class StateStore {
  private constructor(private readonly pages: PageStore<EntityManager>) {}

  /** Makes the folder, and removes this owner's unfinished states and all states that nobody refers to. */
  static async open({ folder, dataSource, owner, quotaBytes }: StateStoreOptions): Promise<StateStore> {
    const lock = <T>(work: (manager: EntityManager) => Promise<T>) =>
      dataSource.transaction(async manager => {
        await manager.query('SELECT pg_advisory_xact_lock($1)', [STATE_LOCK]);
        return work(manager);
      });
    const confirm = (manager: EntityManager) => manager.query('SELECT 1');
    const pages = await PageStore.open<EntityManager>({ folder, owner, quotaBytes, lock, confirm });
    const store = new StateStore(pages);
    for (const digest of await pages.list()) await store.remove(digest);
    return store;
  }

  /**
   * Saves a state durably, then runs `refer` in a database transaction; when that fails the state is gone again, unless
   * others refer to it.
   * @param refer writes the row that refers to the state, through the manager it gets
   * @throws V3Error STORAGE_FULL, and whatever `refer` throws
   */
  async write(
    state: MachineState | MachineCut,
    refer: (saved: SavedState, manager: EntityManager) => Promise<void>,
    options?: WriteOptions,
  ): Promise<SavedState> {
    return this.commit(await this.pages.stage(state, options), refer);
  }

  /**
   * Like `write`, of what `export` gave.
   * @throws V3Error STATE_INVALID, STORAGE_FULL, and whatever `refer` throws
   */
  async import(
    source: AsyncIterable<Uint8Array>,
    refer: (saved: SavedState, imported: ImportedState, manager: EntityManager) => Promise<void>,
  ): Promise<SavedState> {
    const { staged, ...imported } = await this.pages.stageImport(source);
    return this.commit(staged, (saved, manager) => refer(saved, imported, manager));
  }

  /**
   * @param base a memory of which it may have most; that is not read from the disk
   * @throws V3Error STATE_CORRUPT that names what is missing or damaged
   */
  read(digest: string, base?: Uint8Array<SharedArrayBuffer>): Promise<MachineState> {
    return this.pages.read(digest, base);
  }

  /** Reads all of it to see that it is what it was. */
  verify(digest: string): Promise<Verified> {
    return this.pages.verify(digest);
  }

  /** What it takes on disk. @throws V3Error STATE_CORRUPT like `read` */
  usage(digest: string): Promise<Usage> {
    return this.pages.usage(digest);
  }

  /** Of all states together. */
  stats(): Promise<StoreStats> {
    return this.pages.stats();
  }

  /** One file, which is whole only if this ends well. @throws V3Error STATE_CORRUPT like `read`, also in the middle */
  export(digest: string, label: Uint8Array): AsyncIterable<Buffer> {
    return this.pages.exportTo(digest, label);
  }

  /** @returns whether it was removed: false while a snapshot or a VM refers to it, or when it was not there */
  remove(digest: string): Promise<boolean> {
    return this.pages.remove(digest, manager => isReferred(digest, manager));
  }

  /** Frees the memory that no state has any more. @returns bytes. @throws V3Error STATE_CORRUPT */
  collect(): Promise<number> {
    return this.pages.collect();
  }

  private async commit(
    staged: Staged<EntityManager>,
    refer: (saved: SavedState, manager: EntityManager) => Promise<void>,
  ): Promise<SavedState> {
    try {
      return await staged.commit(refer);
    } catch (thrown) {
      // The transaction may have failed after all was said and done. What fails here is swept at the next start.
      await this.remove(staged.digest).catch(() => undefined);
      throw thrown instanceof V3Error ? thrown : storeError(thrown);
    }
  }
}

/** Any constant does, if all services use the same: 'STAT' in ASCII. */
const STATE_LOCK = 0x53544154;

async function isReferred(digest: string, manager: EntityManager): Promise<boolean> {
  const rows: unknown[] = await manager.query(
    `SELECT FROM snapshot WHERE digest = $1 UNION ALL SELECT FROM vm_status WHERE resume_state = $1 LIMIT 1`,
    [digest],
  );
  return rows.length > 0;
}
