import { mkdir, readFile, readdir, readlink, realpath, rename, rm, stat, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { V3Error } from '@v3vee/contracts';
import {
  fetchPackages,
  readDependencies,
  unpackPackages,
  type FetchedPackage,
  type PackageOptions,
} from '../debian-packages';
import {
  replaceFolder,
  explainDiskError,
  readJson,
  removeLeftOvers,
  requireSpace,
  sha256,
  temporaryName,
  touch,
  writeFileAtomic,
} from '../files';
import { withLock } from '../lock';
import { checkoutRoot } from '../paths';
import { silentProgress } from '../progress';
import { extractVmlinux, readBzImage } from './bzimage';
import { imageDigest, imageManifestSchema, type ImageManifest } from './image-manifest';
import { buildInitrd } from './initrd';
import { readRecipe, recipeDigest, type Recipe } from './recipe';

/** Raised when the builder makes something else of the same recipe, so that cached images are built anew. */
const builderVersion = 1;
/** Builds of other checkouts or older recipes that the cache keeps. */
const keptBuilds = 4;

/** Unpacked, the kernel's package alone takes 200 MB. */
const buildSpace = 400 << 20;

const remedy =
  "The guest needs Debian 12's i386 packages, which Debian 13 and Ubuntu do not have: name a mirror of Debian 12 with " +
  '--debian-mirror URL (or V3_DEBIAN_MIRROR), use docker compose (its builder image is Debian 12), or bring a kernel ' +
  'and an initrd of your own with ./v3 image import.';

export interface BuiltImage {
  name: string;
  /** The image's folder, `<cache>/images/<name>`. */
  folder: string;
  manifest: ImageManifest;
}

export interface ImageOptions extends PackageOptions {
  /** Folder of the recipes; the checkout's `infra/images` where it is left out. */
  recipes?: string;
  /** Build it although the cache has it. */
  rebuild?: boolean;
}

/** The images that this checkout can build. */
export async function listBuiltinImages(recipes = join(checkoutRoot, 'infra/images')): Promise<string[]> {
  const entries = await readdir(recipes, { withFileTypes: true });
  return entries
    .filter(entry => entry.isDirectory())
    .map(entry => entry.name)
    .sort();
}

/**
 * The built image of a recipe, built first where the cache has none.
 *
 * `<cache>/images/<name>` is a link to a folder that is named after the recipe's hash, so that checkouts with
 * different recipes do not rebuild each other's images: the link shows what was wanted last.
 */
export async function ensureImage(name: string, options: ImageOptions): Promise<BuiltImage> {
  const recipes = options.recipes ?? join(checkoutRoot, 'infra/images');
  if (!(await listBuiltinImages(recipes)).includes(name)) {
    throw new V3Error('IMAGE_NOT_FOUND', `there is no recipe for an image "${name}" in ${recipes}`);
  }
  const recipeFolder = join(recipes, name);
  const key = sha256(`${builderVersion} ${await recipeDigest(recipeFolder)}`).slice(0, 16);
  const builds = join(options.cache, 'built-images');
  const folder = join(builds, `${name}-${key}`);
  const link = join(options.cache, 'images', name);
  try {
    if (!options.rebuild && (await pointsTo(link, folder))) {
      const manifest = await readBuilt(folder);
      if (manifest) return { name, folder: link, manifest };
    }
    return await withLock(join(options.cache, 'images.lock'), async () => {
      let manifest = options.rebuild ? undefined : await readBuilt(folder);
      if (!manifest) {
        options.progress?.step(`Building the guest image "${name}"`);
        manifest = await build(await readRecipe(recipeFolder), recipeFolder, folder, options);
      }
      await touch(folder);
      await replaceLink(link, folder);
      await removeOldBuilds(builds, join(options.cache, 'images'));
      return { name, folder: link, manifest };
    });
  } catch (error) {
    throw explainDiskError(error, options.cache, 'V3_CACHE_DIR');
  }
}

async function build(
  recipe: Recipe,
  recipeFolder: string,
  folder: string,
  options: ImageOptions,
): Promise<ImageManifest> {
  const progress = options.progress ?? silentProgress;
  for (const place of [options.cache, dirname(folder)]) await removeLeftOvers(place);
  await requireSpace(options.cache, buildSpace, 'V3_CACHE_DIR');
  const packages = await fetchAll(recipe, { remedy, ...options });
  const tree = temporaryName(join(options.cache, 'unpack'));
  try {
    progress.update('unpacking the packages');
    await unpackPackages(packages, tree, options.env);
    progress.update('unpacking the kernel');
    const kernel = await readKernel(tree);
    progress.update('packing the initrd');
    const initrd = await buildInitrd(recipe, recipeFolder, tree);
    return await writeImage(recipe, packages, { ...kernel, initrd }, folder);
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
}

async function fetchAll(recipe: Recipe, options: ImageOptions): Promise<FetchedPackage[]> {
  const request = (name: string) => ({ name, architecture: 'i386', suite: recipe.suite }) as const;
  const names = new Set([
    recipe.busybox.package,
    ...recipe.programs.map(program => program.package),
    ...recipe.libraries,
  ]);
  // The data packages of any machine's architecture are those of all.
  const data = new Set(recipe.files.flatMap(file => ('package' in file ? [file.package] : [])));
  const requests = [
    ...[recipe.kernel, ...names].map(request),
    ...[...data].map(name => ({ name, suite: recipe.suite })),
  ];
  const [metapackage, ...others] = await fetchPackages(requests, options);
  const kernel = (await readDependencies(metapackage as FetchedPackage, options.env)).find(name =>
    name.startsWith('linux-image-'),
  );
  if (!kernel) throw new V3Error('SETUP_FAILED', `the package ${recipe.kernel} depends on no kernel`);
  return [...(await fetchPackages([request(kernel)], options)), ...others];
}

async function readKernel(tree: string): Promise<{ kernel: Uint8Array; bootHeader: Uint8Array }> {
  const boot = join(tree, 'boot');
  const file = (await readdir(boot)).find(name => name.startsWith('vmlinuz-'));
  if (!file) throw new V3Error('SETUP_FAILED', 'the kernel package has no /boot/vmlinuz');
  const image = readBzImage(await readFile(join(boot, file)));
  return { kernel: await extractVmlinux(image), bootHeader: image.bootHeader };
}

interface Contents {
  kernel: Uint8Array;
  bootHeader: Uint8Array;
  initrd: Uint8Array;
}

async function writeImage(
  recipe: Recipe,
  packages: FetchedPackage[],
  contents: Contents,
  folder: string,
): Promise<ImageManifest> {
  const entry = (file: string, data: Uint8Array) => ({ file, size: data.length, sha256: sha256(data) });
  const { name, description, agent, configChannel } = recipe;
  const body = {
    name,
    description,
    kernel: { ...entry('vmlinux', contents.kernel), format: 'elf' as const },
    bootHeader: entry('boot-header.bin', contents.bootHeader),
    initrd: entry('initrd.cpio', contents.initrd),
    cmdline: recipe.cmdline.trim().replace(/\s+/g, ' '),
    agent,
    configChannel,
    createdAt: new Date().toISOString(),
    packages: packages.map(({ path: _path, ...rest }) => rest),
  };
  const manifest: ImageManifest = { format: 1, digest: imageDigest(body), ...body };
  await replaceFolder(folder, async target => {
    await writeFileAtomic(join(target, body.kernel.file), contents.kernel);
    await writeFileAtomic(join(target, body.bootHeader.file), contents.bootHeader);
    await writeFileAtomic(join(target, body.initrd.file), contents.initrd);
    await writeFileAtomic(join(target, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  });
  return manifest;
}

/** The image in a folder; undefined where it is not whole, so that it is built anew. (Its hashes are checked when it is loaded.) */
async function readBuilt(folder: string): Promise<ImageManifest | undefined> {
  const parsed = imageManifestSchema.safeParse(await readJson(join(folder, 'manifest.json')));
  if (!parsed.success) return undefined;
  const { kernel, bootHeader, initrd } = parsed.data;
  for (const part of [kernel, bootHeader, initrd]) {
    if (part && (await sizeOf(join(folder, part.file))) !== part.size) return undefined;
  }
  return parsed.data;
}

const sizeOf = (file: string): Promise<number> =>
  stat(file).then(
    ({ size }) => size,
    () => -1,
  );

async function pointsTo(link: string, folder: string): Promise<boolean> {
  return (await readlink(link).catch(() => '')) === relative(dirname(link), folder);
}

/** Relative, so that the cache can be moved. */
async function replaceLink(link: string, folder: string): Promise<void> {
  if (await pointsTo(link, folder)) return;
  const temporary = temporaryName(link);
  await mkdir(dirname(link), { recursive: true });
  await symlink(relative(dirname(link), folder), temporary);
  await rename(temporary, link);
}

/** Keeps the builds that are linked to or were used last; a developer who edits a recipe makes 27 MB each time. */
async function removeOldBuilds(builds: string, links: string): Promise<void> {
  const linked = await Promise.all(
    (await readdir(links)).map(name => realpath(join(links, name)).catch(() => '')),
  );
  const folders = (await readdir(builds)).map(name => join(builds, name));
  const dated = await Promise.all(
    folders.map(async folder => ({
      folder,
      real: await realpath(folder),
      used: (await stat(folder)).mtimeMs,
    })),
  );
  const unused = dated.filter(({ real }) => !linked.includes(real)).sort((a, b) => b.used - a.used);
  for (const { folder } of unused.slice(keptBuilds)) await rm(folder, { recursive: true, force: true });
}
