import { deflateSync } from 'node:zlib';
import { completeTree, permissions, type TreeEntry } from './tree';

// Squashfs 4.0 with zlib (Documentation/filesystems/squashfs.rst and fs/squashfs/squashfs_fs.h of the kernel).
const superblockSize = 96;
const blockSize = 1 << 17;
const metadataSize = 8192;
const storedMetadata = 0x8000;
const storedData = 1 << 24;
const absent = 0xffffffffffffffffn;
const noFragment = 0xffffffff;
const flags = 0x10 | 0x200; // no fragments, no extended attributes
const inodeType = { folder: 1, file: 2, link: 3 } as const;

/** A folder holds at most this many bytes of entries, and one header at most this many entries. */
const largestListing = 0xffff - 3;
const entriesPerHeader = 256;

interface Node {
  entry: Exclude<TreeEntry, { kind: 'device' }>;
  name: string;
  number: number;
  parent: number;
  children: Node[];
  /** Where its inode is: block of metadata and offset in it. */
  block: number;
  offset: number;
}

/**
 * Packs a read-only, compressed file system of files, folders and links, owned by root and dated 1970.
 *
 * A guest keeps it compressed in memory and drops the unpacked pages when it needs room; the same files in an
 * initramfs would stay in memory unpacked for good.
 */
export function packSquashfs(entries: readonly TreeEntry[]): Uint8Array {
  const nodes = linkNodes(entries);
  const data = new Blocks(superblockSize);
  const inodes = new MetadataTable();
  const listings = new MetadataTable();
  // Children before their folder: a folder's listing tells where their inodes are.
  for (const node of [...nodes].reverse()) writeInode(node, data, inodes, listings);
  const root = nodes[0] as Node;
  const inodeTable = inodes.finish();
  const listingTable = listings.finish();
  const ids = new MetadataTable();
  ids.append(u32(0)); // one owner: root
  const idTable = ids.finish();

  const inodeStart = superblockSize + data.length;
  const listingStart = inodeStart + inodeTable.length;
  const idBlock = listingStart + listingTable.length;
  const idIndex = idBlock + idTable.length;
  const end = idIndex + 8;
  const superblock = Buffer.concat([
    Buffer.from('hsqs', 'latin1'),
    u32(nodes.length, 0, blockSize, 0), // inodes, time, block size, fragments
    u16(1, Math.log2(blockSize), flags, 1, 4, 0), // zlib, block size's logarithm, flags, ids, version 4.0
    u64(BigInt(root.block) * 65536n + BigInt(root.offset), BigInt(end)),
    u64(BigInt(idIndex), absent, BigInt(inodeStart), BigInt(listingStart), absent, absent),
  ]);
  const image = Buffer.concat([
    superblock,
    ...data.parts,
    inodeTable,
    listingTable,
    idTable,
    u64(BigInt(idBlock)),
  ]);
  // The kernel reads whole pages of the block device it lies on.
  return Buffer.concat([image, Buffer.alloc((4096 - (image.length % 4096)) % 4096)]);
}

/** The tree as nodes, folders before what is in them; the first is the root. */
function linkNodes(entries: readonly TreeEntry[]): Node[] {
  const root: Node = node({ path: '', kind: 'folder' }, '', 1, 0);
  const nodes = new Map<string, Node>([['', root]]);
  for (const entry of completeTree(entries)) {
    if (entry.kind === 'device')
      throw new Error(`${entry.path}: device nodes belong into /dev, not into this file system`);
    const slash = entry.path.lastIndexOf('/');
    const parent = nodes.get(slash < 0 ? '' : entry.path.slice(0, slash)) as Node;
    const child = node(entry, entry.path.slice(slash + 1), nodes.size + 1, parent.number);
    parent.children.push(child);
    nodes.set(entry.path, child);
  }
  return [...nodes.values()];
}

function node(entry: Node['entry'], name: string, number: number, parent: number): Node {
  return { entry, name, number, parent, children: [], block: 0, offset: 0 };
}

