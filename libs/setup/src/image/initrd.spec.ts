import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { makeElf } from './elf.fixture';
import { buildInitrd, readApplets, readDepends, readLibraries } from './initrd';
import type { Recipe } from './recipe';
import { readSquashfs } from './squashfs.fixture';

let folder: string;
let tree: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'v3-initrd-'));
  tree = join(folder, 'tree');
});
afterEach(() => rmSync(folder, { recursive: true }));

const put = (path: string, data: Uint8Array | string): void => {
  mkdirSync(dirname(join(tree, path)), { recursive: true });
  writeFileSync(join(tree, path), data);
};
const module_ = (depends: string): Buffer =>
  Buffer.from(`\x7fELF…\0license=GPL\0depends=${depends}\0retpoline=Y\0`);
const busybox = Buffer.from('\x7fELF…\0junk\0[\0[[\0busybox\0cat\0ip\0rpm\0sh\0\0more\0', 'latin1');

const recipe: Recipe = {
  name: 'tiny',
  description: 'a test',
  suite: 'bookworm',
  cmdline: 'quiet',
  agent: false,
  configChannel: false,
  kernel: 'linux-image-686',
  modules: { load: ['net'], keep: ['spare'] },
  busybox: { package: 'busybox-static', path: 'bin/busybox', except: ['rpm'] },
  programs: [{ package: 'iproute2', path: 'sbin/ip' }],
  libraries: [],
  files: [
    { path: 'init', from: 'init', executable: true },
    { path: 'etc/motd', text: 'hello\n' },
    { path: 'lib/firmware/db', package: 'wireless-regdb', source: 'lib/firmware/db-debian' },
  ],
};

function putAll(): void {
  put('bin/busybox', busybox);
  put('sbin/ip', makeElf({ needed: ['liba.so.1'] }));
  put('usr/lib/i386-linux-gnu/liba.so.1.2', makeElf({ needed: ['libb.so.1'] }));
  symlinkSync('liba.so.1.2', join(tree, 'usr/lib/i386-linux-gnu/liba.so.1'));
  put('lib/i386-linux-gnu/libb.so.1', makeElf({ needed: ['liba.so.1'] }));
  put('lib/ld-linux.so.2', makeElf());
  put('lib/firmware/db-debian', 'channels');
  put('lib/modules/6.1/kernel/net.ko', module_('core'));
  put('lib/modules/6.1/kernel/core.ko', module_(''));
  put('lib/modules/6.1/kernel/spare.ko', module_('core,extra'));
  put('lib/modules/6.1/kernel/extra.ko', module_(''));
  writeFileSync(join(folder, 'init'), '#!/bin/sh\n');
}

/** Path → content of an initrd. */
function unpack(archive: Uint8Array): Map<string, Buffer> {
  const bytes = Buffer.from(archive);
  const found = new Map<string, Buffer>();
  for (let at = 0; ;) {
    const field = (index: number) =>
      parseInt(bytes.toString('latin1', at + 6 + index * 8, at + 14 + index * 8), 16);
    const name = bytes.toString('utf8', at + 110, at + 110 + field(11) - 1);
    if (name === 'TRAILER!!!') return found;
    const start = (at + 110 + field(11) + 3) & ~3;
    found.set(name, bytes.subarray(start, start + field(6)));
    at = (start + field(6) + 3) & ~3;
  }
}

