import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { readRecipe, recipeDigest } from './recipe';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'v3-recipe-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const put = (path: string, text: string): void => {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
};
const base = {
  name: 'base',
  description: 'all that is needed',
  suite: 'bookworm',
  cmdline: 'quiet',
  agent: true,
  configChannel: true,
  kernel: 'linux-image-686',
  modules: { load: ['net'], keep: ['spare'] },
  busybox: { package: 'busybox-static', path: 'bin/busybox', except: [] },
  programs: [{ package: 'iproute2', path: 'bin/ip' }],
  libraries: ['libc6'],
  files: [
    { path: 'init', from: 'init', executable: true },
    { path: 'etc/hostname', text: 'base\n' },
  ],
};
const extension = {
  name: 'more',
  description: 'and more',
  extends: 'base',
  modules: { keep: ['wlan'] },
  files: [
    { path: 'etc/hostname', text: 'more\n' },
    { path: 'lib/firmware/db', package: 'wireless-regdb', source: 'lib/firmware/db-debian' },
  ],
};
const write = (more: object = extension, from: object = base): void => {
  put('base/manifest.yaml', JSON.stringify(from));
  put('base/init', '#!/bin/sh\n');
  put('more/manifest.yaml', JSON.stringify(more));
};

describe('a recipe that extends another one', () => {
  it('has what that has and its own, which comes first', async () => {
    write();
    expect(await readRecipe(join(folder, 'base'))).toEqual(base);
    expect(await readRecipe(join(folder, 'more'))).toEqual({
      ...base,
      name: 'more',
      description: 'and more',
      modules: { load: ['net'], keep: ['spare', 'wlan'] },
      files: [{ path: 'init', from: '../base/init', executable: true }, ...extension.files],
    });
  });

  it('is another one when that is', async () => {
    write();
    const [baseDigest, digest] = [
      await recipeDigest(join(folder, 'base')),
      await recipeDigest(join(folder, 'more')),
    ];
    expect(await recipeDigest(join(folder, 'more'))).toBe(digest);
    put('base/init', '#!/bin/ash\n');
    expect(await recipeDigest(join(folder, 'more'))).not.toBe(digest);
    const changed = await recipeDigest(join(folder, 'base'));
    expect(changed).not.toBe(baseDigest);
    put('more/manifest.yaml', JSON.stringify({ ...extension, description: 'other' }));
    expect(await recipeDigest(join(folder, 'base'))).toBe(changed);
  });

  it.each([
    ['one that is not there', { ...extension, extends: 'none' }, base, /extends "none", which is not there/],
    ['a path', { ...extension, extends: '../base' }, base, /lower-case|name/i],
    ['one that extends', extension, { ...extension, name: 'base' }, /suite/],
    ['one, and says what is that one’s to say', { ...extension, suite: 'trixie' }, base, /suite/],
    [
      'one, with files outside of the image',
      { ...extension, files: [{ path: '../x', text: '' }] },
      base,
      /files/,
    ],
  ])('does not extend %s', async (_, more, from, message) => {
    write(more, from);
    await expect(readRecipe(join(folder, 'more'))).rejects.toMatchObject({
      code: 'SETUP_FAILED',
      message: expect.stringMatching(message),
    });
  });
});
