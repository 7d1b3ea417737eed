import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PageStore } from './page-store';
import {
  bytesBelow,
  equal,
  PAGES_PER_MIB,
  range,
  stateOf,
  temporaryFolders,
  tree,
} from './testing/states.fixture';

const folders = temporaryFolders();
let folder: string;
let store: PageStore;
beforeEach(async () => {
  folder = await folders.make();
  store = await PageStore.open({ folder, owner: 'alpha' });
});

const another = () => PageStore.open({ folder, owner: 'beta' });
const whole = (pages: number) => ({ pages, damagedPages: 0, damage: [] });
const packs = async () => (await readdir(join(folder, 'packs'))).filter(name => name.endsWith('.pack'));

describe('a checkpoint', () => {
  it('is read back as it was, by another process too', async () => {
    const state = stateOf([0, 0, ...range(300), 0, 7], { memoryMiB: 4, nicCount: 3 });
    const written = await store.write(state);
    expect(written).toMatchObject({
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      pages: 301,
      newPages: 300,
    });
    expect(equal(await store.read(written.digest), state)).toBe(true);
    expect(equal(await (await another()).read(written.digest), state)).toBe(true);
    expect(await store.verify(written.digest)).toEqual(whole(301));
    expect(await store.list()).toEqual([written.digest]);
    expect((await store.read(written.digest)).memory.buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  it.each([
    ['nothing but zeros', stateOf([], { memoryMiB: 1 })],
    ['no devices', stateOf(range(3), { devices: new Uint8Array() })],
    ['its last page alone', stateOf([...Array<number>(PAGES_PER_MIB - 1).fill(0), 5])],
    ['every page the same', stateOf(Array<number>(PAGES_PER_MIB).fill(9))],
    ['a page more than a group', stateOf(range(33))],
  ])('may have %s', async (_, state) => {
    const { digest } = await store.write(state);
    expect(equal(await store.read(digest), state)).toBe(true);
    expect(equal(await (await another()).read(digest), state)).toBe(true);
  });

  it('costs what is new in it, whoever wrote the rest', async () => {
    const first = await store.write(stateOf(range(250)));
    expect(first.storedBytes).toBe(await bytesBelow(folder));
    const second = await (await another()).write(stateOf([...range(245), ...range(5, 1000)]));
    expect(second).toMatchObject({ pages: 250, newPages: 5 });
    expect(first.storedBytes + second.storedBytes).toBe(await bytesBelow(folder));
    expect(second.storedBytes).toBeLessThan(first.storedBytes / 10);
    expect(await store.stats()).toEqual({
      checkpoints: 2,
      pages: 255,
      storedBytes: await bytesBelow(folder),
      referencedBytes: 500 * 4096,
      quotaBytes: null,
    });
  });

  it('that is there already costs nothing', async () => {
    const { digest } = await store.write(stateOf(range(10)));
    const before = await tree(folder);
    expect(await store.write(stateOf(range(10)))).toEqual({ digest, pages: 10, newPages: 0, storedBytes: 0 });
    expect(await tree(folder)).toEqual(before);
  });

  it('of another device state or engine is another one', async () => {
    const digests = new Set<string>();
    for (const change of [
      {},
      { nicCount: 2 },
      { engineVersion: 'v86 1' },
      { devices: Uint8Array.of(1) },
      { format: 2 },
    ]) {
      digests.add((await store.write(stateOf(range(3), change))).digest);
    }
    expect(digests.size).toBe(5);
    expect(await store.stats()).toMatchObject({ checkpoints: 5, pages: 3 });
  });

  it('that nobody has is told from one that is damaged', async () => {
    for (const name of ['../../etc/passwd', '', 'A'.repeat(64), '0'.repeat(64)]) {
      await expect(store.read(name)).rejects.toMatchObject({ code: 'STATE_CORRUPT' });
    }
    const { digest } = await store.write(stateOf(range(3)));
    const path = join(folder, 'checkpoints', digest);
    const content = await readFile(path);
    for (const damaged of [Buffer.alloc(0), content.subarray(0, -16), Buffer.concat([content, content])]) {
      await writeFile(path, damaged);
      await expect(store.read(digest)).rejects.toMatchObject({
        code: 'STATE_CORRUPT',
        message: expect.stringContaining('was changed'),
      });
    }
    await writeFile(path, content);
    expect(await store.verify(digest)).toEqual(whole(3));
  });

  it('becomes one with its reference, or not at all', async () => {
    const kept = await store.write(stateOf(range(20)));
    const before = await tree(folder);
    const staged = await store.stage(stateOf(range(40)));
    await expect(staged.commit(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await tree(folder)).toEqual(before);
    await (await store.stage(stateOf(range(40)))).discard();
    expect(await tree(folder)).toEqual(before);
    // A state that was there before stays when another reference to it fails.
    const again = await store.stage(stateOf(range(20)));
    await expect(again.commit(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await store.verify(kept.digest)).toEqual(whole(20));
  });
});

describe('a checkpoint that differs from a base in some pages', () => {
  const base = stateOf([...range(200), 0, 0, 7], { memoryMiB: 2 });
  const page = (content: number) => stateOf([content]).memory.subarray(0, 4096);
  const { memory, ...head } = base;
  const changes = new Map([
    [3, page(900)],
    [4, page(0)],
    [201, page(901)],
    [202, page(7)],
    [511, page(902)],
  ]);
  const contents = [...range(200), 0, 0, 7];
  Object.assign(contents, { 3: 900, 4: 0, 201: 901, 511: 902 });
  const changed = stateOf(contents, { memoryMiB: 2, devices: base.devices });

  it('is the same as one of all its memory', async () => {
    const cut = await store.write({ ...head, base: memory, changes });
    expect(equal(await store.read(cut.digest), changed)).toBe(true);
    expect(await store.write(changed)).toMatchObject({ digest: cut.digest, newPages: 0 });
  });

  it('costs what differs', async () => {
    const first = await store.write(base);
    const cut = await store.write({ ...head, base: memory, changes });
    expect(cut).toMatchObject({ pages: 202, newPages: 3 });
    expect(cut.storedBytes).toBeLessThan(first.storedBytes / 10);
    expect(await store.usage(cut.digest)).toMatchObject({ uniquePages: 3, sharedPages: 198 });
  });

  it('is read with the help of the base, or of another one', async () => {
    const { digest } = await store.write({ ...head, base: memory, changes });
    const other = stateOf(range(600), { memoryMiB: 3 });
    for (const known of [
      memory,
      changed.memory,
      stateOf([0, 0, 9, ...range(300, 5)], { memoryMiB: 2 }).memory,
      other.memory,
    ]) {
      expect(equal(await (await another()).read(digest, known), changed)).toBe(true);
    }
    // What the base has is not read.
    for (const pack of await packs()) await rm(join(folder, 'packs', pack));
    expect(equal(await (await another()).read(digest, changed.memory), changed)).toBe(true);
    await expect((await another()).read(digest, memory)).rejects.toMatchObject({ code: 'STATE_CORRUPT' });
  });

  it('begins from zeros without a base', async () => {
    const { digest } = await store.write({ ...head, base: undefined, changes });
    const alone = stateOf(Object.assign([], { 3: 900, 201: 901, 202: 7, 511: 902 }) as number[], {
      ...{ memoryMiB: 2, devices: base.devices },
    });
    expect(equal(await store.read(digest), alone)).toBe(true);
  });

  it('is stored again when the base goes from the store meanwhile', async () => {
    const { digest } = await store.write(base);
    const staged = await store.stage({ ...head, base: memory, changes });
    await store.remove(digest);
    await store.collect();
    await staged.commit();
    expect(equal(await (await another()).read(staged.digest), changed)).toBe(true);
  });
});

describe('the usage of a checkpoint', () => {
  it('is what it has for itself, and what others have, too', async () => {
    const one = await store.write(stateOf(range(100)));
    const alone = await store.usage(one.digest);
    expect(alone).toMatchObject({ uniquePages: 100, sharedPages: 0, sharedBytes: 0 });
    const two = await store.write(stateOf([...range(80), ...range(30, 500), 500]));
    const both = await store.usage(two.digest);
    expect(both).toMatchObject({ uniquePages: 30, sharedPages: 80 });
    expect(await (await another()).usage(one.digest)).toMatchObject({ uniquePages: 20, sharedPages: 80 });
    // Packs and checkpoints are all that there is, but for the indices.
    const indices = await Promise.all(
      (await readdir(join(folder, 'packs')))
        .filter(name => name.endsWith('.idx'))
        .map(async name => (await readFile(join(folder, 'packs', name))).length + 8),
    );
    const { uniqueBytes } = await store.usage(one.digest);
    const sum =
      uniqueBytes + both.uniqueBytes + both.sharedBytes + indices.reduce((all, each) => all + each, 0);
    expect(Math.abs(sum - (await bytesBelow(folder)))).toBeLessThan(10);
  });
});

it('twenty clones that went on for a while have most of their pages in common on disk', async () => {
  const memory = range(1000);
  const first = await store.write(stateOf(memory));
  for (let clone = 0; clone < 20; clone++) {
    const own = [...memory];
    for (let n = 0; n < 50; n++) own[(clone * 37 + n * 19) % own.length] = 10_000 + clone * 50 + n;
    await store.write(stateOf(own));
  }
  const { pages, checkpoints, storedBytes } = await store.stats();
  expect([checkpoints, pages]).toEqual([21, 2000]);
  expect(storedBytes).toBeLessThan(3 * first.storedBytes);
});

describe('what is removed', () => {
  it('leaves what others need, and no more', async () => {
    const one = await store.write(stateOf(range(200)));
    const two = await store.write(stateOf([...range(190), ...range(30, 500)]));
    expect(await store.remove(one.digest)).toBe(true);
    expect(await store.remove(one.digest)).toBe(false);
    expect(await store.collect()).toBe(0);
    expect(await store.verify(two.digest)).toEqual(whole(220));
    await store.remove(two.digest);
    const before = await bytesBelow(folder);
    expect(await store.collect()).toBe(before);
    expect(await bytesBelow(folder)).toBe(0);
    expect(await store.stats()).toEqual({
      ...{ checkpoints: 0, pages: 0, storedBytes: 0, referencedBytes: 0, quotaBytes: null },
    });
  });

  it('frees half-empty packs by writing the rest anew', async () => {
    const one = await store.write(stateOf(range(200)));
    const state = stateOf(range(60));
    const two = await store.write(state);
    const other = await another();
    await store.remove(one.digest);
    const before = await bytesBelow(folder);
    const freed = await store.collect();
    expect(freed).toBeGreaterThan(0);
    expect(await bytesBelow(folder)).toBe(before - freed);
    expect(await store.stats()).toMatchObject({ checkpoints: 1, pages: 60 });
    for (const each of [store, other]) expect(equal(await each.read(two.digest), state)).toBe(true);
    expect(await store.collect()).toBe(0);
  });

  it('does not end in many small packs', async () => {
    const state = (n: number) => stateOf([...range(100), ...range(n, 1000)]);
    let last = await store.write(state(0));
    for (let n = 1; n <= 40; n++) {
      const next = await store.write(state(n));
      await store.remove(last.digest);
      await store.collect();
      last = next;
      expect((await packs()).length).toBeLessThan(17);
    }
    expect(equal(await (await another()).read(last.digest), state(40))).toBe(true);
  });

  it('stays while it is kept', async () => {
    const { digest } = await store.write(stateOf(range(3)));
    expect(await store.remove(digest, async () => true)).toBe(false);
    expect(await store.verify(digest)).toEqual(whole(3));
    expect(await store.remove(digest, async () => false)).toBe(true);
  });

  it('was in use by a writer, which then stores it again', async () => {
    const old = await store.write(stateOf(range(100)));
    const state = stateOf([...range(50), ...range(10, 700)]);
    const staged = await store.stage(state);
    await store.remove(old.digest);
    await (await another()).collect();
    expect(await packs()).toEqual([]);
    const written = await staged.commit();
    expect(written.newPages).toBe(60);
    expect(equal(await (await another()).read(written.digest), state)).toBe(true);
    expect(written.storedBytes).toBe(await bytesBelow(folder));
  });

  it('is what an unreadable checkpoint may need, so nothing is', async () => {
    const one = await store.write(stateOf(range(10)));
    const two = await store.write(stateOf(range(10, 100)));
    await store.remove(one.digest);
    await truncate(join(folder, 'checkpoints', two.digest), 100);
    await expect(store.collect()).rejects.toMatchObject({
      code: 'STATE_CORRUPT',
      message: expect.stringContaining(two.digest),
    });
    await store.remove(two.digest);
    await store.collect();
    expect(await bytesBelow(folder)).toBe(0);
  });
});

describe('a pack', () => {
  /** Two checkpoints that share no page, and the name of the first one's pack. */
  async function twoPacks() {
    const first = await store.write(stateOf(range(100)));
    const [name] = await packs();
    const second = await store.write(stateOf(range(100, 1000)));
    return { first, second, name: name!.replace('.pack', ''), path: join(folder, 'packs', name!) };
  }

  /** Damage of the first pack, how it is told, and how many pages it costs. */
  const damages: [string, (path: string) => Promise<void>, string, number][] = [
    ['is missing', path => rm(path), 'is missing', 100],
    ['is too short', path => truncate(path, 5000), 'has 5000 bytes', 100],
    ['is damaged', path => flip(path, 20_000), 'is damaged in', 32],
  ];
  async function flip(path: string, at: number): Promise<void> {
    const bytes = await readFile(path);
    bytes[at]! ^= 0x10;
    await writeFile(path, bytes);
  }

  it.each(damages)('that %s is named with the page, to those who need it', async (_, damage, words, lost) => {
    const { first, second, name, path } = await twoPacks();
    await damage(path);
    const named = expect.stringMatching(
      new RegExp(`page \\d+ .*${first.digest}.*pack ${name} ${words}`),
    ) as string;
    for (const each of [store, await another()]) {
      await expect(each.read(first.digest)).rejects.toMatchObject({ code: 'STATE_CORRUPT', message: named });
      const verified = await each.verify(first.digest);
      expect(verified.damage).toEqual(Array(20).fill(named));
      expect(verified).toMatchObject({ pages: 100 - lost, damagedPages: lost });
      expect(await each.verify(second.digest)).toEqual(whole(100));
    }
  });

  it.each(damages)(
    'that %s is not relied on by those who write after that',
    async (_, damage, _words, lost) => {
      const { first, path } = await twoPacks();
      await damage(path);
      expect(await store.verify(first.digest)).toMatchObject({ damagedPages: lost });
      const later = await store.write(stateOf([...range(100), 5000]));
      expect(later.newPages).toBe(lost + 1);
      expect(await store.verify(later.digest)).toEqual(whole(101));
      // The same pages: so the first one is whole again.
      expect(equal(await store.read(first.digest), stateOf(range(100)))).toBe(true);
    },
  );

  it('that is damaged in one place is whole in all others', async () => {
    const { first, path } = await twoPacks();
    const one = await store.write(stateOf(range(32, 33)));
    await flip(path, 20_000);
    expect(await store.verify(first.digest)).toMatchObject({ pages: 68, damagedPages: 32 });
    const found = [await store.verify(one.digest), await (await another()).verify(one.digest)];
    // Its pages are a group of the same pack; the damage is in another one.
    expect(found).toEqual([whole(32), whole(32)]);
    // What is read of the others is theirs, and what is collected, too.
    await store.remove(first.digest);
    await store.collect();
    expect(equal(await store.read(one.digest), stateOf(range(32, 33)))).toBe(true);
  });

  it.each(damages)('that %s goes on when it is put back', async (_, damage, _words, lost) => {
    const { first, path } = await twoPacks();
    const bytes = await readFile(path);
    await damage(path);
    expect(await store.verify(first.digest)).toMatchObject({ damagedPages: lost });
    await store.collect();
    await writeFile(path, bytes);
    expect(await store.verify(first.digest)).toEqual(whole(100));
  });

  it('whose index is damaged or missing is named, and kept while somebody needs it', async () => {
    const { first, name, path } = await twoPacks();
    const index = path.replace('.pack', '.idx');
    const bytes = await readFile(index);
    await flip(index, 500);
    let other = await another();
    await expect(other.read(first.digest)).rejects.toMatchObject({
      code: 'STATE_CORRUPT',
      message: expect.stringMatching(new RegExp(`page 0 .*pack ${name} .*index`)),
    });
    await other.collect();
    await rm(index);
    other = await another();
    await expect(other.read(first.digest)).rejects.toMatchObject({
      message: expect.stringContaining(`pack ${name} can't be used: it has no index`),
    });
    await other.collect();
    await writeFile(index, bytes);
    expect(await other.verify(first.digest)).toEqual(whole(100));
    await rm(index);
    await other.remove(first.digest);
    await other.collect();
    expect(await packs()).toHaveLength(1);
  });
});

describe('a quota', () => {
  it('is kept, and what does not fit leaves nothing behind', async () => {
    const first = await store.write(stateOf(range(100)));
    const quotaBytes = first.storedBytes + 100_000;
    const bounded = await PageStore.open({ folder, owner: 'beta', quotaBytes });
    const before = await tree(folder);
    await expect(bounded.write(stateOf(range(200, 1000)))).rejects.toMatchObject({
      code: 'STORAGE_FULL',
      message: expect.stringMatching(/needs 0\.4 MiB, and 0\.1 MiB of the quota of 0\.3 MiB are free/),
    });
    expect(await tree(folder)).toEqual(before);
    const small = await bounded.write(stateOf([...range(100), ...range(20, 1000)]));
    expect(small.storedBytes).toBeLessThan(100_000);
    expect(await bounded.verify(small.digest)).toEqual(whole(120));
  });

  it('does not bound what must be kept', async () => {
    const bounded = await PageStore.open({ folder, owner: 'beta', quotaBytes: 1000 });
    await expect(bounded.write(stateOf(range(10)))).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    const { digest } = await bounded.write(stateOf(range(10)), { beyondQuota: true });
    expect(await bounded.verify(digest)).toEqual(whole(10));
    await expect(bounded.write(stateOf(range(11)))).rejects.toMatchObject({
      message: expect.stringMatching(/0\.0 MiB of the quota of 0\.0 MiB are free \(0\.\d MiB are used\)/),
    });
  });

  it('counts what another process stored while a state was being written', async () => {
    const quotaBytes = 300_000;
    const bounded = await PageStore.open({ folder, owner: 'beta', quotaBytes });
    const staged = await bounded.stage(stateOf(range(100, 1000)));
    await store.write(stateOf(range(100)));
    const before = await bytesBelow(join(folder, 'packs'));
    await expect(staged.commit()).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    expect(await bytesBelow(join(folder, 'packs'))).toBe(before);
    expect(await readdir(join(folder, 'incoming'))).toEqual([]);
  });
});

it('sweeps what its owner left unfinished, and that alone', async () => {
  const incoming = join(folder, 'incoming');
  for (const name of ['alpha.1.pack', 'alpha.2.checkpoint', 'beta.1.pack'])
    await writeFile(join(incoming, name), 'x');
  await PageStore.open({ folder, owner: 'alpha' });
  expect(await readdir(incoming)).toEqual(['beta.1.pack']);
});

it('does not hold up the event loop while it writes and reads', async () => {
  const state = stateOf(range(8 * PAGES_PER_MIB));
  let turns = 0;
  let going = true;
  const count = () => {
    turns++;
    if (going) setImmediate(count);
  };
  count();
  const { digest } = await store.write(state);
  const writing = turns;
  await store.read(digest);
  going = false;
  // One at least for each slice that is hashed, and for each group that is inflated.
  expect(writing).toBeGreaterThan((8 * PAGES_PER_MIB) / 64);
  expect(turns - writing).toBeGreaterThan((8 * PAGES_PER_MIB) / 64);
});
