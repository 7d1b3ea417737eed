import { WireError } from './wire-error';

export const MAC_BYTES = 6;
export const BROADCAST_MAC = 'ff:ff:ff:ff:ff:ff';

/**
 * `02:00:00:00:00:0a` → its six octets in transmission order.
 * @throws WireError when it is not six two-digit hexadecimal octets joined by colons
 */
export function parseMac(text: string): Uint8Array {
  if (!/^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$/.test(text)) {
    throw new WireError(`"${text}" is not a MAC address; one looks like 02:00:00:00:00:01`, 0);
  }
  return Uint8Array.from(text.split(':'), octet => Number.parseInt(octet, 16));
}

/** The address at `offset`, lower case with colons. */
export function formatMac(bytes: Uint8Array, offset = 0): string {
  let text = '';
  for (let i = 0; i < MAC_BYTES; i++) {
    text += (i ? ':' : '') + (bytes[offset + i] ?? 0).toString(16).padStart(2, '0');
  }
  return text;
}

/** Whether the address at `offset` is multicast or broadcast: the I/G bit, IEEE 802-2014 §8.2.2. */
export function isGroupMac(bytes: Uint8Array, offset = 0): boolean {
  return ((bytes[offset] ?? 0) & 1) === 1;
}
