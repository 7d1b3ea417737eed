import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { V3Error } from '@v3vee/contracts';
import { z } from 'zod';
import { Apt, specifier, type PackageRequest } from './apt';
import {
  explainDiskError,
  readJson,
  removeLeftOvers,
  requireSpace,
  sha256File,
  temporaryName,
  writeFileAtomic,
} from './files';
import { withLock } from './lock';
import { silentProgress, type Progress } from './progress';
import { run } from './run';

/** A package in the cache, verified against the hash in apt's signed index. */
export interface FetchedPackage {
  name: string;
  version: string;
  architecture: string;
  sha256: string;
  /** The .deb file. */
  path: string;
}

export interface PackageOptions {
  /** The cache folder of `resolvePaths`. */
  cache: string;
  /** Debian mirror to use instead of the machine's sources; V3_DEBIAN_MIRROR where it is left out. */
  mirror?: string;
  progress?: Progress;
  env?: NodeJS.ProcessEnv;
  aptArgs?: readonly string[];
  /** What a user can do who cannot have these packages: ends the error message. */
  remedy?: string;
}

/** apt's index takes 40 MB, the packages of an image 70 MB. */
const downloadSpace = 160 << 20;

const entrySchema = z.object({
  name: z.string(),
  version: z.string(),
  architecture: z.string(),
  file: z.string().regex(/^[^/]+\.deb$/),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  fetchedAt: z.string(),
});
const manifestSchema = z.object({ packages: z.record(z.string(), entrySchema) });
type Manifest = z.output<typeof manifestSchema>;

/**
 * Fetches Debian packages into the cache. What is there and still has its recorded hash is used without the network,
 * so a cluster that was set up once starts offline, and its guests do not change under the user.
 */
export async function fetchPackages(
  requests: readonly PackageRequest[],
  options: PackageOptions,
): Promise<FetchedPackage[]> {
  const folder = join(options.cache, 'packages');
  const progress = options.progress ?? silentProgress;
  try {
    const lock = join(options.cache, 'packages.lock');
    return await withLock(lock, () => fetchLocked(requests, folder, options), {
      onWait: pid => progress.update(`waiting for the set-up of process ${pid}`),
    });
  } catch (error) {
    throw explainDiskError(error, options.cache, 'V3_CACHE_DIR');
  }
}

/** A package with all that it depends on, but for what is `left` out, as {@link fetchPackages} fetches it. */
export async function fetchWithDependencies(
  request: PackageRequest,
  left: readonly string[],
  options: PackageOptions,
): Promise<FetchedPackage[]> {
  const all = await aptOf(options).closure(request);
  return fetchPackages(
    all.filter(({ name }) => !left.includes(name)),
    options,
  );
}

async function fetchLocked(
  requests: readonly PackageRequest[],
  folder: string,
  options: PackageOptions,
): Promise<FetchedPackage[]> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'manifest.json');
  const parsed = manifestSchema.safeParse(await readJson(file));
  const manifest: Manifest = parsed.success ? parsed.data : { packages: {} };
  const missing: PackageRequest[] = [];
  for (const request of requests) if (!(await isIntact(manifest, request, folder))) missing.push(request);
  if (missing.length > 0) {
    await download(missing, folder, manifest, options);
    await writeFileAtomic(file, `${JSON.stringify(manifest, null, 2)}\n`);
  }
  return requests.map(request => {
    const entry = manifest.packages[key(request)];
    if (!entry)
      throw new V3Error('INTERNAL', `the package ${specifier(request)} was fetched but not recorded`);
    const { name, version, architecture, sha256 } = entry;
    return { name, version, architecture, sha256, path: join(folder, entry.file) };
  });
}

function aptOf(options: PackageOptions): Apt {
  const env = options.env ?? process.env;
  return new Apt({
    folder: join(options.cache, 'apt'),
    mirror: options.mirror ?? (env.V3_DEBIAN_MIRROR || undefined),
    env,
    extraArgs: options.aptArgs,
    remedy:
      options.remedy ??
      'Add a source that has them to /etc/apt, or use docker compose (its images have them).',
  });
}

async function download(
  requests: readonly PackageRequest[],
  folder: string,
  manifest: Manifest,
  options: PackageOptions,
): Promise<void> {
  const progress = options.progress ?? silentProgress;
  const apt = aptOf(options);
  const temporary = temporaryName(join(folder, 'download'));
  await removeLeftOvers(folder);
  await requireSpace(folder, downloadSpace, 'V3_CACHE_DIR');
  await mkdir(temporary, { recursive: true });
  try {
    progress.update('reading the package index');
    const found = await apt.resolve(requests);
    await apt.download(requests, temporary, count =>
      progress.update(`package ${count} of ${requests.length}`),
    );
    for (const [index, request] of requests.entries()) {
      const { name, version, architecture, file, sha256 } = found[index] as (typeof found)[number];
      const path = join(temporary, file);
      if ((await sha256File(path)) !== sha256) {
        throw new V3Error(
          'SETUP_FAILED',
          `the Debian package ${file} does not have the hash of apt's index; run it again`,
        );
      }
      await rename(path, join(folder, file));
      manifest.packages[key(request)] = {
        name,
        version,
        architecture,
        file,
        sha256,
        fetchedAt: new Date().toISOString(),
      };
    }
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** Unpacks packages over each other into one tree. */
export async function unpackPackages(
  packages: readonly FetchedPackage[],
  folder: string,
  env = process.env,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const { path } of packages) {
    const result = await run('dpkg-deb', ['-x', path, folder], { env }).catch(noDpkg);
    if (result.code !== 0) {
      if (/No space left/i.test(result.stderr)) {
        throw new V3Error(
          'STORAGE_FULL',
          `${folder} has no space left to unpack ${path}: free some, or set V3_CACHE_DIR`,
        );
      }
      throw new V3Error('SETUP_FAILED', `${path} cannot be unpacked: ${result.stderr.trim()}`);
    }
  }
}

/** The names a package depends on (its Depends field, first alternatives, without versions). */
export async function readDependencies({ path }: FetchedPackage, env = process.env): Promise<string[]> {
  const result = await run('dpkg-deb', ['-f', path, 'Depends'], { env }).catch(noDpkg);
  if (result.code !== 0) throw new V3Error('SETUP_FAILED', `${path} cannot be read: ${result.stderr.trim()}`);
  return result.stdout
    .toString()
    .split(',')
    .map(part => part.trim().split(/[\s(|:]/)[0] ?? '')
    .filter(Boolean);
}

function noDpkg(cause: unknown): never {
  throw new V3Error(
    'SETUP_FAILED',
    'dpkg-deb is needed to unpack Debian packages, and this machine has none: install the package dpkg',
    {
      cause,
    },
  );
}

async function isIntact(manifest: Manifest, request: PackageRequest, folder: string): Promise<boolean> {
  const entry = manifest.packages[key(request)];
  if (!entry) return false;
  const path = join(folder, entry.file);
  const exists = await stat(path).then(
    () => true,
    () => false,
  );
  return exists && (await sha256File(path)) === entry.sha256;
}

const key = (request: PackageRequest): string => `${specifier(request)}@${request.suite ?? 'any'}`;
