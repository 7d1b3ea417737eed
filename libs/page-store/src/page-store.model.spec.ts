import type { MachineState } from './manifest';
import { PageStore } from './page-store';
import {
  bytesBelow,
  drain,
  equal,
  PAGES_PER_MIB,
  random,
  stateOf,
  stream,
  temporaryFolders,
} from './testing/states.fixture';

const folders = temporaryFolders();

/**
 * Two stores on one folder against a map: whatever is written, removed, collected, exported and imported, in whatever order,
 * each checkpoint of the map is what it was, and there is no other.
 */
it.each([1, 2, 3])('is a map from digests to states (seed %i)', async seed => {
  const next = random(seed);
  const folder = await folders.make();
  const stores = [
    await PageStore.open({ folder, owner: 'alpha' }),
    await PageStore.open({ folder, owner: 'beta' }),
  ] as const;
  const elsewhere = await PageStore.open({ folder: await folders.make(), owner: 'alpha' });
  const model = new Map<string, MachineState>();
  const anyOf = () => [...model.keys()][next(model.size)];
  const store = () => stores[next(2)] as PageStore;
  let contents: number[] = [];

  /** A machine goes on: some pages change, now and then all of them; some become zero. */
  const change = () => {
    if (next(8) === 0) contents = Array.from({ length: PAGES_PER_MIB }, () => next(3) && 1 + next(500));
    for (let n = next(40); n > 0; n--) contents[next(PAGES_PER_MIB)] = next(4) && 1 + next(500);
    return stateOf([...contents], { memoryMiB: 1, nicCount: next(3) });
  };
  const write = async () => {
    const state = change();
    const written = await store().write(state);
    expect(written.pages).toBe(contents.filter(content => content > 0).length);
    model.set(written.digest, state);
  };
  const remove = async () => {
    const digest = anyOf();
    if (digest === undefined) return;
    expect(await store().remove(digest)).toBe(true);
    model.delete(digest);
  };
  const transfer = async () => {
    const state = change();
    const { digest } = await elsewhere.write(state);
    expect(await store().importFrom(stream(await drain(elsewhere.exportTo(digest)), 1 + next(50_000)))).toBe(
      digest,
    );
    model.set(digest, state);
  };
  const collect = async () => {
    const before = await bytesBelow(folder);
    const freed = await store().collect();
    expect(await bytesBelow(folder)).toBe(before - freed);
  };
  const read = async () => {
    const digest = anyOf();
    if (digest !== undefined) expect(equal(await store().read(digest), model.get(digest)!)).toBe(true);
  };

  const steps = [write, write, write, remove, remove, collect, read, transfer];
  for (let step = 0; step < 60; step++) await steps[next(steps.length)]!();

  for (const each of [...stores, await PageStore.open({ folder, owner: 'gamma' })]) {
    expect(await each.list()).toEqual([...model.keys()].sort());
    for (const [digest, state] of model) expect(equal(await each.read(digest), state)).toBe(true);
  }
  await stores[0].collect();
  const { storedBytes, checkpoints } = await stores[0].stats();
  expect(storedBytes).toBe(await bytesBelow(folder));
  expect(checkpoints).toBe(model.size);
  for (const digest of model.keys()) await stores[1].remove(digest);
  await stores[1].collect();
  expect(await bytesBelow(folder)).toBe(0);
});

it('is one, too, for those who use it at the same time', async () => {
  const folder = await folders.make();
  const stores = await Promise.all(
    ['alpha', 'beta', 'gamma'].map(owner => PageStore.open({ folder, owner })),
  );
  const workers = stores.map(async (store, worker) => {
    const next = random(worker + 1);
    const contents = Array.from({ length: PAGES_PER_MIB }, () => 1 + next(300));
    const mine: { digest: string; state: MachineState }[] = [];
    for (let round = 0; round < 12; round++) {
      for (let n = 0; n < 30; n++) contents[next(PAGES_PER_MIB)] = 1 + next(300);
      const state = stateOf([...contents], { nicCount: worker });
      mine.push({ digest: (await store.write(state)).digest, state });
      if (mine.length > 2) await store.remove(mine.shift()!.digest);
      await store.collect();
      for (const { digest, state: saved } of mine) expect(equal(await store.read(digest), saved)).toBe(true);
    }
    return mine;
  });
  const left = (await Promise.all(workers)).flat();
  const store = await PageStore.open({ folder, owner: 'delta' });
  expect(await store.list()).toEqual(left.map(({ digest }) => digest).sort());
  for (const { digest, state } of left) expect(equal(await store.read(digest), state)).toBe(true);
});
