import { WireError } from '../wire-error';
import { le16, putLe16 } from '../little-endian';

/** Cipher suites 00-0F-AC:n (IEEE 802.11-2020 table 9-149). */
export const cipherSuites = {
  USE_GROUP: 0x000fac00,
  WEP40: 0x000fac01,
  TKIP: 0x000fac02,
  CCMP: 0x000fac04,
  WEP104: 0x000fac05,
  BIP_CMAC: 0x000fac06,
  GCMP: 0x000fac08,
} as const;

/** Authentication and key management suites 00-0F-AC:n (table 9-151). */
export const akmSuites = {
  IEEE_802_1X: 0x000fac01,
  PSK: 0x000fac02,
  PSK_SHA256: 0x000fac06,
  SAE: 0x000fac08,
} as const;

/** Bits of the RSN capabilities (§9.4.2.24.4). */
export const rsnCapabilities = { PREAUTHENTICATION: 0x01, MFP_REQUIRED: 0x40, MFP_CAPABLE: 0x80 } as const;

/** RSN element (IEEE 802.11-2020 §9.4.2.24). Suites as one number: OUI and type. */
export interface Rsn {
  version: number;
  group: number;
  pairwise: number[];
  akm: number[];
  capabilities: number;
}

const VERSION = 1;
const SUITE_BYTES = 4;
/** More than a station has; each would be work. */
const MAX_SUITES = 32;

/**
 * The value of an RSN element. What is left out at its end has the standard's defaults; PMKIDs and what follows are not read.
 * @throws WireError when it is cut in the middle of a field
 */
export function readRsn(value: Uint8Array): Rsn {
  const rsn: Rsn = {
    version: VERSION,
    group: cipherSuites.CCMP,
    pairwise: [cipherSuites.CCMP],
    akm: [akmSuites.IEEE_802_1X],
    capabilities: 0,
  };
  if (value.length < 2) throw new WireError(`an RSN element has at least 2 bytes, not ${value.length}`, 0);
  rsn.version = le16(value, 0);
  let at = 2;
  if (at === value.length) return rsn;
  rsn.group = suiteAt(value, at);
  at += SUITE_BYTES;
  for (const list of ['pairwise', 'akm'] as const) {
    if (at === value.length) return rsn;
    rsn[list] = suitesAt(value, at);
    at += 2 + rsn[list].length * SUITE_BYTES;
  }
  if (at === value.length) return rsn;
  if (at + 2 > value.length) throw new WireError('the RSN capabilities are cut', at);
  rsn.capabilities = le16(value, at);
  return rsn;
}

export function encodeRsn(rsn: Rsn): Uint8Array {
  const suites = [rsn.pairwise, rsn.akm];
  const value = new Uint8Array(
    2 + SUITE_BYTES + suites.reduce((sum, list) => sum + 2 + list.length * SUITE_BYTES, 0) + 2,
  );
  putLe16(value, 0, rsn.version);
  putSuite(value, 2, rsn.group);
  let at = 2 + SUITE_BYTES;
  for (const list of suites) {
    putLe16(value, at, list.length);
    at += 2;
    for (const suite of list) {
      putSuite(value, at, suite);
      at += SUITE_BYTES;
    }
  }
  putLe16(value, at, rsn.capabilities);
  return value;
}

function suitesAt(value: Uint8Array, at: number): number[] {
  if (at + 2 > value.length) throw new WireError('the count of suites is cut', at);
  const count = le16(value, at);
  if (count === 0 || count > MAX_SUITES) throw new WireError(`1 to ${MAX_SUITES} suites, not ${count}`, at);
  return Array.from({ length: count }, (_, i) => suiteAt(value, at + 2 + i * SUITE_BYTES));
}

function suiteAt(value: Uint8Array, at: number): number {
  if (at + SUITE_BYTES > value.length) throw new WireError('a suite is cut', at);
  return value.subarray(at, at + SUITE_BYTES).reduce((suite, octet) => suite * 256 + octet, 0);
}

function putSuite(value: Uint8Array, at: number, suite: number): void {
  for (let i = 0; i < SUITE_BYTES; i++) value[at + i] = suite >>> (24 - 8 * i);
}
