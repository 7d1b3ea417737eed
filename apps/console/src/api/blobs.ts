import { ApiError } from './problem';

/** Files are uploaded under the SHA-256 of what is in them. */
export const blobPath = (sha256: string): string => `/v1/blobs/${sha256}`;

/**
 * Of a file, which is in memory as a whole meanwhile: browsers reckon no digest of parts.
 * @throws ApiError where a browser reckons none
 */
export async function sha256Of(file: Blob): Promise<string> {
  if (!globalThis.isSecureContext) {
    const instead = 'Come by https, or from the machine itself; or use the command line.';
    throw new ApiError(
      'INSECURE_PAGE',
      'Browsers reckon no digest for a page that came unprotected',
      instead,
    );
  }
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', await file.arrayBuffer()));
  return [...digest].map(octet => octet.toString(16).padStart(2, '0')).join('');
}
