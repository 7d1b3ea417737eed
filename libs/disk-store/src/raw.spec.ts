import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { exportRaw, importRaw } from './raw';
import { random, TestFolder } from './testing/folder.fixture';

let folder: TestFolder;
beforeEach(async () => void (folder = await TestFolder.make()));
afterEach(() => folder.remove());

async function* inChunks(image: Uint8Array, next: (limit: number) => number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < image.length;) {
    const length = 1 + next(9000);
    yield image.subarray(at, at + length);
    at += length;
  }
}

describe('a raw image', () => {
  it.each([512, 4096, 4096 * 300 + 1536])('of %i bytes comes out as it went in', async bytes => {
    const next = random(bytes);
    const image = Uint8Array.from({ length: bytes }, () => next(256));
    const id = await importRaw(folder.disks, inChunks(image, next), bytes);
    const parts: Buffer[] = [];
    for await (const part of exportRaw(folder.disks, [id], bytes)) parts.push(part);
    expect(Buffer.compare(Buffer.concat(parts), image)).toBe(0);
  });

  it('takes no room for its zeroes', async () => {
    const bytes = 8 << 20;
    const id = await importRaw(folder.disks, inChunks(new Uint8Array(bytes), random(1)), bytes);
    const { blocks } = await stat(join(folder.path, `${id}.layer`));
    expect(blocks * 512).toBeLessThan(64 << 10);
  });

  it('that is truncated, too long or not of whole sectors is refused, and leaves nothing', async () => {
    const image = new Uint8Array(8192).fill(1);
    const attempt = (bytes: number) => importRaw(folder.disks, inChunks(image, random(1)), bytes);
    await expect(attempt(8192 + 512)).rejects.toThrow('has 8192 bytes, not the 8704 bytes');
    await expect(attempt(8192 - 512)).rejects.toThrow('has more than the 7680 bytes');
    await expect(attempt(8191)).rejects.toThrow('truncated');
    await expect(attempt(0)).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    expect(await folder.disks.sweep(new Set(), -1)).toBe(0);
  });
});
