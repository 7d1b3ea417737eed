import { readFile, readdir, realpath, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { V3Error } from '@v3vee/contracts';
import { packCpio } from './cpio';
import { readNeeded } from './elf';
import type { Recipe } from './recipe';
import { renewProgram } from './renew-program';
import { packSquashfs } from './squashfs';
import type { TreeEntry } from './tree';
import { decompressXz } from './xz';

const libraryFolders = ['lib/i386-linux-gnu', 'usr/lib/i386-linux-gnu', 'lib', 'usr/lib'];
const linker = 'ld-linux.so.2';
const largestModule = 16 << 20;
/** What /usr is mounted with, and so cannot lie there. */
const mounting = ['loop', 'squashfs'];

/**
 * Packs the initramfs of a recipe from the tree that its packages were unpacked into.
 *
 * What the boot needs lies in it as it is; the programs, their libraries and most modules lie in it as a compressed file
 * system that the boot mounts on /usr, because they would fill a third of a 64 MB guest.
 */
export async function buildInitrd(recipe: Recipe, recipeFolder: string, tree: string): Promise<Uint8Array> {
  const programs = await readPrograms(recipe, tree);
  const libraries = await readLibraries([...programs.values()], tree);
  const modules = await readModules(recipe.modules, tree);
  const early = new Set(loadOrder(mounting, modules));
  const busybox = await readTreeFile(tree, recipe.busybox.path);
  const isOwn = (name: string): boolean =>
    name !== 'busybox' && !programs.has(name) && !recipe.busybox.except.includes(name);
  const applets = readApplets(busybox).filter(isOwn);
  const executable = (path: string, data: Uint8Array): TreeEntry => ({
    path,
    kind: 'file',
    data,
    executable: true,
  });
  const usr = packSquashfs([
    { path: 'sbin', kind: 'link', target: 'bin' },
    ...[...programs].map(([name, data]) => executable(`bin/${name}`, data)),
    ...[...libraries].map(([name, data]) => executable(`lib/i386-linux-gnu/${name}`, data)),
    ...[...modules]
      .filter(([name]) => !early.has(name))
      .map(([name, data]): TreeEntry => ({ path: `lib/modules/${name}.ko`, kind: 'file', data })),
  ]);
  return packCpio([
    ...skeleton,
    executable('bin/busybox', busybox),
    executable('bin/renew', renewProgram()),
    ...applets.map((name): TreeEntry => ({ path: `bin/${name}`, kind: 'link', target: 'busybox' })),
    ...[...modules].map(([name, data]): TreeEntry => {
      const path = `lib/modules/${name}.ko`;
      return early.has(name) ? { path, kind: 'file', data } : { path, kind: 'link', target: `/usr/${path}` };
    }),
    { path: 'etc/modules', kind: 'file', data: lines(loadOrder(recipe.modules.load, modules)) },
    { path: 'usr.squashfs', kind: 'file', data: usr },
    ...(await readFiles(recipe, recipeFolder, tree)),
  ]);
}

const skeleton: TreeEntry[] = [
  { path: 'sbin', kind: 'link', target: 'bin' },
  // The dynamic linker's name is part of every program.
  { path: `lib/${linker}`, kind: 'link', target: `../usr/lib/i386-linux-gnu/${linker}` },
  { path: 'var/run', kind: 'link', target: '../run' },
  { path: 'var/log', kind: 'folder' },
  { path: 'var/www', kind: 'folder' },
  { path: 'tmp', kind: 'folder', mode: 0o1777 },
  { path: 'root', kind: 'folder', mode: 0o700 },
  ...['dev', 'proc', 'sys', 'run', 'mnt', 'usr'].map((path): TreeEntry => ({ path, kind: 'folder' })),
  // The kernel opens it for init before init can mount /dev.
  { path: 'dev/console', kind: 'device', major: 5, minor: 1 },
];

async function readPrograms(recipe: Recipe, tree: string): Promise<Map<string, Uint8Array>> {
  const programs = new Map<string, Uint8Array>();
  for (const { path } of recipe.programs) programs.set(basename(path), await readTreeFile(tree, path));
  return programs;
}

/** The libraries that programs need, and those that the libraries need, by soname. */
export async function readLibraries(
  programs: readonly Uint8Array[],
  tree: string,
): Promise<Map<string, Uint8Array>> {
  const libraries = new Map<string, Uint8Array>();
  const waiting = programs.flatMap(readNeeded);
  if (programs.length > 0) waiting.push(linker);
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (libraries.has(name)) continue;
    const data = await findLibrary(name, tree);
    libraries.set(name, data);
    waiting.push(...readNeeded(data));
  }
  return libraries;
}

