import { V3Error } from '@v3vee/contracts';
import type { Pack } from './catalogue';
import { syncFolder } from '@v3vee/setup';
import { keyAt, MAX_PAGES, type PageKey } from './page';
import { fetchPages, type Wanted } from './page-reader';
import type { PackWriter } from './pack-writer';
import type { NewPack } from './packs';
import { sliced } from './sliced';
import type { Shelves } from './staging';

/** Pages whose place is looked up in one go: about a millisecond. */
const SLICE = 1024;
/** A pack with fewer pages in use is small; so many of them are made one. */
const SMALL_PAGES = 256;
const SMALL_PACKS = 16;

/** What the checkpoints need. */
interface Needs {
  /** By pack: which of its slots. */
  slots: Map<Pack, Uint8Array>;
  /** Packs whose pages can't be had, though a checkpoint needs them. */
  suspects: Set<Pack>;
  /** Pages that are nowhere. */
  lost: number;
}

/**
 * Frees what no checkpoint needs: whole packs at once, and packs of which less than half is needed by moving that to a new
 * one. What is needed is decided under the store's lock, under which checkpoints appear with all that they need; what is
 * moved is copied without it, and looked at again under it before the old packs go.
 * @returns bytes freed on disk
 * @throws V3Error STATE_CORRUPT: a checkpoint can't be read, so nobody knows what it needs, and nothing is freed
 */
export async function collect<Context>(shelves: Shelves<Context>): Promise<number> {
  const { lock } = shelves;
  const { freed, sparse } = await lock(context => sweep(shelves, context));
  if (sparse.length === 0) return freed;
  const copy = await copyOf(shelves, sparse);
  if (!copy) return freed;
  try {
    return freed + (await lock(context => replace(shelves, sparse, copy, context)));
  } finally {
    await shelves.packs.discard(copy);
  }
}

/** Removes packs that nobody needs, and says which are worth to be written anew. */
async function sweep<Context>(
  shelves: Shelves<Context>,
  context: Context,
): Promise<{ freed: number; sparse: Pack[] }> {
  const { packs, confirm } = shelves;
  const needs = await look(shelves);
  if (!needs) return { freed: 0, sparse: [] };
  await confirm(context);
  let freed = 0;
  // One that can't be read may have what is lost.
  if (needs.lost === 0) {
    for (const name of [...packs.catalogue.unreadable.keys()]) freed += await packs.removeFiles(name);
  }
  const left: { pack: Pack; needed: number }[] = [];
  for (const pack of [...packs.catalogue.packs.values()]) {
    const needed = count(needs.slots.get(pack));
    if (needed > 0) left.push({ pack, needed });
    else if (!needs.suspects.has(pack)) freed += await packs.remove(pack);
  }
  await syncFolder(packs.catalogue.folder);
  const small = left.filter(({ needed }) => needed < SMALL_PAGES);
  const sparse = left.filter(
    ({ pack, needed }) =>
      needed * 2 < pack.index.pages || (needed < SMALL_PAGES && small.length >= SMALL_PACKS),
  );
  let moved = 0;
  return {
    freed,
    sparse: sparse.filter(({ needed }) => (moved += needed) <= MAX_PAGES).map(({ pack }) => pack),
  };
}

/** What is needed of the packs, in a new one. None: it can't be written or read now. */
async function copyOf<Context>(shelves: Shelves<Context>, sparse: Pack[]): Promise<NewPack | undefined> {
  const { packs } = shelves;
  const needs = await look(shelves);
  if (!needs) return undefined;
  const keys: PageKey[] = [];
  for (const pack of sparse) {
    const slots = needs.slots.get(pack) ?? new Uint8Array();
    for (const [slot, needed] of slots.entries()) if (needed) keys.push(keyAt(pack.index.hashes, slot));
  }
  if (keys.length === 0) return undefined;
  let writer: PackWriter | undefined;
  try {
    writer = packs.writer();
    const wanted: Wanted = {
      length: keys.length,
      key: entry => keys[entry] as PageKey,
      pages: keys.map(() => -1),
    };
    for await (const pages of fetchPages(packs.catalogue, wanted, 'what is to be moved')) {
      for (const { key, bytes } of pages) writer.add(key, bytes);
      await writer.drained();
    }
    const copy = await packs.complete(writer);
    if (!writer.full) return copy;
    await packs.discard(copy);
  } catch (thrown) {
    await writer?.discard();
    // What was freed is freed: a full disk or a damaged pack is for those to hear of who need them.
    if (!['STATE_CORRUPT', 'STORAGE_FULL'].includes(V3Error.from(thrown).code)) throw thrown;
  }
  return undefined;
}

/** The copy takes the place of those packs of which it has all that is needed now. */
async function replace<Context>(
  shelves: Shelves<Context>,
  sparse: Pack[],
  copy: NewPack,
  context: Context,
): Promise<number> {
  const { packs } = shelves;
  const needs = await look(shelves);
  if (!needs) return 0;
  const covered = sparse.filter(pack => {
    if (packs.catalogue.packs.get(pack.name) !== pack || needs.suspects.has(pack)) return false;
    const slots = needs.slots.get(pack) ?? new Uint8Array();
    return slots.every((needed, slot) => !needed || copy.writer.keys.has(keyAt(pack.index.hashes, slot)));
  });
  if (covered.length === 0) return 0;
  await packs.publish(copy);
  await shelves.confirm(context);
  let freed = -(copy.index.packBytes + copy.index.bytes);
  for (const pack of covered) freed += await packs.remove(pack);
  await syncFolder(packs.catalogue.folder);
  return freed;
}

/** None: a pack was found to be damaged meanwhile, so that pages are elsewhere now. */
async function look<Context>({ packs, checkpoints }: Shelves<Context>): Promise<Needs | undefined> {
  const { catalogue } = packs;
  await catalogue.refresh();
  const { flaws } = catalogue;
  const needs: Needs = { slots: new Map(), suspects: new Set(), lost: 0 };
  for (const digest of await checkpoints.list()) {
    const read = await checkpoints.read(digest).catch(async thrown => {
      // Without the lock one may go at any time.
      if ((await checkpoints.bytes(digest)) !== undefined) throw thrown;
    });
    if (!read) continue;
    const { table } = read.manifest;
    await sliced(table.length, SLICE, entry => {
      const key = table.key(entry);
      const place = catalogue.find(key);
      if (!place) {
        needs.lost++;
        for (const { pack } of catalogue.suspects(key)) needs.suspects.add(pack);
        return;
      }
      let slots = needs.slots.get(place.pack);
      if (!slots) needs.slots.set(place.pack, (slots = new Uint8Array(place.pack.index.pages)));
      slots[place.slot] = 1;
    });
  }
  return catalogue.flaws === flaws ? needs : undefined;
}

const count = (slots: Uint8Array | undefined): number => slots?.reduce((sum, needed) => sum + needed, 0) ?? 0;
