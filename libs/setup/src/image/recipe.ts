import { access, readFile, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { resourceName, V3Error, validate } from '@v3vee/contracts';
import { parse } from 'yaml';
import { z } from 'zod';
import { sha256 } from '../files';

const packageName = z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/, 'a Debian package name');
const relativePath = z
  .string()
  .regex(/^[^/].*$/, 'a path without a leading slash')
  .refine(path => !path.split('/').includes('..'), 'a path without ".."');
const program = z.strictObject({ package: packageName, path: relativePath });
const moduleNames = z.array(z.string());
const contents = {
  programs: z.array(program),
  libraries: z.array(packageName),
  files: z.array(
    z.union([
      z.strictObject({ path: relativePath, from: relativePath, executable: z.boolean().optional() }),
      z.strictObject({ path: relativePath, text: z.string() }),
      /** A file of a package for all architectures, which may have another name there. */
      z.strictObject({ path: relativePath, package: packageName, source: relativePath }),
    ]),
  ),
};

/** `infra/images/<name>/manifest.yaml`: what a guest image is made of. */
export const recipeSchema = z.strictObject({
  name: resourceName,
  description: z.string(),
  /** Debian release that the packages come from. */
  suite: z.string(),
  cmdline: z.string(),
  agent: z.boolean(),
  configChannel: z.boolean(),
  /** A metapackage that depends on the kernel's package. */
  kernel: packageName,
  modules: z.strictObject({ load: moduleNames, keep: moduleNames }),
  busybox: program.extend({ except: z.array(z.string()) }),
  ...contents,
});
export type Recipe = z.output<typeof recipeSchema>;

/** A recipe that adds to another one, which does not do so itself. */
const extensionSchema = z.strictObject({
  name: resourceName,
  description: z.string(),
  extends: resourceName,
  modules: z.strictObject({ load: moduleNames.default([]), keep: moduleNames.default([]) }).prefault({}),
  programs: contents.programs.default([]),
  libraries: contents.libraries.default([]),
  /** A path that the other recipe has too takes its place. */
  files: contents.files.default([]),
});

/** The recipe in a folder, with all that it is made of: `from` counts from that folder. */
export async function readRecipe(folder: string): Promise<Recipe> {
  const manifest = await readManifest(folder);
  const base = await baseFolder(manifest, folder);
  if (!base) return validate(recipeSchema, manifest, 'SETUP_FAILED');
  const { extends: _, ...added } = validate(extensionSchema, manifest, 'SETUP_FAILED');
  const recipe = validate(recipeSchema, await readManifest(base), 'SETUP_FAILED');
  const own = new Set(added.files.map(({ path }) => path));
  const kept = recipe.files.filter(({ path }) => !own.has(path));
  return {
    ...recipe,
    name: added.name,
    description: added.description,
    modules: {
      load: [...recipe.modules.load, ...added.modules.load],
      keep: [...recipe.modules.keep, ...added.modules.keep],
    },
    programs: [...recipe.programs, ...added.programs],
    libraries: [...recipe.libraries, ...added.libraries],
    files: [
      ...kept.map(file => ('from' in file ? { ...file, from: join('..', basename(base), file.from) } : file)),
      ...added.files,
    ],
  };
}

/** A hash over all files of a recipe, and of the one that it extends: another recipe makes another image. */
export async function recipeDigest(folder: string): Promise<string> {
  const names = (await readdir(folder)).sort();
  const hashes = await Promise.all(
    names.map(async name => `${name} ${sha256(await readFile(join(folder, name)))}`),
  );
  const base = await baseFolder(await readManifest(folder), folder);
  if (base) hashes.push(`extends ${await recipeDigest(base)}`);
  return sha256(hashes.join('\n'));
}

const readManifest = async (folder: string): Promise<unknown> =>
  parse(await readFile(join(folder, 'manifest.yaml'), 'utf8'));

/** Beside the recipe. @throws V3Error SETUP_FAILED */
async function baseFolder(manifest: unknown, folder: string): Promise<string | undefined> {
  const { extends: named } = (manifest ?? {}) as { extends?: unknown };
  if (named === undefined) return undefined;
  const name = validate(resourceName, named, 'SETUP_FAILED');
  const base = join(dirname(folder), name);
  await access(join(base, 'manifest.yaml')).catch(() => {
    throw new V3Error('SETUP_FAILED', `the recipe ${basename(folder)} extends "${name}", which is not there`);
  });
  return base;
}