describe('buildInitrd', () => {
  it('packs busybox with its applets, the modules in load order, and the programs with their libraries', async () => {
    putAll();
    const found = unpack(await buildInitrd(recipe, folder, tree));
    expect(found.get('etc/modules')?.toString()).toBe('core\nnet\n');
    expect([...found.keys()].filter(path => path.startsWith('lib/modules/')).sort()).toEqual(
      ['core', 'extra', 'net', 'spare'].map(name => `lib/modules/${name}.ko`),
    );
    expect(found.get('lib/modules/net.ko')?.toString()).toBe('/usr/lib/modules/net.ko');
    expect(found.get('bin/busybox')).toEqual(busybox);
    expect([...found.keys()].filter(path => path.startsWith('bin/')).sort()).toEqual(
      // `ip` is a program of its own, `rpm` is not wanted.
      ['[', '[[', 'busybox', 'cat', 'renew', 'sh'].map(name => `bin/${name}`),
    );
    expect(found.get('bin/cat')?.toString()).toBe('busybox');
    expect(found.get('etc/motd')?.toString()).toBe('hello\n');
    expect(found.get('lib/firmware/db')?.toString()).toBe('channels');
    const usr = readSquashfs(found.get('usr.squashfs') as Buffer);
    expect([...usr.keys()].sort()).toEqual([
      'bin',
      'bin/ip',
      'lib',
      'lib/i386-linux-gnu',
      'lib/i386-linux-gnu/ld-linux.so.2',
      'lib/i386-linux-gnu/liba.so.1',
      'lib/i386-linux-gnu/libb.so.1',
      'lib/modules',
      ...['core', 'extra', 'net', 'spare'].map(name => `lib/modules/${name}.ko`),
      'sbin',
    ]);
    expect(usr.get('lib/i386-linux-gnu/liba.so.1')).toEqual(makeElf({ needed: ['libb.so.1'] }));
  });

  it('has what /usr is mounted with beside it', async () => {
    putAll();
    put('lib/modules/6.1/kernel/squashfs.ko', module_('xz'));
    put('lib/modules/6.1/kernel/xz.ko', module_(''));
    const modules = { load: ['squashfs', 'net'], keep: [] };
    const found = unpack(await buildInitrd({ ...recipe, modules }, folder, tree));
    expect(found.get('etc/modules')?.toString()).toBe('xz\nsquashfs\ncore\nnet\n');
    for (const name of ['xz', 'squashfs'])
      expect(found.get(`lib/modules/${name}.ko`)?.toString()).not.toContain('/usr');
    const usr = readSquashfs(found.get('usr.squashfs') as Buffer);
    expect([...usr.keys()].filter(path => path.endsWith('.ko'))).toEqual([
      'lib/modules/core.ko',
      'lib/modules/net.ko',
    ]);
  });

  it('is the same every time', async () => {
    putAll();
    const [one, two] = [await buildInitrd(recipe, folder, tree), await buildInitrd(recipe, folder, tree)];
    expect(Buffer.compare(one, two)).toBe(0);
  });

  it('says which library, module or program is missing', async () => {
    putAll();
    rmSync(join(tree, 'lib/i386-linux-gnu/libb.so.1'));
    await expect(buildInitrd(recipe, folder, tree)).rejects.toThrow(
      'no package of the image has the library libb.so.1: add the package that has it to "libraries"',
    );
    const other = { ...recipe, modules: { load: ['wlan'], keep: [] }, programs: [] };
    await expect(buildInitrd(other, folder, tree)).rejects.toThrow('the kernel package has no module wlan');
    const third = { ...recipe, programs: [{ package: 'x', path: 'bin/x' }] };
    await expect(buildInitrd(third, folder, tree)).rejects.toThrow(
      'no package of the image has the file bin/x',
    );
  });

  it('does not follow a package’s link out of the unpacked tree', async () => {
    putAll();
    rmSync(join(tree, 'sbin/ip'));
    symlinkSync('/etc/passwd', join(tree, 'sbin/ip'));
    await expect(buildInitrd(recipe, folder, tree)).rejects.toThrow(
      'no package of the image has the file sbin/ip',
    );
  });

  it('refuses modules that are compressed in an unknown way', async () => {
    putAll();
    put('lib/modules/6.1/kernel/odd.ko.zst', 'zstd');
    const odd = { ...recipe, modules: { load: ['odd'], keep: [] } };
    await expect(buildInitrd(odd, folder, tree)).rejects.toThrow(
      'odd.ko.zst is compressed in a way that is not supported',
    );
  });
});

describe('reading binaries', () => {
  it('finds the applets of a busybox, and says when there are none', () => {
    expect(readApplets(busybox)).toEqual(['[', '[[', 'busybox', 'cat', 'ip', 'rpm', 'sh']);
    expect(() => readApplets(Buffer.from('no busybox'))).toThrow('the list of applets was not found');
  });

  it('finds the dependencies of a module', () => {
    expect(readDepends(module_('virtio,virtio_ring'))).toEqual(['virtio', 'virtio_ring']);
    expect(readDepends(module_(''))).toEqual([]);
    expect(readDepends(Buffer.from('no module'))).toEqual([]);
  });

  it('needs no dynamic linker where nothing is dynamic', async () => {
    expect((await readLibraries([], tree)).size).toBe(0);
  });
});
