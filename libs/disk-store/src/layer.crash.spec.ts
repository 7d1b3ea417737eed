import fs, { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LayeredDisk } from './layered-disk';
import { random, TestFolder } from './testing/folder.fixture';

/**
 * A machine that loses its power at any moment: what was synced is on the disk, of what was written since then any part
 * may be. Each block of the disk must then be as it was at the last flush, or as it was written since.
 */

const BLOCKS = 12;
const BYTES = BLOCKS * 4096;

type Operation = { kind: 'write'; at: number; data: Buffer } | { kind: 'sync' };

let folder: TestFolder;
beforeEach(async () => void (folder = await TestFolder.make()));
afterEach(async () => {
  jest.restoreAllMocks();
  await folder.remove();
});

/** All that happens to files from now on. */
function recording(): Operation[] {
  const operations: Operation[] = [];
  const { writeSync, fdatasyncSync } = fs;
  jest.spyOn(fs, 'writeSync').mockImplementation(((
    fd: number,
    data: Uint8Array,
    from: number,
    length: number,
    at: number,
  ) => {
    operations.push({ kind: 'write', at, data: Buffer.from(data.subarray(from, from + length)) });
    return writeSync(fd, data, from, length, at);
  }) as typeof fs.writeSync);
  jest.spyOn(fs, 'fdatasyncSync').mockImplementation(fd => {
    fdatasyncSync(fd);
    operations.push({ kind: 'sync' });
  });
  return operations;
}

it('leaves every block as it was flushed, or as it was written since', async () => {
  const { disks } = folder;
  for (let seed = 1; seed <= 6; seed++) {
    const next = random(seed);
    const base = await disks.create(BYTES);
    const lower = disks.open([base], BYTES, false);
    lower.write(0, new Uint8Array(BYTES).fill(100));
    lower.flush();
    lower.close();
    const top = await disks.create(BYTES);
    const path = join(folder.path, `${top}.layer`);
    const before = fs.readFileSync(path);
    /** What each block may be from the given operation on. */
    const allowed: { from: number; blocks: Set<number>[] }[] = [];
    const written = Array.from({ length: BLOCKS }, () => 100);
    let blocks = written.map(value => new Set([value]));
    const operations = recording();
    const disk = new LayeredDisk(BYTES, disks.files([top, base]), false);
    for (let step = 0; step < 25; step++) {
      if (next(4)) {
        const at = next(BLOCKS);
        written[at] = 1 + (step % 99);
        blocks = blocks.map((values, i) => (i === at ? new Set([...values, written[at]!]) : values));
        allowed.push({ from: operations.length, blocks });
        // a part of a block that the layer lacks: the rest comes from below
        disk.write(at * 4096, new Uint8Array(4096).fill(written[at]!));
      } else {
        disk.flush();
        blocks = written.map(value => new Set([value]));
        allowed.push({ from: operations.length, blocks });
      }
    }
    disk.close();
    jest.restoreAllMocks();
    for (let cut = 0; cut <= operations.length; cut++) {
      for (let attempt = 0; attempt < 3; attempt++) {
        const image = powerCut(before, operations.slice(0, cut), next);
        writeFileSync(path, image);
        const found = new LayeredDisk(BYTES, disks.files([top, base]), true);
        const may = allowed.filter(({ from }) => from <= cut).at(-1)?.blocks;
        for (let block = 0; block < BLOCKS; block++) {
          const read = new Uint8Array(4096);
          found.read(block * 4096, read);
          expect([...new Set(read)]).toHaveLength(1);
          expect([...(may?.[block] ?? new Set([100]))]).toContain(read[0]);
        }
        found.close();
      }
    }
  }
});

/** The file after a power cut: writes before the last sync are there, each one after it is or is not. */
function powerCut(before: Buffer, operations: Operation[], next: (limit: number) => number): Buffer {
  const synced = operations.findLastIndex(({ kind }) => kind === 'sync');
  let image = Buffer.from(before);
  operations.forEach((operation, index) => {
    if (operation.kind !== 'write' || (index > synced && next(2))) return;
    const { at, data } = operation;
    if (image.length < at + data.length)
      image = Buffer.concat([image, Buffer.alloc(at + data.length - image.length)]);
    data.copy(image, at);
  });
  return image;
}

it('does not claim that anything is durable after a sync has failed', async () => {
  const { disks } = folder;
  const disk = disks.open([await disks.create(BYTES)], BYTES, false);
  disk.write(0, new Uint8Array(4096).fill(1));
  const failing = jest.spyOn(fs, 'fdatasyncSync').mockImplementation(() => {
    throw new Error('EIO: the disk failed');
  });
  expect(() => disk.flush()).toThrow('EIO');
  failing.mockRestore();
  expect(() => disk.flush()).toThrow('EIO');
  disk.close();
});
