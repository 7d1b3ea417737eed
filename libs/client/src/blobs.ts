import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { MAX_BLOB_BYTES, MAX_IMAGE_BYTES, V3Error, type Image, type Snapshot } from '@v3vee/contracts';
import type { Client } from './client';

export interface ImageFiles {
  name: string;
  kernel: string;
  initrd?: string;
  cmdline?: string;
}

/** Uploads a kernel and an initrd and makes an image of them. */
export async function importImage(
  client: Client,
  files: ImageFiles,
  onProgress: (text: string) => void = () => {},
): Promise<Image> {
  const upload = (file: string) => {
    onProgress(`uploading ${file}`);
    return uploadBlob(client, file, { most: MAX_IMAGE_BYTES, empty: 'IMAGE_INVALID' });
  };
  const kernel = await upload(files.kernel);
  const initrd = files.initrd === undefined ? undefined : await upload(files.initrd);
  onProgress('checking');
  return client.call(
    'importImage',
    {},
    { body: { name: files.name, kernel, initrd, cmdline: files.cmdline }, timeoutMs: 120_000 },
  );
}

/** As large as the memory of the largest VM, at most; on a slow disk. */
const STATE_MS = 200_000;

/** Uploads what {@link openSnapshotExport} gave and makes a snapshot of it. */
export async function importSnapshot(
  client: Client,
  { file, ...options }: { file: string; vm?: string; name?: string },
  onProgress: (text: string) => void = () => {},
): Promise<Snapshot> {
  onProgress(`uploading ${file}`);
  const blob = await uploadBlob(client, file, { most: MAX_BLOB_BYTES, empty: 'STATE_INVALID' });
  onProgress('checking');
  return client.call('importSnapshot', {}, { body: { blob, ...options }, timeoutMs: STATE_MS });
}

/** Uploads a file; its name at the gateway is its sha256, which is returned. */
export async function uploadBlob(
  client: Client,
  file: string,
  { most, empty }: { most: number; empty: 'IMAGE_INVALID' | 'STATE_INVALID' | 'JOB_BINARY_INVALID' },
): Promise<string> {
  const { size } = await readable(file);
  if (size === 0) throw new V3Error(empty, `${file} is empty`);
  if (size > most) {
    throw new V3Error(
      'BODY_TOO_LARGE',
      `${file} has ${size} bytes; at most ${most} (${most / 2 ** 20} MiB) are taken`,
    );
  }
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  const digest = hash.digest('hex');
  await client.put(`/blobs/${digest}`, () => createReadStream(file), size);
  return digest;
}

async function readable(file: string) {
  try {
    const info = await stat(file);
    if (!info.isFile()) throw new V3Error('USAGE', `${file} is not a file`);
    return info;
  } catch (error) {
    if (error instanceof V3Error) throw error;
    throw new V3Error('USAGE', `${file} cannot be read (${(error as NodeJS.ErrnoException).code})`, {
      cause: error,
    });
  }
}
