import { putU16, putU32, u16, u32 } from '../big-endian';
import { WireError } from '../wire-error';
import { elementIds, iterateElements } from './elements';

export const EAPOL_ETHER_TYPE = 0x888e;

/** Bits of the key information (IEEE 802.11-2020 §12.7.2, figure 12-33). */
export const keyInformation = {
  /** Descriptor version 2: MIC by HMAC-SHA1-128, key data by AES key wrap. */
  VERSION_2: 0x0002,
  VERSION_MASK: 0x0007,
  PAIRWISE: 0x0008,
  INSTALL: 0x0040,
  ACK: 0x0080,
  MIC: 0x0100,
  SECURE: 0x0200,
  ERROR: 0x0400,
  REQUEST: 0x0800,
  ENCRYPTED: 0x1000,
} as const;

export const NONCE_BYTES = 32;
export const MIC_BYTES = 16;
const EAPOL_HEADER_BYTES = 4;
const EAPOL_TYPE_KEY = 3;
const EAPOL_VERSION = 2;
const RSN_DESCRIPTOR = 2;
const NONCE = 17;
const RSC = 65;
const MIC = 81;
const DATA_LENGTH = 97;
const DATA = 99;

/** An EAPOL-Key frame with its 802.1X header (§12.7.2), as sent behind LLC/SNAP. */
export interface EapolKey {
  information: number;
  /** Of the pairwise key in bytes; 0 where there is none. */
  keyLength: number;
  replayCounter: bigint;
  nonce: Uint8Array;
  /** Receive sequence counter of the group key: its packet number, 6 bytes of 8, little endian. */
  rsc: Uint8Array;
  mic: Uint8Array;
  data: Uint8Array;
}

/**
 * With `bytes` cut to the length that the frame gives itself: what the MIC is over.
 * @throws WireError when it is cut, no EAPOL-Key, or of another descriptor than RSN's
 */
export function readEapolKey(bytes: Uint8Array): EapolKey & { bytes: Uint8Array } {
  if (bytes.length < DATA)
    throw new WireError(`an EAPOL-Key takes ${DATA} bytes, there are ${bytes.length}`, 0);
  if (bytes[1] !== EAPOL_TYPE_KEY) throw new WireError(`EAPOL type ${bytes[1]} is not Key (3)`, 1);
  const end = EAPOL_HEADER_BYTES + u16(bytes, 2);
  if (end > bytes.length || end < DATA) {
    throw new WireError(
      `the frame gives itself ${end} bytes, there are ${bytes.length}, it takes ${DATA}`,
      2,
    );
  }
  if (bytes[4] !== RSN_DESCRIPTOR) throw new WireError(`descriptor ${bytes[4]} is not RSN's (2)`, 4);
  const dataLength = u16(bytes, DATA_LENGTH);
  if (DATA + dataLength > end) {
    throw new WireError(`${dataLength} bytes of key data, there are ${end - DATA}`, DATA_LENGTH);
  }
  return {
    information: u16(bytes, 5),
    keyLength: u16(bytes, 7),
    replayCounter: (BigInt(u32(bytes, 9)) << 32n) | BigInt(u32(bytes, 13)),
    nonce: bytes.subarray(NONCE, NONCE + NONCE_BYTES),
    rsc: bytes.subarray(RSC, RSC + 8),
    mic: bytes.subarray(MIC, MIC + MIC_BYTES),
    data: bytes.subarray(DATA, DATA + dataLength),
    bytes: bytes.subarray(0, end),
  };
}

/** Without a MIC its field is 0: what the MIC is computed over. */
export function encodeEapolKey(key: Omit<EapolKey, 'mic'> & { mic?: Uint8Array }): Uint8Array {
  const bytes = new Uint8Array(DATA + key.data.length);
  bytes.set([EAPOL_VERSION, EAPOL_TYPE_KEY]);
  putU16(bytes, 2, bytes.length - EAPOL_HEADER_BYTES);
  bytes[4] = RSN_DESCRIPTOR;
  putU16(bytes, 5, key.information);
  putU16(bytes, 7, key.keyLength);
  putU32(bytes, 9, Number((key.replayCounter >> 32n) & 0xffff_ffffn));
  putU32(bytes, 13, Number(key.replayCounter & 0xffff_ffffn));
  bytes.set(key.nonce, NONCE);
  bytes.set(key.rsc, RSC);
  if (key.mic) bytes.set(key.mic, MIC);
  putU16(bytes, DATA_LENGTH, key.data.length);
  bytes.set(key.data, DATA);
  return bytes;
}

/** A copy of a whole EAPOL-Key with this MIC; all zeros: what the MIC is computed over. */
export function withEapolMic(bytes: Uint8Array, mic: Uint8Array): Uint8Array {
  // Not slice(), which shares a Buffer's memory.
  const copy = new Uint8Array(bytes);
  copy.set(mic, MIC);
  return copy;
}

/** The key data of messages 3 and of the group handshake (§12.7.2 j): elements and KDEs, unencrypted. */
export interface KeyData {
  /** The RSN element with its header. */
  rsn?: Uint8Array;
  gtk?: { index: number; key: Uint8Array };
}

const GTK_KDE = [0x00, 0x0f, 0xac, 0x01] as const;
/** AES key wrap takes multiples of 8 bytes, and 16 at least (RFC 3394). */
const WRAP_UNIT = 8;
const WRAP_MIN = 16;

/** @throws WireError when an element is cut */
export function readKeyData(data: Uint8Array): KeyData {
  const found: KeyData = {};
  let at = 0;
  // An empty vendor element begins the padding, behind which zeros need not be whole elements.
  while (at < data.length && !(data[at] === elementIds.VENDOR && (data[at + 1] ?? 0) === 0)) {
    const end = at + 2 + (data[at + 1] ?? 0);
    const [element] = iterateElements(data.subarray(at, end));
    if (!element) break;
    if (element.id === elementIds.RSN) found.rsn ??= data.subarray(at, end);
    const { value } = element;
    const isGtk = element.id === elementIds.VENDOR && GTK_KDE.every((octet, i) => value[i] === octet);
    if (isGtk && value.length > 6) found.gtk ??= { index: (value[4] as number) & 3, key: value.subarray(6) };
    at = end;
  }
  return found;
}

/** Padded for AES key wrap. */
export function encodeKeyData({ rsn, gtk }: KeyData): Uint8Array {
  const kde = gtk
    ? Uint8Array.of(elementIds.VENDOR, 6 + gtk.key.length, ...GTK_KDE, gtk.index, 0, ...gtk.key)
    : new Uint8Array(0);
  const length = (rsn?.length ?? 0) + kde.length;
  const data = new Uint8Array(Math.max(WRAP_MIN, Math.ceil(length / WRAP_UNIT) * WRAP_UNIT));
  if (rsn) data.set(rsn);
  data.set(kde, rsn?.length ?? 0);
  if (length < data.length) data[length] = elementIds.VENDOR;
  return data;
}
