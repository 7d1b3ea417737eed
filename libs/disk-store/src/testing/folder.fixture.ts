import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DiskFolder } from '../disk-folder';

/** A folder of layers that goes with {@link TestFolder.remove}. */
export class TestFolder {
  private constructor(
    readonly path: string,
    readonly disks: DiskFolder,
  ) {}

  static async make(): Promise<TestFolder> {
    const path = await mkdtemp(join(tmpdir(), 'v3-disks-'));
    return new TestFolder(path, await DiskFolder.open(path));
  }

  remove(): Promise<void> {
    return rm(this.path, { recursive: true, force: true });
  }
}

/** mulberry32: the same numbers in every run; each is below `limit`. */
export function random(seed: number): (limit: number) => number {
  let a = seed;
  return limit => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  };
}
