import { WireError } from '../wire-error';
import {
  encodeEapolKey,
  encodeKeyData,
  keyInformation,
  readEapolKey,
  readKeyData,
  withEapolMic,
} from './eapol-key';

const filled = (length: number, octet: number) => new Uint8Array(length).fill(octet);
const key = {
  information: keyInformation.VERSION_2 | keyInformation.PAIRWISE | keyInformation.MIC,
  keyLength: 16,
  replayCounter: 0xfedc_ba98_7654_3210n,
  nonce: filled(32, 1),
  rsc: filled(8, 2),
  mic: filled(16, 3),
  data: filled(22, 4),
};
const rsn = Uint8Array.from(Buffer.from('30140100000fac040100000fac040100000fac020000', 'hex'));

describe('EAPOL-Key', () => {
  it('is read as written, and to the length that it gives itself', () => {
    const bytes = encodeEapolKey(key);
    const padded = Uint8Array.of(...bytes, 0, 0, 0);
    expect(readEapolKey(padded)).toEqual({ ...key, bytes });
    expect(bytes.length).toBe(99 + 22);
    expect([...bytes.subarray(0, 5)]).toEqual([2, 3, 0, 117, 2]);
  });

  it('has the MIC over itself with an empty one', () => {
    const { mic, ...unsigned } = key;
    const bytes = encodeEapolKey(unsigned);
    expect(withEapolMic(bytes, mic)).toEqual(encodeEapolKey(key));
    const signed = Buffer.from(encodeEapolKey(key));
    expect(withEapolMic(signed, filled(16, 0))).toEqual(bytes);
    expect(signed.equals(encodeEapolKey(key))).toBe(true);
  });

  it.each<[string, Uint8Array, string]>([
    ['cut', encodeEapolKey(key).subarray(0, 98), 'takes 99 bytes, there are 98'],
    ['of another type', encodeEapolKey(key).fill(1, 1, 2), 'EAPOL type 1 is not Key'],
    ['of another descriptor', encodeEapolKey(key).fill(254, 4, 5), "descriptor 254 is not RSN's"],
    ['longer than it is', encodeEapolKey(key).fill(255, 2, 3), 'the frame gives itself'],
    ['shorter than its fields', encodeEapolKey(key).fill(94, 3, 4), 'the frame gives itself 98 bytes'],
    ['with data beyond its end', encodeEapolKey(key).fill(23, 98, 99), '23 bytes of key data, there are 22'],
  ])('is refused: %s', (_, bytes, words) => {
    expect(() => readEapolKey(bytes)).toThrow(WireError);
    expect(() => readEapolKey(bytes)).toThrow(words);
  });
});

describe('key data', () => {
  it('of message 3 has RSN element and GTK, padded to what AES key wrap takes', () => {
    const gtk = { index: 2, key: filled(16, 7) };
    const data = encodeKeyData({ rsn, gtk });
    expect(data.length).toBe(48);
    expect(readKeyData(data)).toEqual({ rsn, gtk });
    expect(readKeyData(encodeKeyData({ gtk }))).toEqual({ gtk });
    expect([...encodeKeyData({ rsn }).subarray(22)]).toEqual([0xdd, 0]);
  });

  it('ends at its padding, and passes over what is not known', () => {
    const other = [0xdd, 5, 0, 0x0f, 0xac, 9, 1];
    expect(readKeyData(Uint8Array.of(...other, ...rsn, 0xdd, 0, 0, 0, 0)).rsn).toEqual(rsn);
    expect(readKeyData(Uint8Array.of(...rsn, 0xdd)).rsn).toEqual(rsn);
    expect(readKeyData(new Uint8Array(0))).toEqual({});
  });

  it('is refused where an element is cut', () => {
    expect(() => readKeyData(rsn.subarray(0, 20))).toThrow(WireError);
  });
});
