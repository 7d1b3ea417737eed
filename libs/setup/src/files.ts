import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, mkdir, open, readFile, readdir, rename, rm, statfs, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { V3Error } from '@v3vee/contracts';

export function sha256(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex');
}

export async function sha256File(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/** A name beside `target` that no other process uses: what is written there moves into place by one rename. */
export function temporaryName(target: string): string {
  return `${target}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`;
}

/**
 * Removes what killed processes left under `temporaryName`s in a folder. Younger than an hour it may belong to a
 * process that we cannot see: one of another container on the same cache.
 */
export async function removeLeftOvers(folder: string, now = Date.now()): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const pid = Number(/\.(\d+)-[0-9a-f]{8}\.tmp$/.exec(name)?.[1]);
    if (!pid || isRunning(pid)) continue;
    const path = join(folder, name);
    const age = await lstat(path).then(
      ({ mtimeMs }) => now - mtimeMs,
      () => 0,
    );
    if (age > 3_600_000) await rm(path, { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // another user's
  }
}

/** Writes a file so that readers see the old content or the new, never a part, even after a power cut. */
export async function writeFileAtomic(file: string, data: Uint8Array | string, mode = 0o644): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const temporary = temporaryName(file);
  try {
    const handle = await open(temporary, 'wx', mode);
    try {
      await handle.writeFile(data);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** What was renamed and removed in a folder is so even after a power cut. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Makes a folder that appears with all that `fill` puts into it. Rejects with ENOTEMPTY where there is one already. */
export async function createFolder(target: string, fill: (folder: string) => Promise<void>): Promise<void> {
  const temporary = temporaryName(target);
  await mkdir(temporary, { recursive: true });
  try {
    await fill(temporary);
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}

/** Like `createFolder`, in place of a folder that is there. */
export async function replaceFolder(target: string, fill: (folder: string) => Promise<void>): Promise<void> {
  await createFolder(target, async folder => {
    await fill(folder);
    await rm(target, { recursive: true, force: true });
  });
}

/** Parsed JSON, or undefined where there is no such file or its content is no JSON (a cache entry to make anew). */
export async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Marks a cache entry as used now. */
export async function touch(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => {}); // a read-only cache is fine
}

/** Refuses to begin what will not fit: some programs hang on a full disk instead of failing. */
export async function requireSpace(folder: string, bytes: number, variable: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= bytes) return;
  const [free, needed] = [bavail * bsize, bytes].map(amount => Math.round(amount / 2 ** 20));
  throw new V3Error(
    'STORAGE_FULL',
    `${folder} has ${free} MiB of space left and ${needed} MiB are needed: free some, or set ${variable} to a folder on another disk`,
  );
}

/** Says which folder has no room or may not be written, instead of a bare ENOSPC or EACCES. */
export function explainDiskError(error: unknown, folder: string, variable: string): unknown {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new V3Error(
      'STORAGE_FULL',
      `${folder} has no space left: free some, or set ${variable} to a folder on another disk`,
      {
        cause: error,
      },
    );
  }
  if (['EACCES', 'EPERM', 'EROFS', 'ENOTDIR'].includes(code ?? '')) {
    return new V3Error(
      'SETUP_FAILED',
      `${folder} cannot be written (${code}): change its owner, or set ${variable} to a folder of yours`,
      {
        cause: error,
      },
    );
  }
  return error;
}
