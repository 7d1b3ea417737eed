import { inflateSync } from 'node:zlib';

/** Reads a squashfs of basic inodes back, written from the kernel's fs/squashfs alone. Path → content or link target. */
export function readSquashfs(image: Uint8Array): Map<string, Buffer | string | null> {
  const bytes = Buffer.from(image);
  if (bytes.toString('latin1', 0, 4) !== 'hsqs') throw new Error('no squashfs');
  const root = bytes.readBigUInt64LE(32);
  const inodes = readTable(bytes, Number(bytes.readBigUInt64LE(64)), Number(bytes.readBigUInt64LE(72)));
  const idIndex = Number(bytes.readBigUInt64LE(48));
  const idBlock = Number(bytes.readBigUInt64LE(idIndex));
  const listings = readTable(bytes, Number(bytes.readBigUInt64LE(72)), idBlock);
  const blockSize = bytes.readUInt32LE(12);
  const found = new Map<string, Buffer | string | null>();

  const visit = (path: string, block: number, offset: number): void => {
    const at = inodes.at(block, offset);
    const type = inodes.data.readUInt16LE(at);
    const body = at + 16;
    if (type === 3) {
      const size = inodes.data.readUInt32LE(body + 4);
      found.set(path, inodes.data.toString('utf8', body + 8, body + 8 + size));
    } else if (type === 2) {
      const size = inodes.data.readUInt32LE(body + 12);
      const sizes = Array.from({ length: Math.ceil(size / blockSize) }, (_, i) =>
        inodes.data.readUInt32LE(body + 16 + i * 4),
      );
      let from = inodes.data.readUInt32LE(body);
      const parts = sizes.map(entry => {
        const length = entry & 0xffffff;
        const raw = bytes.subarray(from, from + length);
        from += length;
        return entry & 0x1000000 ? raw : inflateSync(raw);
      });
      const content = Buffer.concat(parts);
      if (content.length !== size) throw new Error(`${path}: ${content.length} instead of ${size} bytes`);
      found.set(path, content);
    } else if (type === 1) {
      if (path) found.set(path, null);
      const size = inodes.data.readUInt16LE(body + 8) - 3;
      if (size === 0) return;
      let entry = listings.at(inodes.data.readUInt32LE(body), inodes.data.readUInt16LE(body + 10));
      const end = entry + size;
      while (entry < end) {
        const count = listings.data.readUInt32LE(entry) + 1;
        const start = listings.data.readUInt32LE(entry + 4);
        entry += 12;
        for (let i = 0; i < count; i++) {
          const nameSize = listings.data.readUInt16LE(entry + 6) + 1;
          const name = listings.data.toString('utf8', entry + 8, entry + 8 + nameSize);
          visit(path ? `${path}/${name}` : name, start, listings.data.readUInt16LE(entry));
          entry += 8 + nameSize;
        }
      }
      if (entry !== end) throw new Error(`the listing of ${path} ends in the middle of an entry`);
    } else throw new Error(`inode type ${type}`);
  };
  visit('', Number(root >> 16n), Number(root & 0xffffn));
  if (found.size + 1 !== bytes.readUInt32LE(4)) throw new Error('wrong inode count');
  return found;
}

/** Metadata blocks of one table, unpacked; positions are given as the block's place in the table and an offset. */
function readTable(bytes: Buffer, start: number, end: number) {
  const places = new Map<number, number>();
  const parts: Buffer[] = [];
  let size = 0;
  for (let at = start; at < end;) {
    const header = bytes.readUInt16LE(at);
    const length = header & 0x7fff;
    const raw = bytes.subarray(at + 2, at + 2 + length);
    const part = header & 0x8000 ? raw : inflateSync(raw);
    places.set(at - start, size);
    parts.push(part);
    size += part.length;
    at += 2 + length;
  }
  const at = (block: number, offset: number): number => {
    const place = places.get(block);
    if (place === undefined) throw new Error(`no metadata block at ${block}`);
    return place + offset;
  };
  return { data: Buffer.concat(parts), at };
}
