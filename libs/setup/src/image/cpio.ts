import { completeTree, permissions, type TreeEntry } from './tree';

const fileType = { file: 0o100000, folder: 0o040000, link: 0o120000, device: 0o020000 } as const;

/**
 * Packs an initramfs in the `newc` format (Documentation/driver-api/early-userspace/buffer-format.rst of the kernel).
 * Everything is owned by root and dated 1970.
 */
export function packCpio(entries: readonly TreeEntry[]): Uint8Array {
  const records = completeTree(entries).map((entry, index) => record(entry, index + 1));
  return Buffer.concat([...records, pad(header('TRAILER!!!', 0, 0, 1, 0))]);
}

function record(entry: TreeEntry, inode: number): Buffer {
  const data = contentOf(entry);
  const device: [number, number] = entry.kind === 'device' ? [entry.major, entry.minor] : [0, 0];
  const links = entry.kind === 'folder' ? 2 : 1;
  const mode = fileType[entry.kind] | permissions(entry);
  return Buffer.concat([pad(header(entry.path, inode, mode, links, data.length, device)), pad(data)]);
}

function contentOf(entry: TreeEntry): Uint8Array {
  if (entry.kind === 'file') return entry.data;
  return entry.kind === 'link' ? Buffer.from(entry.target) : new Uint8Array();
}

function header(
  path: string,
  inode: number,
  mode: number,
  links: number,
  size: number,
  device = [0, 0],
): Buffer {
  const name = Buffer.from(`${path}\0`);
  // ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
  const fields = [inode, mode, 0, 0, links, 0, size, 0, 0, ...device, name.length, 0];
  const text = `070701${fields.map(field => field.toString(16).padStart(8, '0')).join('')}`;
  return Buffer.concat([Buffer.from(text), name]);
}

function pad(data: Uint8Array): Buffer {
  const rest = (4 - (data.length % 4)) % 4;
  return Buffer.concat([data, Buffer.alloc(rest)]);
}
