/** The byte order of netlink on a guest's processor, of virtio and of IEEE 802.11. Callers have checked that the bytes are there. */
export function le16(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
}

export function le32(bytes: Uint8Array, at: number): number {
  return le16(bytes, at) + le16(bytes, at + 2) * 0x1_0000;
}

export function putLe16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >> 8;
}

/** The lowest 32 bits of the value, which may be negative. */
export function putLe32(bytes: Uint8Array, at: number, value: number): void {
  putLe16(bytes, at, value);
  putLe16(bytes, at + 2, value >> 16);
}

/** The lowest 64 bits of the value. */
export function putLe64(bytes: Uint8Array, at: number, value: bigint): void {
  putLe32(bytes, at, Number(value & 0xffff_ffffn));
  putLe32(bytes, at + 4, Number((value >> 32n) & 0xffff_ffffn));
}
