import { crc32 } from 'node:zlib';

export type AddressKind = 'broadcast' | 'multicast' | 'unicast';

/** What a frame's destination address is. */
export function addressKind(frame: Uint8Array): AddressKind {
  if (!(frame[0]! & 1)) return 'unicast';
  for (let i = 0; i < 6; i++) if (frame[i] !== 0xff) return 'multicast';
  return 'broadcast';
}

/** Whether a frame's destination is `address`. */
export function isFor(frame: Uint8Array, address: Uint8Array): boolean {
  for (let i = 0; i < 6; i++) if (frame[i] !== address[i]) return false;
  return true;
}

/**
 * The bit of a 64-bit multicast filter that a destination address stands for: the upper six bits of its CRC-32, most
 * significant bit first (DP8390D datasheet, "Multicast Address Registers"; the RTL8139 does the same).
 */
export function multicastBit(frame: Uint8Array): number {
  const register = ~crc32(frame.subarray(0, 6));
  let bit = 0;
  for (let i = 0; i < 6; i++) bit = (bit << 1) | ((register >>> i) & 1);
  return bit;
}

/** Whether the filter (eight bytes, bit 0 first) lets a frame to a group address pass. */
export function passesMulticastFilter(frame: Uint8Array, filter: Uint8Array): boolean {
  const bit = multicastBit(frame);
  return (filter[bit >> 3]! & (1 << (bit & 7))) !== 0;
}
