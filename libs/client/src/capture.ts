import { CAPTURE_PATH, type CaptureQuery } from '@v3vee/contracts';
import { openByteStream, type ByteStream } from './byte-stream';
import type { Client } from './client';

/** Its stream is pcapng. */
export type CaptureSession = ByteStream;

/**
 * Begins a capture.
 * @throws V3Error as the gateway answered it (CAPTURE_FILTER_INVALID, CAPTURE_POINT_NOT_FOUND …);
 *   SERVICE_UNAVAILABLE when it cannot be reached
 */
export function openCapture(
  client: Client,
  query: Partial<CaptureQuery> & { point: string },
): Promise<CaptureSession> {
  return openByteStream(client, CAPTURE_PATH, query, 'capture');
}
