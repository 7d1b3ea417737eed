import { open, type FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import { inflateRaw } from 'node:zlib';
import type { Catalogue, Pack } from './catalogue';
import { corrupt, isMissing } from './failures';
import { GROUP_BYTES, GROUP_PAGES, hexOf, keyAt, keyOf, MAX_PAGES, PAGE_BYTES, type PageKey } from './page';
import { turn } from './sliced';

/** Groups that are read and inflated at a time: the size of libuv's thread pool. */
const PARALLEL = 4;

const inflate = promisify<Uint8Array, object, Buffer>(inflateRaw);

/** What is to be read: keys, and for messages which page of the memory each is. */
export interface Wanted {
  readonly length: number;
  key(entry: number): PageKey;
  readonly pages: ArrayLike<number>;
}

/** One page, for the entries that want it. Checked against its hash. */
export interface FetchedPage {
  entries: number[];
  key: PageKey;
  bytes: Buffer;
}

export type OnLost = (entry: number, why: string) => void;

interface Slot {
  slot: number;
  entries: number[];
}
/** What is wanted of one group of a pack. */
interface Request {
  pack: Pack;
  group: number;
  slots: Slot[];
}

/** A pack, or a group of one, that is not as its index says. */
class Flaw extends Error {
  constructor(
    readonly pack: Pack,
    readonly why: string,
    /** Of which alone it is known. */
    readonly group?: number,
  ) {
    super(why);
  }
}

/**
 * Reads pages, group by group in the order of the packs; each entry comes once. A pack that another process has removed
 * meanwhile is looked for again; one that is found to be damaged is condemned, and its pages are taken from elsewhere if
 * they are elsewhere.
 * @param what whose pages they are, for messages
 * @param onLost told of each page that can't be had, with words that name pack and page; none: the first one is thrown
 * @throws V3Error STATE_CORRUPT that names pack and page
 */
export async function* fetchPages(
  catalogue: Catalogue,
  wanted: Wanted,
  what: string,
  onLost: OnLost = (_, why) => {
    throw corrupt(why);
  },
): AsyncGenerator<FetchedPage[]> {
  const done = new Uint8Array(wanted.length);
  for (let left = wanted.length; left > 0;) {
    await catalogue.refresh();
    const requests = plan(catalogue, wanted, done, (entry, why) => {
      onLost(
        entry,
        `page ${wanted.pages[entry]} (${hexOf(wanted.key(entry))}) of ${what} can't be read: ${why}`,
      );
      done[entry] = 1;
      left--;
    });
    try {
      for await (const pages of readGroups(catalogue, requests)) {
        for (const { entries } of pages) {
          for (const entry of entries) done[entry] = 1;
          left -= entries.length;
        }
        yield pages;
      }
    } catch (thrown) {
      // Each turn of the loop either reads on or knows of one more pack that is gone or damaged.
      if (thrown instanceof Flaw) await catalogue.condemn(thrown.pack, thrown.why, thrown.group);
      else if (!isMissing(thrown)) throw thrown;
    }
  }
}

function plan(catalogue: Catalogue, wanted: Wanted, done: Uint8Array, onLost: OnLost): Request[] {
  const located: { pack: Pack; slot: number; entry: number }[] = [];
  for (let entry = 0; entry < wanted.length; entry++) {
    if (done[entry]) continue;
    const place = catalogue.find(wanted.key(entry));
    if (place) located.push({ ...place, entry });
    else onLost(entry, whyLost(catalogue, wanted.key(entry)));
  }
  const order = ({ pack, slot }: { pack: Pack; slot: number }) => pack.ordinal * MAX_PAGES + slot;
  located.sort((one, other) => order(one) - order(other));
  const requests: Request[] = [];
  for (const { pack, slot, entry } of located) {
    const group = Math.floor(slot / GROUP_PAGES);
    let request = requests.at(-1);
    if (request?.pack !== pack || request.group !== group) {
      requests.push((request = { pack, group, slots: [] }));
    }
    const last = request.slots.at(-1);
    if (last?.slot === slot) last.entries.push(entry);
    else request.slots.push({ slot, entries: [entry] });
  }
  return requests;
}

async function* readGroups(catalogue: Catalogue, requests: Request[]): AsyncGenerator<FetchedPage[]> {
  const files = new Map<Pack, FileHandle>();
  const under: Promise<FetchedPage[]>[] = [];
  try {
    // All at once: what is open can be read, even if it is removed meanwhile.
    for (const { pack } of requests) {
      if (!files.has(pack)) files.set(pack, await open(catalogue.path(pack.name, 'pack')));
    }
    for (const request of requests) {
      under.push(readGroup(files.get(request.pack) as FileHandle, request));
      under.at(-1)?.catch(() => undefined);
      if (under.length === PARALLEL) yield await (under.shift() as Promise<FetchedPage[]>);
    }
    while (under.length > 0) yield await (under.shift() as Promise<FetchedPage[]>);
  } finally {
    await Promise.allSettled(under);
    for (const file of files.values()) await file.close();
  }
}

async function readGroup(file: FileHandle, { pack, group, slots }: Request): Promise<FetchedPage[]> {
  const { position, length, pages } = pack.index.group(group);
  const packed = Buffer.alloc(length);
  const { bytesRead } = await file.read(packed, 0, length, position).catch((cause: Error) => {
    throw new Flaw(pack, `can't be read: ${cause.message}`, group);
  });
  if (bytesRead < length) throw new Flaw(pack, 'is truncated');
  const bytes = await inflateGroup(packed).catch((cause: Error) => {
    throw new Flaw(pack, `is damaged in group ${group}: ${cause.message}`, group);
  });
  if (bytes.length !== pages * PAGE_BYTES)
    throw new Flaw(pack, `is damaged in group ${group}: its length is wrong`, group);
  await turn();
  return slots.map(({ slot, entries }) => {
    const at = (slot % GROUP_PAGES) * PAGE_BYTES;
    const page = bytes.subarray(at, at + PAGE_BYTES);
    const key = keyAt(pack.index.hashes, slot);
    if (keyOf(page) !== key)
      throw new Flaw(pack, `is damaged in slot ${slot}: the page has another hash`, group);
    return { entries, key, bytes: page };
  });
}

/** At most a group's worth. @throws Error when it is more, or no raw deflate */
export const inflateGroup = (packed: Uint8Array): Promise<Buffer> =>
  inflate(packed, { chunkSize: GROUP_BYTES, maxOutputLength: GROUP_BYTES });

function whyLost(catalogue: Catalogue, key: PageKey): string {
  const [suspect] = catalogue.suspects(key);
  if (suspect) return `pack ${suspect.pack.name} ${suspect.why}`;
  const unreadable = [...catalogue.unreadable].map(([name, why]) => `; pack ${name} can't be used: ${why}`);
  return `it is in no pack${unreadable.join('')}`;
}
