import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { MachineState } from './manifest';
import { PageStore } from './page-store';
import { Cut, Disk, losses, type Loss } from './testing/disk.fixture';
import {
  bytesBelow,
  drain,
  equal,
  range,
  stateOf,
  stream,
  temporaryFolders,
  tree,
} from './testing/states.fixture';

const folders = temporaryFolders();
afterEach(() => jest.restoreAllMocks());

const open = (folder: string) => PageStore.open({ folder, owner: 'alpha' });

const old = stateOf(range(150));
const kept = stateOf([...range(60), ...range(20, 300)]);
const fresh = stateOf([...range(70), ...range(40, 600)]);

/** What is done while the disk is cut off, and which states must be there before and after. */
interface Scenario {
  before: MachineState[];
  work: (store: PageStore, digests: string[]) => Promise<unknown>;
  /** What must be there when it was cut off, and what when it was not. */
  always: MachineState[];
  done: MachineState[];
}
let exported: Buffer;
beforeAll(async () => {
  const store = await PageStore.open({ folder: await folders.make(), owner: 'other' });
  exported = await drain(store.exportTo((await store.write(fresh)).digest));
});

const scenarios: [string, Scenario][] = [
  ['a write', { before: [old, kept], work: store => store.write(fresh), always: [old, kept], done: [fresh] }],
  ['a first write', { before: [], work: store => store.write(fresh), always: [], done: [fresh] }],
  [
    'a write of what is there already',
    { before: [old, kept], work: store => store.write(kept), always: [old, kept], done: [] },
  ],
  [
    'an import',
    {
      before: [old, kept],
      work: store => store.importFrom(stream(exported)),
      always: [old, kept],
      done: [fresh],
    },
  ],
  [
    'a write whose reference fails',
    {
      before: [old],
      work: async store =>
        (await store.stage(fresh))
          .commit(() => Promise.reject(new Error('no')))
          .catch(thrown => {
            if ((thrown as Error).message !== 'no') throw thrown;
          }),
      always: [old],
      done: [],
    },
  ],
  [
    // Removes one pack, and moves less than half of another.
    'a removal and a collection',
    {
      before: [old, kept, fresh],
      work: async (store, [first, , last]) => {
        await store.remove(first as string);
        await store.remove(last as string);
        await store.collect();
      },
      always: [kept],
      done: [],
    },
  ],
];

async function setUp(states: MachineState[]): Promise<{ folder: string; digests: string[] }> {
  const folder = await folders.make();
  const store = await open(folder);
  const digests: string[] = [];
  for (const state of states) digests.push((await store.write(state)).digest);
  return { folder, digests };
}

describe.each(scenarios)('%s', (_, { before, work, always, done }) => {
  it.each(losses)('that is cut off at any operation leaves a whole store (%s)', async (loss: Loss) => {
    const base = await setUp(before);
    let cuts = 0;
    for (let cutAt = 1, finished = false; !finished; cutAt++) {
      const folder = await folders.copy(base.folder);
      const disk = new Disk(folder, await folders.make());
      disk.cutAt = cutAt;
      finished = await open(folder)
        .then(store => work(store, base.digests))
        .then(
          () => true,
          thrown => {
            if (causes(thrown).some(cause => cause instanceof Cut) || disk.operations >= cutAt) return false;
            throw thrown;
          },
        );
      await disk.restart(loss);
      await requireWhole(folder, finished ? [...always, ...done] : always);
      cuts = cutAt;
    }
    expect(cuts).toBeGreaterThan(5);
  });
});

/** It opens; every checkpoint can be read; those are there; it can be written to; and nothing is left in the end. */
async function requireWhole(folder: string, expected: MachineState[]): Promise<void> {
  const store = await open(folder);
  expect(await readdir(join(folder, 'incoming'))).toEqual([]);
  for (const digest of await store.list()) await store.read(digest);
  await store.collect();
  const present = await Promise.all((await store.list()).map(digest => store.read(digest)));
  for (const state of expected) expect(present.some(found => equal(found, state))).toBe(true);
  const { digest } = await store.write(fresh);
  expect(equal(await (await open(folder)).read(digest), fresh)).toBe(true);
  for (const each of await store.list()) await store.remove(each);
  await store.collect();
  expect(await bytesBelow(folder)).toBe(0);
}

function causes(thrown: unknown): unknown[] {
  return thrown instanceof Error ? [thrown, ...causes(thrown.cause)] : [];
}

describe('a disk that is full at any operation', () => {
  it.each([
    ['a write', (store: PageStore) => store.write(fresh)],
    ['an import', (store: PageStore) => store.importFrom(stream(exported))],
  ])('ends %s, and leaves nothing behind', async (_, work) => {
    const base = await setUp([old, kept]);
    const before = await tree(base.folder);
    let failures = 0;
    for (let fullAt = 0, finished = false; !finished; fullAt++) {
      const folder = await folders.copy(base.folder);
      const store = await open(folder);
      const disk = new Disk(folder, await folders.make());
      disk.fullAt = fullAt;
      const outcome = await work(store).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      jest.restoreAllMocks();
      finished = outcome === undefined;
      if (finished) break;
      failures++;
      expect(outcome).toMatchObject({
        code: 'STORAGE_FULL',
        message: expect.stringMatching(/needs 0\.[12] MiB, and [\d.]+ MiB are free on the disk/),
      });
      expect(await tree(folder)).toEqual(before);
    }
    // The pack, its index, the checkpoint: each is made, written, synced and named.
    expect(failures).toBeGreaterThan(10);
  });

  it('does not keep a collection from freeing whole packs', async () => {
    const { folder, digests } = await setUp([old, kept]);
    const store = await open(folder);
    for (const digest of digests) await store.remove(digest);
    const disk = new Disk(folder, await folders.make());
    disk.fullAt = 0;
    expect(await store.collect()).toBeGreaterThan(0);
    jest.restoreAllMocks();
    expect(await bytesBelow(folder)).toBe(0);
  });
});
