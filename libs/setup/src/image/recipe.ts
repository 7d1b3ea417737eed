import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { resourceName, validate } from '@v3vee/contracts';
import { parse } from 'yaml';
import { z } from 'zod';
import { sha256 } from '../files';

const packageName = z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/, 'a Debian package name');
const relativePath = z
  .string()
  .regex(/^[^/].*$/, 'a path without a leading slash')
  .refine(path => !path.split('/').includes('..'), 'a path without ".."');
const program = z.strictObject({ package: packageName, path: relativePath });

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
  modules: z.strictObject({ load: z.array(z.string()), keep: z.array(z.string()) }),
  busybox: program.extend({ except: z.array(z.string()) }),
  programs: z.array(program),
  libraries: z.array(packageName),
  files: z.array(
    z.union([
      z.strictObject({ path: relativePath, from: relativePath, executable: z.boolean().optional() }),
      z.strictObject({ path: relativePath, text: z.string() }),
    ]),
  ),
});
export type Recipe = z.output<typeof recipeSchema>;

export async function readRecipe(folder: string): Promise<Recipe> {
  return validate(recipeSchema, parse(await readFile(join(folder, 'manifest.yaml'), 'utf8')), 'SETUP_FAILED');
}

/** A hash over all files of a recipe: another recipe makes another image. */
export async function recipeDigest(folder: string): Promise<string> {
  const names = (await readdir(folder)).sort();
  const hashes = await Promise.all(
    names.map(async name => `${name} ${sha256(await readFile(join(folder, name)))}`),
  );
  return sha256(hashes.join('\n'));
}
