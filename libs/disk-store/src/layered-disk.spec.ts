import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { random, TestFolder } from './testing/folder.fixture';

/** Not a multiple of a block. */
const BYTES = 40 * 4096 + 512;

let folder: TestFolder;
beforeEach(async () => void (folder = await TestFolder.make()));
afterEach(() => folder.remove());

describe('a disk', () => {
  it('is what an array is, over random writes, reads, new tops, merges, copies and reopening', async () => {
    const { disks } = folder;
    for (let seed = 1; seed <= 8; seed++) {
      const next = random(seed);
      const model = new Uint8Array(BYTES);
      let layers = [await disks.create(BYTES)];
      let disk = disks.open(layers, BYTES, false);
      for (let step = 0; step < 150; step++) {
        const offset = 512 * next(BYTES / 512);
        const length = Math.min(BYTES - offset, 512 * (1 + next(next(4) ? 8 : 40)));
        const what = next(12);
        if (what < 6) {
          const data = Uint8Array.from({ length }, () => next(256));
          disk.write(offset, data);
          model.set(data, offset);
        } else if (what === 6) {
          layers = [await disks.create(BYTES), ...layers];
          disk.become(disks.files(layers));
        } else if (what === 7 && layers.length > 2) {
          const at = 1 + next(layers.length - 2);
          await disks.merge(layers[at + 1]!, layers[at]!, BYTES);
          layers = layers.filter((_, i) => i !== at + 1);
          if (next(2)) disk.become(disks.files(layers));
        } else if (what === 8) {
          disk.flush();
          disk.close();
          if (next(2)) layers = [await disks.copy(layers[0]!, BYTES), ...layers.slice(1)];
          disk = disks.open(layers, BYTES, false);
        } else {
          const read = new Uint8Array(length).fill(0xee);
          disk.read(offset, read);
          expect(Buffer.compare(read, model.subarray(offset, offset + length))).toBe(0);
        }
      }
      disk.close();
    }
  });

  it('of a frozen layer is not changed by what is written above, and many share it', async () => {
    const { disks } = folder;
    const base = await disks.create(BYTES);
    const first = disks.open([base], BYTES, false);
    first.write(0, new Uint8Array(8192).fill(1));
    first.flush();
    const tops = await Promise.all([disks.create(BYTES), disks.create(BYTES)]);
    const clones = tops.map(top => disks.open([top, base], BYTES, false));
    clones.forEach((clone, i) => clone.write(4096, new Uint8Array(100).fill(2 + i)));
    const at = (disk: typeof first, offset: number) => {
      const read = new Uint8Array(1);
      disk.read(offset, read);
      return read[0];
    };
    expect([first, ...clones].map(disk => [0, 4096, 4195, 4196].map(offset => at(disk, offset)))).toEqual([
      [1, 1, 1, 1],
      [1, 2, 2, 1],
      [1, 3, 3, 1],
    ]);
    for (const disk of [first, ...clones]) disk.close();
  });

  it('that is read only is not written', async () => {
    const { disks } = folder;
    const disk = disks.open([await disks.create(BYTES)], BYTES, true);
    expect(() => disk.write(0, new Uint8Array(512))).toThrow('read only');
    disk.close();
  });

  it('is refused when a layer is missing, damaged or of another disk', async () => {
    const { disks } = folder;
    const id = await disks.create(BYTES);
    const path = join(folder.path, `${id}.layer`);
    expect(() => disks.open([id], BYTES * 2, false)).toThrow('is not a layer of a disk of');
    await truncate(path, 5000);
    expect(() => disks.open([id], BYTES, false)).toThrow('damaged');
    await writeFile(path, 'something else');
    expect(() => disks.open([id], BYTES, false)).toThrow('damaged');
    const missing = '00000000-0000-4000-8000-000000000000';
    expect(() => disks.open([missing], BYTES, false)).toThrow(`layer ${missing} of the disk can't be opened`);
    expect(() => disks.files(['../../etc/passwd'])).toThrow('is not the id of a layer');
  });
});

describe('the folder', () => {
  it('is swept of what nobody needs, unless it is young', async () => {
    const { disks } = folder;
    const [kept, gone] = await Promise.all([disks.create(BYTES), disks.create(BYTES)]);
    expect(await disks.sweep(new Set([kept]))).toBe(0);
    expect(await disks.sweep(new Set([kept]), -1)).toBeGreaterThan(0);
    await disks.require([kept]);
    await expect(disks.require([gone])).rejects.toMatchObject({ code: 'STATE_CORRUPT' });
  });
});
