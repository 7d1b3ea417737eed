import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { ensureImage, resolvePaths } from '@v3vee/setup';
import { ImageStore } from './image-store';
import { makeBzImage, makeCpio, makeVmlinux } from './kernel.fixture';

let folder: string;
let store: ImageStore;
let kernel: string;
let initrd: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'v3-store-'));
  store = new ImageStore({ builtIn: join(folder, 'built'), imported: join(folder, 'imported') });
  kernel = join(folder, 'bzImage');
  initrd = join(folder, 'initrd.cpio');
  writeFileSync(kernel, makeBzImage(gzipSync(makeVmlinux())));
  writeFileSync(initrd, makeCpio({ init: '#!/bin/sh\n' }));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const cmdline = 'console=ttyS0';

describe('ImageStore', () => {
  it('imports, lists, loads and removes an image', async () => {
    const image = await store.import({ name: 'own', kernel, initrd, cmdline });
    expect(image).toMatchObject({
      kind: 'imported',
      manifest: { name: 'own', description: 'Linux 6.1.0-test', cmdline, agent: false, configChannel: false },
    });
    expect(await store.list()).toEqual([image]);
    const loaded = await store.load('own');
    expect(loaded).toMatchObject({ kernelFormat: 'elf', cmdline });
    expect(Buffer.from(loaded.kernel)).toEqual(makeVmlinux());
    expect(Buffer.from(loaded.initrd)).toEqual(readFileSync(initrd));
    await store.remove('own');
    expect(await store.list()).toEqual([]);
    expect(readdirSync(join(folder, 'imported'))).toEqual([]);
  });

  it('imports a kernel without an initrd', async () => {
    await store.import({ name: 'bare', kernel, cmdline });
    expect((await store.load('bare')).initrd).toHaveLength(0);
  });

  it('gives the same contents the same digest, and other ones another', async () => {
    const one = await store.import({ name: 'one', kernel, initrd, cmdline });
    const two = await store.import({ name: 'two', kernel, initrd, cmdline });
    const three = await store.import({ name: 'three', kernel, initrd, cmdline: 'quiet' });
    expect(two.manifest.digest).toBe(one.manifest.digest);
    expect(three.manifest.digest).not.toBe(one.manifest.digest);
    expect((await store.list()).map(({ name }) => name)).toEqual(['one', 'three', 'two']);
  });

  it('makes one image of a name, also when two imports race', async () => {
    const imports = await Promise.allSettled(
      ['a', 'b'].map(text => store.import({ name: 'own', kernel, initrd, cmdline: text })),
    );
    expect(imports.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const again = store.import({ name: 'own', kernel, initrd, cmdline });
    await expect(again).rejects.toMatchObject({
      code: 'IMAGE_EXISTS',
      message: 'there is an image "own" already: choose another name, or delete it first',
    });
    expect(readdirSync(join(folder, 'imported'))).toEqual(['own']);
  });

  it.each([
    ['a name that is no name', () => ({ name: '../etc' }), '"../etc" is no name for an image'],
    ['a file that is not there', () => ({ kernel: join(folder, 'nothing') }), 'cannot be read: ENOENT'],
    ['what is no kernel', () => ({ kernel: initrd }), 'the kernel is not a kernel'],
    ['what is no initrd', () => ({ initrd: kernel }), 'the initrd is not a cpio archive'],
    ['a command line of two lines', () => ({ cmdline: 'a\nb' }), 'must be one line'],
    ['a long command line', () => ({ cmdline: 'x'.repeat(2048) }), 'has more than 2047 bytes'],
  ])('refuses %s and leaves nothing behind', async (_, change, message) => {
    const request = { name: 'own', kernel, initrd, cmdline, ...change() };
    await expect(store.import(request)).rejects.toMatchObject({
      code: 'IMAGE_INVALID',
      message: expect.stringContaining(message),
    });
    expect(await store.list()).toEqual([]);
  });

  it('finds damage when it loads, says what is damaged and what helps', async () => {
    const { folder: image } = await store.import({ name: 'own', kernel, initrd, cmdline });
    appendFileSync(join(image, 'initrd'), 'x');
    await expect(store.load('own')).rejects.toMatchObject({
      code: 'IMAGE_CORRUPT',
      message:
        'the image "own" is damaged: its initrd does not have the recorded SHA-256; delete it and import it again',
    });
    rmSync(join(image, 'initrd'));
    await expect(store.load('own')).rejects.toThrow(/its initrd cannot be read/);
    truncateSync(join(image, 'manifest.json'), 100);
    await expect(store.get('own')).rejects.toThrow(/its manifest.json cannot be used/);
    expect(await store.list()).toEqual([]);
  });

  it('does not believe a manifest whose digest is not its own', async () => {
    const { folder: image, manifest } = await store.import({ name: 'own', kernel, initrd, cmdline });
    writeFileSync(join(image, 'manifest.json'), JSON.stringify({ ...manifest, cmdline: 'init=/bin/evil' }));
    await expect(store.load('own')).rejects.toMatchObject({ code: 'IMAGE_CORRUPT' });
    const escape = { ...manifest, kernel: { ...manifest.kernel, file: '../../bzImage' } };
    writeFileSync(join(image, 'manifest.json'), JSON.stringify(escape));
    await expect(store.load('own')).rejects.toMatchObject({ code: 'IMAGE_CORRUPT' });
  });

  it('names the images there are when it has not the wanted one', async () => {
    await expect(store.get('own')).rejects.toMatchObject({
      code: 'IMAGE_NOT_FOUND',
      message: 'there is no image "own"; there are none yet (./v3 image build)',
    });
    await store.import({ name: 'other', kernel, initrd, cmdline });
    await expect(store.load('own')).rejects.toThrow('there is no image "own"; there is: other');
    await expect(store.remove('../built')).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
  });
});

describe('ImageStore with the built image', () => {
  it('loads it, does not remove it, and lets no import take its name', async () => {
    const { cache } = resolvePaths();
    const { manifest } = await ensureImage('debian', { cache });
    const built = new ImageStore({ builtIn: join(cache, 'images'), imported: join(folder, 'imported') });
    const loaded = await built.load('debian');
    expect(loaded).toMatchObject({ kind: 'built', kernelFormat: 'elf', cmdline: manifest.cmdline });
    expect(loaded.initrd).toHaveLength(manifest.initrd!.size);
    await expect(built.remove('debian')).rejects.toMatchObject({
      code: 'IMAGE_IN_USE',
      message: expect.stringContaining('part of this checkout'),
    });
    await expect(built.import({ name: 'debian', kernel, initrd, cmdline })).rejects.toMatchObject({
      code: 'IMAGE_EXISTS',
    });
  }, 300_000);
});
