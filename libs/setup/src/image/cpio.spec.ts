import { packCpio } from './cpio';
import type { TreeEntry } from './tree';

const entries: TreeEntry[] = [
  { path: 'init', kind: 'file', data: Buffer.from('#!/bin/sh\n'), executable: true },
  { path: 'etc/hosts', kind: 'file', data: Buffer.from('127.0.0.1\n') },
  { path: 'sbin', kind: 'link', target: 'bin' },
  { path: 'dev/console', kind: 'device', major: 5, minor: 1 },
  { path: 'tmp', kind: 'folder', mode: 0o1777 },
];

/** What the kernel's unpacker (init/initramfs.c) sees. */
function read(archive: Uint8Array) {
  const bytes = Buffer.from(archive);
  const found: { name: string; mode: string; size: number; data: string; rdev: string; mtime: number }[] = [];
  for (let at = 0; ;) {
    expect(at % 4).toBe(0);
    expect(bytes.toString('latin1', at, at + 6)).toBe('070701');
    const field = (index: number) =>
      parseInt(bytes.toString('latin1', at + 6 + index * 8, at + 14 + index * 8), 16);
    const nameSize = field(11);
    const size = field(6);
    const start = (at + 110 + nameSize + 3) & ~3;
    const name = bytes.toString('utf8', at + 110, at + 110 + nameSize - 1);
    expect(bytes[at + 110 + nameSize - 1]).toBe(0);
    if (name === 'TRAILER!!!') {
      expect(start).toBe(bytes.length);
      return found;
    }
    const data = bytes.toString('latin1', start, start + size);
    found.push({
      name,
      mode: field(1).toString(8),
      size,
      data,
      rdev: `${field(9)}:${field(10)}`,
      mtime: field(5),
    });
    at = (start + size + 3) & ~3;
  }
}

describe('packCpio', () => {
  it('packs files, folders, links and devices in order, with the folders they need', () => {
    expect(read(packCpio(entries)).map(({ name, mode, data, rdev }) => [name, mode, data, rdev])).toEqual([
      ['dev', '40755', '', '0:0'],
      ['dev/console', '20600', '', '5:1'],
      ['etc', '40755', '', '0:0'],
      ['etc/hosts', '100644', '127.0.0.1\n', '0:0'],
      ['init', '100755', '#!/bin/sh\n', '0:0'],
      ['sbin', '120777', 'bin', '0:0'],
      ['tmp', '41777', '', '0:0'],
    ]);
  });

  it('makes the same bytes of the same entries, in whatever order and whenever', () => {
    expect(packCpio([...entries].reverse())).toEqual(packCpio(entries));
    expect(read(packCpio(entries)).every(({ mtime }) => mtime === 0)).toBe(true);
  });

  it('packs nothing into an archive of nothing', () => {
    expect(read(packCpio([]))).toEqual([]);
  });

  it.each(['/abs', 'a//b', '../up', 'a/./b', ''])('refuses the path "%s"', path => {
    expect(() => packCpio([{ path, kind: 'folder' }])).toThrow(/is no path inside an image/);
  });
});
