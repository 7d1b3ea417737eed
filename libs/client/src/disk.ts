import { diskExportPath, MAX_BLOB_BYTES, type Disk } from '@v3vee/contracts';
import { uploadBlob } from './blobs';
import { openByteStream, type ByteStream } from './byte-stream';
import type { Client } from './client';

/** As large as a blob may be, on a slow disk. */
const DISK_MS = 300_000;

/** Uploads a raw image and makes a disk image of it. */
export async function importDisk(
  client: Client,
  { file, name }: { file: string; name: string },
  onProgress: (text: string) => void = () => {},
): Promise<Disk> {
  onProgress(`uploading ${file}`);
  const blob = await uploadBlob(client, file, { most: MAX_BLOB_BYTES, empty: 'INVALID_REQUEST' });
  onProgress('storing');
  return client.call('createDisk', {}, { body: { name, blob }, timeoutMs: DISK_MS });
}

/**
 * A disk as a raw image, which is whole only if the stream ends well.
 * @throws V3Error as the gateway answered it (DISK_NOT_FOUND, DISK_IN_USE …)
 */
export function openDiskExport(client: Client, disk: string): Promise<ByteStream> {
  return openByteStream(client, diskExportPath(disk), {}, 'export');
}
