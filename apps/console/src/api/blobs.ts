/** Files are uploaded under the SHA-256 of what is in them. */
export const blobPath = (sha256: string): string => `/v1/blobs/${sha256}`;

/** Of a file, which is in memory as a whole meanwhile: browsers reckon no digest of parts. */
export async function sha256Of(file: Blob): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', await file.arrayBuffer()));
  return [...digest].map(octet => octet.toString(16).padStart(2, '0')).join('');
}
