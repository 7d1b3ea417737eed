import { encodeEapolKey, keyInformation } from '@v3vee/wire';
import { eapolIsSigned, pairwiseKeys, pairwiseMasterKey, prf, signEapol, unwrapKey, wrapKey } from './keys';

const hex = (text: string) => Buffer.from(text.replaceAll(/[^0-9a-fA-F]/g, ''), 'hex');
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('keys', () => {
  it.each([
    ['password', 'IEEE', 'f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e'],
    ['ThisIsAPassword', 'ThisIsASSID', '0dc0d6eb90555ed6419756b9a15ec3e3209b63df707dd508d14581f8982721af'],
    ['a'.repeat(32), 'Z'.repeat(32), 'becb93866bb8c3832cb777c2f559807c8c59afcb6eae734885001300a981cc62'],
  ])('of passphrase %s and SSID %s are those of IEEE 802.11-2020 §J.4.2', (passphrase, ssid, pmk) => {
    expect(text(pairwiseMasterKey(passphrase, Buffer.from(ssid)))).toBe(pmk);
  });

  it('are taken as they are when they are given in hexadecimal', () => {
    expect(text(pairwiseMasterKey('0a'.repeat(32), Buffer.from('x')))).toBe('0a'.repeat(32));
  });

  it.each([
    [
      Buffer.alloc(20, 0x0b),
      'Hi There',
      `bcd4c650b30b9684951829e0d75f9d54b862175ed9f00606e17d8da35402ffee
       75df78c3d31e0f889f012120c0862beb67753e7439ae242edb8373698356cf5a`,
    ],
    [
      Buffer.from('Jefe'),
      'what do ya want for nothing?',
      `51f4de5b33f249adf81aeb713a3c20f4fe631446fabdfa58244759ae58ef9009
       a99abf4eac2ca5fa87e692c440eb40023e7babb206d61de7b92f41529092b8fc`,
    ],
  ])('come from the pseudorandom function of §J.3.2 (%#)', (key, data, expected) => {
    expect(text(prf(key, 'prefix', Buffer.from(data), 64))).toBe(text(hex(expected)));
  });

  it('of a pair are those of §J.7.2, whoever is named first', () => {
    const pmk = hex('0dc0d6eb90555ed6419756b9a15ec3e3209b63df707dd508d14581f8982721af');
    const [ap, station] = [hex('a0a1a1a3a4a5'), hex('b0b1b2b3b4b5')];
    const snonce = hex('c0c1c2c3c4c5c6c7c8c9d0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5');
    const anonce = hex('e0e1e2e3e4e5e6e7e8e9f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102030405');
    const keys = pairwiseKeys(pmk, [ap, station], [anonce, snonce]);
    expect(text(keys.kck)).toBe('379f9852d0199236b94e407ce4c00ec8');
    expect(text(keys.kek)).toBe('47c9edc01c2c6e5b4910caddfb3e51a7');
    expect(text(keys.tk)).toBe('b2360c79e9710fdd58bea93deaf06599');
    expect(pairwiseKeys(pmk, [station, ap], [snonce, anonce])).toEqual(keys);
  });

  it('are wrapped as RFC 3394 §4.1 says', () => {
    const kek = hex('000102030405060708090a0b0c0d0e0f');
    const key = hex('00112233445566778899aabbccddeeff');
    expect(text(wrapKey(kek, key))).toBe('1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5');
    expect(text(unwrapKey(kek, wrapKey(kek, key)))).toBe(text(key));
    expect(() => unwrapKey(key, wrapKey(kek, key))).toThrow();
  });

  it('sign EAPOL-Key frames: any other byte, or another key, is no signature', () => {
    const key = { keyLength: 16, replayCounter: 1n, nonce: Buffer.alloc(32, 1), rsc: Buffer.alloc(8) };
    const plain = encodeEapolKey({ ...key, information: keyInformation.MIC, data: Buffer.alloc(22, 2) });
    const kck = Buffer.alloc(16, 3);
    const signed = signEapol(kck, plain);
    expect(eapolIsSigned(kck, signed)).toBe(true);
    expect(eapolIsSigned(kck, plain)).toBe(false);
    expect(eapolIsSigned(Buffer.alloc(16, 4), signed)).toBe(false);
    for (let at = 5; at < signed.length; at++) {
      // Lengths keep it readable.
      if (at === 97 || at === 98) continue;
      const changed = signed.slice();
      changed[at] = (changed[at] as number) ^ 1;
      expect(eapolIsSigned(kck, changed)).toBe(false);
    }
  });
});
