import { statfs } from 'node:fs/promises';
import { V3Error } from '@v3vee/contracts';

export const corrupt = (detail: string, cause?: unknown): V3Error =>
  new V3Error('STATE_CORRUPT', detail, { cause });

/** Of a file that somebody gave us. */
export const invalid = (what: string, cause?: unknown): V3Error =>
  new V3Error('STATE_INVALID', `it can't be imported: ${what}`, { cause });

export const isMissing = (thrown: unknown): boolean => codeOf(thrown) === 'ENOENT';
export const isFull = (thrown: unknown): boolean => ['ENOSPC', 'EDQUOT'].includes(codeOf(thrown) ?? '');

const codeOf = (thrown: unknown) => (thrown as NodeJS.ErrnoException | null)?.code;

export function quotaExceeded(needed: number, stored: number, quota: number): V3Error {
  return new V3Error(
    'STORAGE_FULL',
    `the saved state needs ${mib(needed)}, and ${mib(Math.max(0, quota - stored))} of the quota of ${mib(quota)} ` +
      `are free (${mib(stored)} are used); delete snapshots, or raise the quota`,
  );
}

export async function diskFull(needed: number, folder: string, cause: unknown): Promise<V3Error> {
  const free = await statfs(folder).then(
    ({ bavail, bsize }) => mib(bavail * bsize),
    () => 'too few',
  );
  return new V3Error(
    'STORAGE_FULL',
    `the saved state needs ${mib(needed)}, and ${free} are free on the disk; delete snapshots, or make room`,
    { cause },
  );
}

const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