function writeInode(target: Node, data: Blocks, inodes: MetadataTable, listings: MetadataTable): void {
  const { entry, number } = target;
  const common = Buffer.concat([u16(inodeType[entry.kind], permissions(entry), 0, 0), u32(0, number)]);
  let body: Buffer;
  if (entry.kind === 'file') {
    const start = superblockSize + data.length;
    const sizes = data.append(entry.data);
    body = u32(start, noFragment, 0, entry.data.length, ...sizes);
  } else if (entry.kind === 'link') {
    const text = Buffer.from(entry.target);
    body = Buffer.concat([u32(1, text.length), text]);
  } else {
    const { block, offset } = listings.position();
    const listing = listingOf(target);
    if (listing.length > largestListing)
      throw new Error(`/${entry.path} holds too many entries for this file system`);
    listings.append(listing);
    const folders = target.children.filter(child => child.entry.kind === 'folder').length;
    // The size counts the entries "." and "..", which are not stored, as three bytes.
    body = Buffer.concat([
      u32(block, 2 + folders),
      u16(listing.length + 3, offset),
      u32(target.parent || number + 1),
    ]);
  }
  Object.assign(target, inodes.position());
  inodes.append(Buffer.concat([common, body]));
}

/** Runs of entries whose inodes are in the same metadata block, each behind a header. */
function listingOf({ children }: Node): Buffer {
  const sorted = [...children].sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
  const parts: Buffer[] = [];
  for (let at = 0; at < sorted.length;) {
    const first = sorted[at] as Node;
    let end = at;
    while (end < sorted.length && end - at < entriesPerHeader && sorted[end]?.block === first.block) end++;
    parts.push(u32(end - at - 1, first.block, first.number));
    for (const { name, number, offset, entry } of sorted.slice(at, end)) {
      const text = Buffer.from(name);
      const head = Buffer.concat([u16(offset), Buffer.alloc(2), u16(inodeType[entry.kind], text.length - 1)]);
      head.writeInt16LE(number - first.number, 2);
      parts.push(head, text);
    }
    at = end;
  }
  return Buffer.concat(parts);
}

/** File contents, in compressed blocks. */
class Blocks {
  readonly parts: Uint8Array[] = [];
  length = 0;

  constructor(readonly start: number) {}

  /** The sizes of the written blocks, as the file's inode wants them. */
  append(content: Uint8Array): number[] {
    const sizes: number[] = [];
    for (let at = 0; at < content.length; at += blockSize) {
      const plain = content.subarray(at, at + blockSize);
      const packed = deflateSync(plain, { level: 9 });
      const smaller = packed.length < plain.length;
      this.parts.push(smaller ? packed : plain);
      this.length += smaller ? packed.length : plain.length;
      sizes.push(smaller ? packed.length : plain.length | storedData);
    }
    return sizes;
  }
}

/** Metadata in blocks of 8 KiB, compressed one by one; a position in it is a block's start and an offset in the block. */
class MetadataTable {
  private readonly blocks: Buffer[] = [];
  private written = 0;
  private open = Buffer.alloc(0);

  position(): { block: number; offset: number } {
    return { block: this.written, offset: this.open.length };
  }

  append(bytes: Uint8Array): void {
    this.open = Buffer.concat([this.open, bytes]);
    while (this.open.length >= metadataSize) this.flush();
  }

  finish(): Buffer {
    if (this.open.length > 0) this.flush();
    return Buffer.concat(this.blocks);
  }

  private flush(): void {
    const plain = this.open.subarray(0, metadataSize);
    this.open = this.open.subarray(metadataSize);
    const packed = deflateSync(plain, { level: 9 });
    const block =
      packed.length < plain.length
        ? Buffer.concat([u16(packed.length), packed])
        : Buffer.concat([u16(plain.length | storedMetadata), plain]);
    this.blocks.push(block);
    this.written += block.length;
  }
}

const u16 = (...values: number[]): Buffer => {
  const out = Buffer.alloc(values.length * 2);
  values.forEach((value, index) => out.writeUInt16LE(value, index * 2));
  return out;
};
const u32 = (...values: number[]): Buffer => {
  const out = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => out.writeUInt32LE(value, index * 4));
  return out;
};
const u64 = (...values: bigint[]): Buffer => {
  const out = Buffer.alloc(values.length * 8);
  values.forEach((value, index) => out.writeBigUInt64LE(value, index * 8));
  return out;
};
