import { V3Error } from '@v3vee/contracts';
import type { MachineCut, MachineState } from '@v3vee/machine';
import type { SavedState, StateStore } from '@v3vee/store';
import type { EntityManager } from 'typeorm';
import type { Log, SavedStates } from '../lifecycle/ports';

/** Between two collections that nobody asked for: they look at all states. */
const COLLECT_EVERY_MS = 60_000;

/** What was done with saved states here, in numbers that only grow. */
export interface StateFigures {
  written: number;
  newPages: number;
  /** That were not stored because they were there. */
  knownPages: number;
  storedBytes: number;
  /** How long guests stood still for them. */
  pauseMs: number;
  collections: number;
  freedBytes: number;
}

/** Saved machine states by digest, each there exactly as long as a row names it. */
export class StoredStates implements SavedStates {
  readonly figures: StateFigures = {
    ...{ written: 0, newPages: 0, knownPages: 0, storedBytes: 0, pauseMs: 0, collections: 0, freedBytes: 0 },
  };
  #last = -Infinity;
  #next: NodeJS.Timeout | undefined;
  #collecting: Promise<unknown> = Promise.resolve();

  constructor(
    readonly store: StateStore,
    private readonly log: Log,
  ) {}

  async write(
    state: MachineCut,
    refer: (saved: SavedState, transaction: EntityManager) => Promise<void>,
    options?: { beyondQuota: boolean },
  ): Promise<SavedState> {
    const saved = await this.store.write(state, refer, options);
    this.count(saved);
    return saved;
  }

  count({ pages, newPages, storedBytes }: SavedState): void {
    const { figures } = this;
    figures.written++;
    figures.newPages += newPages;
    figures.knownPages += pages - newPages;
    figures.storedBytes += storedBytes;
  }

  read(digest: string, base?: Uint8Array<SharedArrayBuffer>): Promise<MachineState> {
    return this.store.read(digest, base);
  }

  async release(digest: string): Promise<void> {
    try {
      if (await this.store.remove(digest)) this.collectSoon();
    } catch (thrown) {
      // The next start sweeps what nobody refers to.
      this.log.warn({ digest, error: V3Error.from(thrown).message }, 'a saved state could not be removed');
    }
  }

  /** Frees what no state has any more; one after the other. @returns bytes. @throws V3Error STATE_CORRUPT */
  collect(): Promise<number> {
    const collected = this.#collecting.then(async () => {
      this.#last = performance.now();
      const freed = await this.store.collect();
      this.figures.collections++;
      this.figures.freedBytes += Math.max(0, freed);
      return freed;
    });
    this.#collecting = collected.catch(() => undefined);
    return collected;
  }

  /** At once if there was none for a while, else a while after the last one. Nobody waits for it. */
  collectSoon(): void {
    const wait = Math.max(0, this.#last + COLLECT_EVERY_MS - performance.now());
    this.#next ??= setTimeout(() => {
      this.#next = undefined;
      this.collect().catch(thrown => {
        const error = V3Error.from(thrown).message;
        this.log.warn({ error }, 'what removed states had for themselves was not freed');
      });
    }, wait).unref();
  }

  /** None is begun any more. Resolves when the one under way is done. */
  async close(): Promise<void> {
    clearTimeout(this.#next);
    this.#next = setTimeout(() => undefined, 0).unref();
    await this.#collecting;
  }
}
