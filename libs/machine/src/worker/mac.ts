/** Six bytes from `02:00:00:00:00:01`; undefined if it is no MAC address. */
export function parseMac(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)) return undefined;
  return Uint8Array.from(text.split(':'), byte => parseInt(byte, 16));
}