async function findLibrary(name: string, tree: string): Promise<Uint8Array> {
  for (const folder of libraryFolders) {
    const path = join(folder, name);
    if (await exists(join(tree, path))) return readTreeFile(tree, path);
  }
  throw new V3Error(
    'SETUP_FAILED',
    `no package of the image has the library ${name}: add the package that has it to "libraries" in the image's manifest.yaml`,
  );
}

/** The named kernel modules and those that they depend on. Debian 12 ships them plain, later releases as .ko.xz. */
async function readModules(
  { load, keep }: Recipe['modules'],
  tree: string,
): Promise<Map<string, Uint8Array>> {
  const root = join(tree, 'lib/modules');
  const files = new Map<string, string>();
  for (const path of await readdir(root, { recursive: true })) {
    const match = /([^/]+)\.ko(\.\w+)?$/.exec(path);
    if (match?.[1]) files.set(match[1], path);
  }
  const modules = new Map<string, Uint8Array>();
  const waiting = [...load, ...keep];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (modules.has(name)) continue;
    const path = files.get(name);
    if (!path) throw new V3Error('SETUP_FAILED', `the kernel package has no module ${name}`);
    const data = await readModule(join(root, path));
    modules.set(name, data);
    waiting.push(...readDepends(data));
  }
  return modules;
}

async function readModule(path: string): Promise<Uint8Array> {
  const data = await readFile(path);
  if (path.endsWith('.ko')) return data;
  if (path.endsWith('.ko.xz')) return decompressXz(data, largestModule);
  throw new V3Error(
    'SETUP_FAILED',
    `the module ${path} is compressed in a way that is not supported (only .ko and .ko.xz are)`,
  );
}

/** The modules that a module needs, from its .modinfo section. */
export function readDepends(module: Uint8Array): string[] {
  const bytes = Buffer.from(module.buffer, module.byteOffset, module.byteLength);
  const start = bytes.indexOf('\0depends=', 0, 'latin1');
  if (start < 0) return [];
  const text = bytes.toString('latin1', start + 9, bytes.indexOf(0, start + 9));
  return text.split(',').filter(Boolean);
}

const lines = (words: readonly string[]): Uint8Array => Buffer.from(words.map(word => `${word}\n`).join(''));

/** Modules of these names that there are, each after those it depends on. */
function loadOrder(names: readonly string[], modules: ReadonlyMap<string, Uint8Array>): string[] {
  const order = new Set<string>();
  const add = (name: string): void => {
    const module = modules.get(name);
    if (!module || order.has(name)) return;
    readDepends(module).forEach(add);
    order.add(name);
  };
  names.forEach(add);
  return [...order];
}

/** The names under which a busybox binary can be called: its table of NUL-separated names, which begins with `[`. */
export function readApplets(busybox: Uint8Array): string[] {
  const bytes = Buffer.from(busybox.buffer, busybox.byteOffset, busybox.byteLength);
  const start = bytes.indexOf('\0[\0[[\0', 0, 'latin1');
  const end = bytes.indexOf('\0\0', start + 1, 'latin1');
  const names = start < 0 || end < 0 ? [] : bytes.toString('latin1', start + 1, end).split('\0');
  if (!names.includes('sh') || !names.every(name => /^[\w[.-]+$/.test(name))) {
    throw new V3Error('SETUP_FAILED', 'the list of applets was not found in the busybox binary');
  }
  return names;
}

async function readFiles(recipe: Recipe, folder: string, tree: string): Promise<TreeEntry[]> {
  return Promise.all(
    recipe.files.map(async (file): Promise<TreeEntry> => {
      if ('text' in file) return { path: file.path, kind: 'file', data: Buffer.from(file.text) };
      if ('package' in file)
        return { path: file.path, kind: 'file', data: await readTreeFile(tree, file.source) };
      return {
        path: file.path,
        kind: 'file',
        data: await readFile(join(folder, file.from)),
        executable: file.executable,
      };
    }),
  );
}

/** A file of the unpacked tree. Links are followed, but not out of the tree: a package's absolute links mean the guest's root. */
async function readTreeFile(tree: string, path: string): Promise<Uint8Array> {
  const root = await realpath(tree);
  const real = await realpath(join(root, path)).catch(() => undefined);
  if (!real?.startsWith(`${root}/`))
    throw new V3Error('SETUP_FAILED', `no package of the image has the file ${path}`);
  return readFile(real);
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
