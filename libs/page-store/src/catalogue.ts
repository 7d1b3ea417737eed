import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from './failures';
import { GROUP_PAGES, keyAt, MAX_PAGES, type PageKey } from './page';
import { PackIndex } from './pack-index';
import { sliced } from './sliced';

/** Keys that are taken in in one go: about a millisecond. */
const SLICE = 1024;

/** Where a page is. */
export interface Place {
  pack: Pack;
  slot: number;
}

export interface Pack {
  readonly name: string;
  readonly ordinal: number;
  readonly index: PackIndex;
  /** Whether some of its pages can't be had. */
  isFlawed: boolean;
  /** Of its file when a flaw was found: when it changes, the pack is looked at again. */
  stamp: string;
}

/** A pack that has a page and can't give it. */
export interface Suspect {
  pack: Pack;
  why: string;
}

const packName = /^([0-9a-f]{32})\.pack$/;
const indexName = /^([0-9a-f]{32})\.idx$/;

/** What pages the packs of a folder have, as this process knows it: see `refresh`. Names of packs are never used twice. */
export class Catalogue {
  readonly packs = new Map<string, Pack>();
  /** Packs without an index, or with one that can't be read, and why. */
  readonly unreadable = new Map<string, string>();
  readonly #byOrdinal = new Map<number, Pack>();
  /** `ordinal * MAX_PAGES + slot`, of pages that can be had. */
  readonly #places = new Map<PageKey, number>();
  /** Further places of pages that are in several packs. */
  readonly #spares = new Map<PageKey, number[]>();
  /** In which packs a page is damaged, and why. */
  readonly #lost = new Map<PageKey, Map<Pack, string>>();
  #ordinals = 0;
  #flaws = 0;
  #refreshing: Promise<void> | undefined;
  #again: Promise<void> | undefined;

  constructor(readonly folder: string) {}

  has(key: PageKey): boolean {
    return this.#places.has(key);
  }

  find(key: PageKey): Place | undefined {
    const place = this.#places.get(key);
    if (place === undefined) return undefined;
    return { pack: this.#byOrdinal.get(Math.floor(place / MAX_PAGES)) as Pack, slot: place % MAX_PAGES };
  }

  suspects(key: PageKey): Suspect[] {
    return [...(this.#lost.get(key) ?? [])].map(([pack, why]) => ({ pack, why }));
  }

  /** Grows whenever a flaw is found: what was looked up before may be elsewhere now. */
  get flaws(): number {
    return this.#flaws;
  }

  /** Bytes of all packs and their indices, those that can't be read left out. */
  get bytes(): number {
    let sum = 0;
    for (const { index } of this.packs.values()) sum += index.packBytes + index.bytes;
    return sum;
  }
  /** Different pages that can be had. */
  get pages(): number {
    return this.#places.size;
  }

  path(name: string, kind: 'pack' | 'idx'): string {
    return join(this.folder, `${name}.${kind}`);
  }

  /** Takes in what other processes have added and removed. What is there when it is called is known when it resolves. */
  refresh(): Promise<void> {
    if (!this.#refreshing) {
      this.#refreshing = this.#refresh().finally(() => (this.#refreshing = undefined));
      return this.#refreshing;
    }
    // One that is under way may have listed the folder already.
    this.#again ??= this.#refreshing
      .catch(() => undefined)
      .then(() => {
        this.#again = undefined;
        return this.refresh();
      });
    return this.#again;
  }

  /**
   * Pages of the pack can't be had, until its file changes.
   * @param group those of this group; none: all
   */
  async condemn(pack: Pack, why: string, group?: number): Promise<void> {
    const stamp = await this.#stamp(pack.name);
    // Then the groups are not where they were.
    const wrong = await this.#sizeFlaw(pack);
    if (this.packs.get(pack.name) !== pack) return;
    const isAll = wrong !== undefined || group === undefined;
    const range = isAll ? allOf(pack) : { first: group * GROUP_PAGES, count: GROUP_PAGES };
    await this.#withdraw(pack, range);
    this.#setFlaw(pack, wrong ?? why, stamp ?? '', range);
  }

  /** Takes in a pack that this process has just published. */
  async add(name: string, index: PackIndex): Promise<void> {
    // A refresh may have come first.
    if (this.packs.has(name)) return;
    await this.#admit({ name, ordinal: this.#ordinals++, index, isFlawed: false, stamp: '' });
  }

  /** Leaves out a pack that this process removes. */
  async drop(pack: Pack): Promise<void> {
    if (this.packs.get(pack.name) !== pack) return;
    this.packs.delete(pack.name);
    await this.#withdraw(pack);
    this.#byOrdinal.delete(pack.ordinal);
  }

  async #refresh(): Promise<void> {
    const names = await readdir(this.folder);
    const packs = new Set(names.map(name => packName.exec(name)?.[1]).filter(name => name !== undefined));
    const indices = new Set(names.map(name => indexName.exec(name)?.[1]).filter(name => name !== undefined));
    for (const pack of this.packs.values()) if (!indices.has(pack.name)) await this.drop(pack);
    for (const name of this.unreadable.keys()) if (!packs.has(name)) this.unreadable.delete(name);
    for (const name of packs) if (!indices.has(name)) this.unreadable.set(name, 'it has no index');
    for (const name of indices) {
      const known = this.packs.get(name);
      if (!known) await this.#read(name);
      else if (known.isFlawed || !packs.has(name)) await this.#check(known);
    }
  }

  async #read(name: string): Promise<void> {
    let index: PackIndex;
    try {
      index = PackIndex.decode(await readFile(this.path(name, 'idx')));
    } catch (thrown) {
      // Removed since the folder was listed.
      if (isMissing(thrown)) return;
      this.unreadable.set(name, `its index can't be read: ${(thrown as Error).message}`);
      return;
    }
    this.unreadable.delete(name);
    if (this.packs.has(name)) return;
    const pack: Pack = { name, ordinal: this.#ordinals++, index, isFlawed: false, stamp: '' };
    const wrong = await this.#sizeFlaw(pack);
    if (this.packs.has(name)) return;
    if (wrong === undefined) return this.#admit(pack);
    this.packs.set(name, pack);
    this.#byOrdinal.set(pack.ordinal, pack);
    this.#setFlaw(pack, wrong, (await this.#stamp(name)) ?? '');
  }

  /** Of a pack that had a flaw, or was not listed. */
  async #check(pack: Pack): Promise<void> {
    const stamp = (await this.#stamp(pack.name)) ?? '';
    if (pack.isFlawed && stamp === pack.stamp) return;
    const wrong = await this.#sizeFlaw(pack);
    if (!pack.isFlawed) return wrong === undefined ? undefined : this.condemn(pack, wrong);
    await this.#withdraw(pack);
    pack.isFlawed = false;
    if (wrong === undefined) await this.#admit(pack);
    else this.#setFlaw(pack, wrong, stamp);
  }

  async #sizeFlaw({ name, index }: Pack): Promise<string | undefined> {
    const size = await stat(this.path(name, 'pack')).then(
      found => found.size,
      () => undefined,
    );
    if (size === undefined) return 'is missing';
    return size === index.packBytes ? undefined : `has ${size} bytes instead of ${index.packBytes}`;
  }

  #stamp(name: string): Promise<string | undefined> {
    return stat(this.path(name, 'pack')).then(
      ({ size, mtimeMs, ctimeMs, ino }) => [size, mtimeMs, ctimeMs, ino].join(),
      () => undefined,
    );
  }

