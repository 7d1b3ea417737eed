import { MIC_BYTES, readEapolKey, withEapolMic } from '@v3vee/wire';
import { createCipheriv, createDecipheriv, createHmac, pbkdf2Sync, timingSafeEqual } from 'node:crypto';

/** What a passphrase and the 4-way handshake make (IEEE 802.11-2020 §12.7.1.3): for AKM 00-0F-AC:2 and CCMP. */
export interface PairwiseKeys {
  /** EAPOL-Key confirmation key: MICs. */
  kck: Uint8Array;
  /** EAPOL-Key encryption key: key data. */
  kek: Uint8Array;
  /** Temporal key: data frames. */
  tk: Uint8Array;
}

const KEY_BYTES = 16;
/** RFC 3394's initial value. */
const WRAP_IV = Buffer.alloc(8, 0xa6);
const NO_MIC = new Uint8Array(MIC_BYTES);

/** The pairwise master key: 64 hexadecimal digits are the key itself, else IEEE 802.11-2020 §J.4.1. */
export function pairwiseMasterKey(passphrase: string, ssid: Uint8Array): Uint8Array {
  if (/^[0-9a-fA-F]{64}$/.test(passphrase)) return Buffer.from(passphrase, 'hex');
  return pbkdf2Sync(passphrase, ssid, 4096, 32, 'sha1');
}

/** PRF with HMAC-SHA-1 (§12.7.1.2): `length` bytes. */
export function prf(key: Uint8Array, label: string, data: Uint8Array, length: number): Uint8Array {
  const parts: Buffer[] = [];
  for (let i = 0; i * 20 < length; i++) {
    parts.push(createHmac('sha1', key).update(`${label}\0`).update(data).update(Uint8Array.of(i)).digest());
  }
  return Buffer.concat(parts).subarray(0, length);
}

/** §12.7.1.3; the order of addresses and of nonces does not matter. */
export function pairwiseKeys(
  pmk: Uint8Array,
  addresses: readonly [Uint8Array, Uint8Array],
  nonces: readonly [Uint8Array, Uint8Array],
): PairwiseKeys {
  const sorted = [...[...addresses].sort(Buffer.compare), ...[...nonces].sort(Buffer.compare)];
  const ptk = prf(pmk, 'Pairwise key expansion', Buffer.concat(sorted), 3 * KEY_BYTES);
  return {
    kck: ptk.subarray(0, KEY_BYTES),
    kek: ptk.subarray(KEY_BYTES, 2 * KEY_BYTES),
    tk: ptk.subarray(2 * KEY_BYTES),
  };
}

/** A whole EAPOL-Key with its MIC put in (descriptor version 2: HMAC-SHA1-128). */
export function signEapol(kck: Uint8Array, bytes: Uint8Array): Uint8Array {
  return withEapolMic(bytes, eapolMic(kck, bytes));
}

/** Whether the MIC of a whole EAPOL-Key is that of the key; takes as long for any wrong one. */
export function eapolIsSigned(kck: Uint8Array, bytes: Uint8Array): boolean {
  return timingSafeEqual(eapolMic(kck, bytes), readEapolKey(bytes).mic);
}

/** AES key wrap (RFC 3394) of a multiple of 8 bytes, 16 at least. */
export function wrapKey(kek: Uint8Array, data: Uint8Array): Uint8Array {
  const cipher = createCipheriv('id-aes128-wrap', kek, WRAP_IV);
  return Buffer.concat([cipher.update(data), cipher.final()]);
}

/** @throws Error when it was not wrapped with this key */
export function unwrapKey(kek: Uint8Array, wrapped: Uint8Array): Uint8Array {
  const decipher = createDecipheriv('id-aes128-wrap', kek, WRAP_IV);
  return Buffer.concat([decipher.update(wrapped), decipher.final()]);
}

function eapolMic(kck: Uint8Array, bytes: Uint8Array): Uint8Array {
  return createHmac('sha1', kck).update(withEapolMic(bytes, NO_MIC)).digest().subarray(0, MIC_BYTES);
}
