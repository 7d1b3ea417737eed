import { readdir, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { MAX_LABEL_BYTES } from './export-file';
import { PageStore } from './page-store';
import {
  damaged,
  pack,
  putTogether,
  takeApart,
  unpack,
  withHeader,
  type ExportParts,
} from './testing/exports.fixture';
import {
  drain,
  equal,
  random,
  range,
  stateOf,
  stream,
  temporaryFolders,
  tree,
} from './testing/states.fixture';

const huge = 0xffff_ffff;
const folders = temporaryFolders();
const state = stateOf([...range(50), 0, 0, ...range(20)], { memoryMiB: 2 });
const label = Buffer.from('{"name":"before"}');
let folder: string;
let home: string;
let source: PageStore;
let target: PageStore;
let digest: string;
let file: Buffer;
beforeEach(async () => {
  home = await folders.make();
  source = await PageStore.open({ folder: home, owner: 'alpha' });
  ({ digest } = await source.write(state));
  file = await drain(source.exportTo(digest, label));
  folder = await folders.make();
  target = await PageStore.open({ folder, owner: 'beta' });
});

async function refused(bytes: Buffer, message: string | RegExp = ''): Promise<void> {
  const before = await tree(folder);
  await expect(target.importFrom(stream(bytes))).rejects.toMatchObject({
    code: 'STATE_INVALID',
    message: typeof message === 'string' ? expect.stringContaining(message) : expect.stringMatching(message),
  });
  expect(await tree(folder)).toEqual(before);
}

describe('an export', () => {
  it.each([1, 7, 100_000, Infinity])(
    'is the same checkpoint in another store, in pieces of %d bytes',
    async piece => {
      const imported = await target.stageImport(stream(file, piece));
      expect(imported).toMatchObject({ memoryMiB: 2, nicCount: 1 });
      expect(imported.label.equals(label)).toBe(true);
      expect(await imported.staged.commit()).toMatchObject({ digest, pages: 70, newPages: 50 });
      expect(equal(await target.read(digest), state)).toBe(true);
      expect((await drain(target.exportTo(digest, label))).equals(file)).toBe(true);
    },
  );

  it('brings only what is not there yet', async () => {
    await target.write(stateOf(range(45)));
    const { staged } = await target.stageImport(stream(file));
    expect(await staged.commit()).toMatchObject({ newPages: 5 });
    expect(equal(await target.read(digest), state)).toBe(true);
  });

  it('has each page once, and a label of its own length only', async () => {
    const { groups } = takeApart(file);
    expect(Buffer.concat(groups.map(unpack)).length).toBe(50 * 4096);
    await expect(drain(source.exportTo(digest, Buffer.alloc(MAX_LABEL_BYTES + 1)))).rejects.toThrow('label');
  });

  it('ends with an error when a page is damaged, and can not be imported then', async () => {
    const [name] = (await readdir(join(home, 'packs'))).filter(each => each.endsWith('.pack'));
    await truncate(join(home, 'packs', name!), 30_000);
    const parts: Buffer[] = [];
    const reading = (async () => {
      for await (const part of source.exportTo(digest)) parts.push(part);
    })();
    await expect(reading).rejects.toMatchObject({ code: 'STATE_CORRUPT' });
    await refused(Buffer.concat(parts), 'it ends early');
  });

  it('of a machine with no pages at all works, too', async () => {
    const empty = stateOf([], { memoryMiB: 1 });
    const written = await source.write(empty);
    expect(await target.importFrom(stream(await drain(source.exportTo(written.digest))))).toBe(
      written.digest,
    );
    expect(equal(await target.read(written.digest), empty)).toBe(true);
  });
});

describe('an import', () => {
  it('refuses a file that ends early, wherever', async () => {
    const { label: begin, manifest } = takeApart(file);
    const interesting = [
      0,
      4,
      8,
      10,
      12 + begin.length,
      20 + begin.length + manifest.length,
      file.length - 33,
    ];
    for (const length of [...interesting, file.length >> 1, file.length - 1]) {
      await refused(file.subarray(0, length), 'it ends early');
    }
  });

  const changes: [string, (parts: ExportParts) => Partial<ExportParts>, RegExp][] = [
    [
      'absurd memory',
      ({ manifest }) => ({ manifest: withHeader(manifest, { memoryMiB: 1 << 20 }) }),
      /no machine can be/,
    ],
    [
      'no memory',
      ({ manifest }) => ({ manifest: withHeader(manifest, { memoryMiB: 0 }) }),
      /no machine can be/,
    ],
    [
      'half a MiB of memory',
      ({ manifest }) => ({ manifest: withHeader(manifest, { memoryMiB: 0.5 }) }),
      /no machine can be/,
    ],
    [
      'less memory than pages',
      ({ manifest }) => ({ manifest: withHeader(manifest, { memoryMiB: 1 }) }),
      /pages are in use|cut off/,
    ],
    [
      'more memory than its map',
      ({ manifest }) => ({ manifest: withHeader(manifest, { memoryMiB: 1024 }) }),
      /cut off/,
    ],
    [
      'absurd devices',
      ({ manifest }) => ({ manifest: withHeader(manifest, { devicesLength: huge }) }),
      /no machine can be/,
    ],
    [
      'fewer devices',
      ({ manifest }) => ({ manifest: withHeader(manifest, { devicesLength: 10 }) }),
      /larger than|devices/i,
    ],
    [
      'more devices',
      ({ manifest }) => ({ manifest: withHeader(manifest, { devicesLength: 10_000 }) }),
      /3000 bytes, not 10000/,
    ],
    [
      'no engine',
      ({ manifest }) => ({ manifest: withHeader(manifest, { engineVersion: null }) }),
      /no machine can be/,
    ],
    ['a manifest of nothing', () => ({ manifest: Buffer.alloc(0) }), /does not begin/],
    ['one page more in its map', ({ manifest }) => ({ manifest: withBit(manifest) }), /71 pages are in use/],
    ['a hash too few', ({ manifest }) => ({ manifest: manifest.subarray(0, -16) }), /69 hashes/],
    [
      'another hash',
      ({ manifest }) => ({ manifest: withLastByte(manifest) }),
      /belongs to another state|are not in it/,
    ],
    ['a group too few', ({ groups }) => ({ groups: groups.slice(1) }), /32 pages are not in it/],
    ['a group twice', ({ groups }) => ({ groups: [...groups, groups[0]!] }), /came twice/],
    [
      'a page of another state',
      ({ groups }) => ({ groups: [...groups, pack(Buffer.alloc(4096, 3))] }),
      /another state/,
    ],
    [
      'half a page',
      ({ groups }) => ({ groups: [pack(unpack(groups[0]!).subarray(0, 6000))] }),
      /does not consist of pages/,
    ],
    [
      'a group that is no deflate',
      () => ({ groups: [Buffer.alloc(100, 0xff)] }),
      /group of pages is damaged/,
    ],
    [
      'a group that inflates to very much',
      () => ({ groups: [pack(Buffer.alloc(40 << 20))] }),
      /group of pages is damaged/,
    ],
    [
      'a group that is too long',
      () => ({ groups: [Buffer.alloc(1 << 20)] }),
      /a group of pages has 1048576 bytes/,
    ],
    ['a label that is too long', () => ({ label: Buffer.alloc(MAX_LABEL_BYTES + 1) }), /its label has/],
    ['something after its end', () => ({ rest: Buffer.from('x') }), /after its end/],
  ];
  it.each(changes)('refuses %s', async (_, change, message) => {
    const parts = takeApart(file);
    await refused(putTogether({ ...parts, ...change(parts) }), message);
  });

  it('refuses devices that inflate to very much', async () => {
    const { manifest, ...rest } = takeApart(file);
    const bomb = pack(Buffer.alloc(63 << 20));
    const header = JSON.parse(manifest.toString('utf8', 12, 12 + manifest.readUInt32LE(8))) as {
      packedLength: number;
    };
    const begin = 12 + manifest.readUInt32LE(8);
    const swapped = Buffer.concat([
      manifest.subarray(0, begin),
      bomb,
      manifest.subarray(begin + header.packedLength),
    ]);
    const lying = withHeader(swapped, { packedLength: bomb.length });
    await refused(putTogether({ ...rest, manifest: lying }));
  });

  it.each([huge, (64 << 20) + (8 << 20) + 1])(
    'takes no memory for a part that says it has %d bytes',
    async length => {
      const bytes = Buffer.from(file);
      bytes.writeUInt32LE(length, 8 + 4 + label.length);
      await refused(bytes, 'its list of pages has');
    },
  );

  it('refuses whatever damage chance does to it', async () => {
    const next = random(7);
    for (let n = 0; n < 150; n++) {
      const bytes = damaged(file, next);
      if (!bytes.equals(file)) await refused(bytes);
    }
    expect(await target.importFrom(stream(file))).toBe(digest);
  });

  it('that breaks off leaves nothing behind', async () => {
    const before = await tree(folder);
    let ended = false;
    const source = async function* () {
      try {
        yield file.subarray(0, -100);
        throw new Error('the line is dead');
      } finally {
        ended = true;
      }
    };
    await expect(target.importFrom(source())).rejects.toThrow('the line is dead');
    expect(ended).toBe(true);
    expect(await tree(folder)).toEqual(before);
    expect(await readdir(join(folder, 'incoming'))).toEqual([]);
  });

  it('is bounded by the quota', async () => {
    const bounded = await PageStore.open({ folder, owner: 'beta', quotaBytes: 50_000 });
    await expect(bounded.importFrom(stream(file))).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    expect(await tree(folder)).toEqual({});
  });

  it('says so when what it relied on was removed meanwhile', async () => {
    const { digest: other } = await target.write(stateOf(range(45)));
    const { staged } = await target.stageImport(stream(file));
    await target.remove(other);
    await target.collect();
    await expect(staged.commit()).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    expect(await tree(folder)).toEqual({});
    expect(await target.importFrom(stream(file))).toBe(digest);
  });
});

/** Of a page that is zero. */
function withBit(manifest: Buffer): Buffer {
  const header = JSON.parse(manifest.toString('utf8', 12, 12 + manifest.readUInt32LE(8))) as {
    packedLength: number;
  };
  const changed = Buffer.from(manifest);
  changed[12 + manifest.readUInt32LE(8) + header.packedLength + 40]! |= 1;
  return changed;
}

function withLastByte(manifest: Buffer): Buffer {
  const changed = Buffer.from(manifest);
  changed[changed.length - 1]! ^= 1;
  return changed;
}
