import { createHash } from 'node:crypto';
import { packSquashfs } from './squashfs';
import { readSquashfs } from './squashfs.fixture';
import type { TreeEntry } from './tree';

/** Bytes that do not compress, the same every time. */
const noise = (size: number): Buffer => {
  const parts: Buffer[] = [];
  for (let i = 0; i * 32 < size; i++) parts.push(createHash('sha256').update(String(i)).digest());
  return Buffer.concat(parts).subarray(0, size);
};
const file = (path: string, data: Uint8Array | string): TreeEntry => ({
  path,
  kind: 'file',
  data: Buffer.from(data),
});

describe('packSquashfs', () => {
  it('gives back files of all sizes, links and folders', () => {
    const contents: Record<string, Buffer> = {
      'bin/empty': Buffer.alloc(0),
      'bin/small': Buffer.from('small'),
      'bin/zeros': Buffer.alloc(300_000),
      'lib/noise': noise(300_001),
      'lib/block': noise(131_072),
    };
    const entries = Object.entries(contents).map(([path, data]) => file(path, data));
    const found = readSquashfs(
      packSquashfs([
        ...entries,
        { path: 'sbin', kind: 'link', target: 'bin' },
        { path: 'mnt', kind: 'folder' },
      ]),
    );
    expect([...found.keys()].sort()).toEqual([...Object.keys(contents), 'bin', 'lib', 'mnt', 'sbin'].sort());
    for (const [path, data] of Object.entries(contents))
      expect([path, data.equals(found.get(path) as Buffer)]).toEqual([path, true]);
    expect(found.get('sbin')).toBe('bin');
    expect(found.get('mnt')).toBeNull();
  });

  it('holds more entries than fit into one metadata block or behind one header', () => {
    const entries = Array.from({ length: 1500 }, (_, i) => file(`many/file-${i}`, `content ${i}`));
    const found = readSquashfs(packSquashfs(entries));
    expect(found.size).toBe(1501);
    expect(found.get('many/file-1499')?.toString()).toBe('content 1499');
  });

  it('compresses, fills whole pages, and makes the same bytes of the same entries', () => {
    const entries = [file('a', Buffer.alloc(1 << 20, 'text ')), file('b/c', 'c')];
    const image = packSquashfs(entries);
    expect(image.length).toBeLessThan(10_000);
    expect(image.length % 4096).toBe(0);
    expect(Buffer.compare(packSquashfs([...entries].reverse()), image)).toBe(0);
  });

  it('packs an empty file system', () => {
    expect(readSquashfs(packSquashfs([])).size).toBe(0);
  });

  it('refuses what it cannot hold', () => {
    expect(() => packSquashfs([{ path: 'dev/null', kind: 'device', major: 1, minor: 3 }])).toThrow(
      /device nodes belong into \/dev/,
    );
    const names = Array.from({ length: 400 }, (_, i) => file(`d/${'x'.repeat(200)}${i}`, ''));
    expect(() => packSquashfs(names)).toThrow('/d holds too many entries');
  });
});