  async #admit(pack: Pack): Promise<void> {
    this.packs.set(pack.name, pack);
    this.#byOrdinal.set(pack.ordinal, pack);
    await sliced(pack.index.pages, SLICE, slot => {
      const key = keyAt(pack.index.hashes, slot);
      const place = pack.ordinal * MAX_PAGES + slot;
      if (!this.#places.has(key)) this.#places.set(key, place);
      else this.#spares.set(key, [...(this.#spares.get(key) ?? []), place]);
    });
  }

  #setFlaw(pack: Pack, why: string, stamp: string, { first, count }: Range = allOf(pack)): void {
    Object.assign(pack, { isFlawed: true, stamp });
    this.#flaws++;
    for (let slot = first; slot < Math.min(first + count, pack.index.pages); slot++) {
      const key = keyAt(pack.index.hashes, slot);
      this.#lost.set(key, (this.#lost.get(key) ?? new Map<Pack, string>()).set(pack, why));
    }
  }

  /** Its pages are looked for elsewhere from now on. */
  async #withdraw(pack: Pack, { first, count }: Range = allOf(pack)): Promise<void> {
    await sliced(Math.min(count, pack.index.pages - first), SLICE, index => {
      const slot = first + index;
      const key = keyAt(pack.index.hashes, slot);
      const place = pack.ordinal * MAX_PAGES + slot;
      const spares = this.#spares.get(key)?.filter(spare => spare !== place) ?? [];
      if (this.#places.get(key) === place) {
        const next = spares.shift();
        if (next === undefined) this.#places.delete(key);
        else this.#places.set(key, next);
      }
      if (spares.length > 0) this.#spares.set(key, spares);
      else this.#spares.delete(key);
      const suspects = this.#lost.get(key);
      if (suspects?.delete(pack) && suspects.size === 0) this.#lost.delete(key);
    });
  }
}

/** Slots of a pack. */
interface Range {
  first: number;
  count: number;
}
const allOf = ({ index }: Pack): Range => ({ first: 0, count: index.pages });
