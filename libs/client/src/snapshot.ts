import { snapshotExportPath } from '@v3vee/contracts';
import { openByteStream, type ByteStream } from './byte-stream';
import type { Client } from './client';

/**
 * A snapshot as one file, which is whole only if the stream ends well.
 * @throws V3Error as the gateway answered it (SNAPSHOT_NOT_FOUND, STATE_CORRUPT …)
 */
export function openSnapshotExport(client: Client, snapshot: string): Promise<ByteStream> {
  return openByteStream(client, snapshotExportPath(snapshot), {}, 'export');
}
