import { createHash, type Hash } from 'node:crypto';
import { promisify } from 'node:util';
import { deflateRaw } from 'node:zlib';
import type { Catalogue } from './catalogue';
import { u32 } from './disk';
import type { Manifest } from './manifest';
import { GROUP_BYTES, GROUP_PAGES, PAGE_BYTES } from './page';
import { fetchPages } from './page-reader';

/**
 * A checkpoint as one file, for another store:
 *
 *     magic "V3EXPORT" | u32 length of label | label | u32 length of manifest | manifest
 *       | (u32 length of group | raw deflate of 1 … 32 pages) … | u32 0 | SHA-256 of all before it
 *
 * Each page that the manifest names comes once, in any order. All numbers are little-endian.
 */

export const EXPORT_MAGIC = Buffer.from('V3EXPORT');
/** Whatever belongs to the checkpoint outside of this store, in JSON for example. */
export const MAX_LABEL_BYTES = 64 << 10;

const deflate = promisify<Uint8Array, object, Buffer>(deflateRaw);

export async function* exportFile(
  catalogue: Catalogue,
  digest: string,
  { manifest, content }: { manifest: Manifest; content: Buffer },
  label: Uint8Array,
): AsyncGenerator<Buffer> {
  if (label.length > MAX_LABEL_BYTES) throw new RangeError(`a label has at most ${MAX_LABEL_BYTES} bytes`);
  const hash = createHash('sha256');
  yield told(hash, [EXPORT_MAGIC, u32(label.length), label, u32(content.length), content]);
  const group = Buffer.alloc(GROUP_BYTES);
  let filled = 0;
  const packed = async () => {
    const bytes = await deflate(group.subarray(0, filled * PAGE_BYTES), { level: 1 });
    filled = 0;
    return told(hash, [u32(bytes.length), bytes]);
  };
  for await (const pages of fetchPages(catalogue, manifest.table, `the saved state ${digest}`)) {
    for (const { bytes } of pages) {
      group.set(bytes, filled * PAGE_BYTES);
      if (++filled === GROUP_PAGES) yield await packed();
    }
  }
  if (filled > 0) yield await packed();
  yield told(hash, [u32(0)]);
  yield hash.digest();
}

function told(hash: Hash, parts: Uint8Array[]): Buffer {
  const part = Buffer.concat(parts);
  hash.update(part);
  return part;
}
