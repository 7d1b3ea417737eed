import { Ieee80211Frame, setFrameControl, frameControl } from '@v3vee/wire';
import { createCipheriv, createDecipheriv } from 'node:crypto';

/** CTR with CBC-MAC protocol (IEEE 802.11-2020 §12.5.3) with a 128-bit key, as of data frames. */
export const CCMP_HEADER_BYTES = 8;
export const CCMP_MIC_BYTES = 8;
const ALGORITHM = 'aes-128-ccm';
const NONCE_BYTES = 13;
/** Says that the packet number has six octets. */
const EXTENDED_IV = 0x20;

/**
 * The frame with its body encrypted.
 * @param packetNumber never used before with this key; below 2^48
 */
export function ccmpSeal(
  key: Uint8Array,
  keyIndex: number,
  packetNumber: number,
  plain: Uint8Array,
): Uint8Array {
  const { headerLength, body } = Ieee80211Frame.read(plain);
  const sealed = new Uint8Array(plain.length + CCMP_HEADER_BYTES + CCMP_MIC_BYTES);
  sealed.set(plain.subarray(0, headerLength));
  setFrameControl(sealed, frameControl.PROTECTED, true);
  const octets = packetNumberOctets(packetNumber);
  const [pn5, pn4, pn3, pn2, pn1, pn0] = octets as [number, number, number, number, number, number];
  sealed.set([pn0, pn1, 0, EXTENDED_IV | (keyIndex << 6), pn2, pn3, pn4, pn5], headerLength);
  const frame = Ieee80211Frame.read(sealed);
  const cipher = createCipheriv(ALGORITHM, key, nonce(frame, octets), { authTagLength: CCMP_MIC_BYTES });
  cipher.setAAD(additionalData(frame), { plaintextLength: body.length });
  sealed.set(cipher.update(body), headerLength + CCMP_HEADER_BYTES);
  cipher.final();
  sealed.set(cipher.getAuthTag(), sealed.length - CCMP_MIC_BYTES);
  return sealed;
}

/** What stands in front of the encrypted body; undefined when it is no CCMP header or nothing follows it. */
export function ccmpHeader(frame: Ieee80211Frame): { packetNumber: number; keyIndex: number } | undefined {
  const { body } = frame;
  if (body.length < CCMP_HEADER_BYTES + CCMP_MIC_BYTES) return undefined;
  const control = body[3] as number;
  if ((control & EXTENDED_IV) === 0) return undefined;
  const octets = [7, 6, 5, 4, 1, 0].map(at => body[at] as number);
  return {
    packetNumber: octets.reduce((number, octet) => number * 256 + octet, 0),
    keyIndex: control >> 6,
  };
}

/** The body in plain; undefined when the MIC is wrong. `ccmpHeader` was looked at before. */
export function ccmpOpen(
  key: Uint8Array,
  packetNumber: number,
  frame: Ieee80211Frame,
): Uint8Array | undefined {
  const { body } = frame;
  const octets = packetNumberOctets(packetNumber);
  const decipher = createDecipheriv(ALGORITHM, key, nonce(frame, octets), { authTagLength: CCMP_MIC_BYTES });
  const encrypted = body.subarray(CCMP_HEADER_BYTES, body.length - CCMP_MIC_BYTES);
  decipher.setAuthTag(body.subarray(body.length - CCMP_MIC_BYTES));
  decipher.setAAD(additionalData(frame), { plaintextLength: encrypted.length });
  try {
    const plain = decipher.update(encrypted);
    decipher.final();
    // A Buffer's slice() would share its memory.
    return new Uint8Array(plain.buffer, plain.byteOffset, plain.length);
  } catch {
    return undefined;
  }
}

/** §12.5.3.3.3: the header without what a retransmission may change. */
function additionalData(frame: Ieee80211Frame): Uint8Array {
  const { bytes, addr4, isQos } = frame;
  const data = new Uint8Array(22 + addr4.length + (isQos ? 2 : 0));
  data[0] = (bytes[0] as number) & 0x8f;
  data[1] = ((bytes[1] as number) & (isQos ? 0x47 : 0xc7)) | 0x40;
  data.set(bytes.subarray(4, 22), 2);
  data[20] = frame.fragment;
  data.set(addr4, 22);
  if (isQos) data[22 + addr4.length] = frame.tid ?? 0;
  return data;
}

/** §12.5.3.3.4. */
function nonce(frame: Ieee80211Frame, packetNumber: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(NONCE_BYTES);
  bytes[0] = frame.tid ?? 0;
  bytes.set(frame.addr2, 1);
  bytes.set(packetNumber, 7);
  return bytes;
}

/** Highest first. */
function packetNumberOctets(packetNumber: number): number[] {
  return [5, 4, 3, 2, 1, 0].map(i => Math.floor(packetNumber / 256 ** i) & 0xff);
}
