import { V3Error } from '@v3vee/contracts';
import { fullAs, type DiskFolder, type Layers } from './disk-folder';
import { BLOCK_BYTES } from './layer';
import { LayeredDisk } from './layered-disk';

const SECTOR_BYTES = 512;
const CHUNK_BYTES = 1 << 20;

/**
 * A layer of the bytes of a raw image; its zero blocks take no room.
 * @param bytes that the source must have, a multiple of 512
 * @throws V3Error INVALID_REQUEST when it has others, STORAGE_FULL; nothing is left behind
 */
export async function importRaw(
  folder: DiskFolder,
  source: AsyncIterable<Uint8Array>,
  bytes: number,
): Promise<string> {
  requireSectors(bytes);
  const id = await folder.create(bytes);
  let disk: LayeredDisk | undefined;
  try {
    disk = folder.open([id], bytes, false);
    let offset = 0;
    for await (const block of inBlocks(source)) {
      if (offset + block.length > bytes) throw wrongLength('more than', bytes);
      if (block.some(byte => byte !== 0)) disk.write(offset, block);
      offset += block.length;
    }
    if (offset !== bytes) throw wrongLength(`${offset} bytes, not`, bytes);
    disk.flush();
    return id;
  } catch (thrown) {
    await folder.remove(id);
    throw fullAs(thrown);
  } finally {
    disk?.close();
  }
}

/** The disk as a raw image, from its first byte to its last. @throws V3Error STATE_CORRUPT, also in the middle */
export async function* exportRaw(
  folder: DiskFolder,
  layers: Layers,
  bytes: number,
): AsyncGenerator<Buffer, void, undefined> {
  const disk = folder.open(layers, bytes, true);
  try {
    for (let offset = 0; offset < bytes; offset += CHUNK_BYTES) {
      const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, bytes - offset));
      disk.read(offset, chunk);
      yield chunk;
    }
  } finally {
    disk.close();
  }
}

/** @throws V3Error INVALID_REQUEST */
export function requireSectors(bytes: number): void {
  if (bytes > 0 && bytes % SECTOR_BYTES === 0) return;
  throw new V3Error(
    'INVALID_REQUEST',
    `a disk has whole sectors of ${SECTOR_BYTES} bytes; ${bytes} bytes are ${bytes === 0 ? 'none' : 'not'}: ` +
      'the image may be truncated',
  );
}

const wrongLength = (has: string, bytes: number) =>
  new V3Error('INVALID_REQUEST', `the image has ${has} the ${bytes} bytes that were said`);

/** The same bytes, a block at a time; the last one may be shorter. */
async function* inBlocks(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let block = new Uint8Array(BLOCK_BYTES);
  let filled = 0;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at + BLOCK_BYTES - filled);
      block.set(part, filled);
      filled += part.length;
      at += part.length;
      if (filled < BLOCK_BYTES) continue;
      yield block;
      block = new Uint8Array(BLOCK_BYTES);
      filled = 0;
    }
  }
  if (filled > 0) yield block.subarray(0, filled);
}
