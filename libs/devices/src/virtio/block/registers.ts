/** Virtio block device (virtio 1.2, section 5.2): feature bits, configuration, requests. */

export const SECTOR_BYTES = 512;

export const BlockFeature = { segMax: 2, readOnly: 5, blockSize: 6, flush: 9, writeZeroes: 14 } as const;

export const RequestType = { read: 0, write: 1, flush: 4, getId: 8, writeZeroes: 13 } as const;

export const RequestStatus = { ok: 0, ioError: 1, unsupported: 2 } as const;

/** Type, reserved, sector (64 bits). */
export const HEADER_BYTES = 16;
export const ID_BYTES = 20;
/** Sector (64 bits), count of sectors, flags. */
export const ZEROES_BYTES = 16;

/** Data segments of a request: the rest of a queue's descriptors are header and status. */
export const MAX_SEGMENTS = 126;
export const MAX_ZEROES_SECTORS = 0x2000;

export const CONFIG_BYTES = 60;

/** @param sectors of the disk, 512 bytes each */
export function blockConfig(sectors: number, blockBytes: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(CONFIG_BYTES));
  view.setBigUint64(0, BigInt(sectors), true);
  view.setUint32(12, MAX_SEGMENTS, true);
  view.setUint32(20, blockBytes, true);
  view.setUint32(48, MAX_ZEROES_SECTORS, true);
  view.setUint32(52, 1, true); // ranges of a write-zeroes request
  return new Uint8Array(view.buffer);
}
