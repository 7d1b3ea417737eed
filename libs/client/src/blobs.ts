import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { MAX_BLOB_BYTES, V3Error, type Image } from '@v3vee/contracts';
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
    return uploadBlob(client, file);
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

/** Uploads a file; its name at the gateway is its sha256, which is returned. */
export async function uploadBlob(client: Client, file: string): Promise<string> {
  const { size } = await readable(file);
  if (size === 0) throw new V3Error('IMAGE_INVALID', `${file} is empty`);
  if (size > MAX_BLOB_BYTES) {
    throw new V3Error(
      'BODY_TOO_LARGE',
      `${file} has ${size} bytes; at most ${MAX_BLOB_BYTES} (${MAX_BLOB_BYTES / 2 ** 20} MiB) are taken`,
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
