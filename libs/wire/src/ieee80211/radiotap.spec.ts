import { generator } from '../testing/random';
import { encodeRadiotap, radiotapFlags, radiotapTxFlags, readRadiotap, type Radiotap } from './radiotap';

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

describe('the radiotap header', () => {
  it('of a received frame has the bytes that radiotap.org says', () => {
    const known = { flags: 0, rate: 60, freq: 2437, signal: -42 };
    // Rate at 9, channel at 10 (aligned to 2), signal at 14.
    expect(encodeRadiotap(known)).toEqual(hex('0000 0f00 2e000000 00 0c 8509 c000 d6'));
    expect(readRadiotap(encodeRadiotap(known))).toEqual({ ...known, length: 15 });
    expect(encodeRadiotap({ rate: 10, freq: 2412 })).toEqual(hex('0000 0e00 0c000000 02 00 6c09 a000'));
  });

  it('is read as written, whatever is known', () => {
    const random = generator(1);
    const whole: Required<Radiotap> = {
      timestamp: 0xfedc_ba98_7654_3210n,
      flags: radiotapFlags.SHORT_PREAMBLE,
      rate: 540,
      freq: 5180,
      signal: -91,
      noise: -95,
      txPower: 20,
      antenna: 1,
      txFlags: radiotapTxFlags.FAILED,
      retries: 6,
    };
    for (let round = 0; round < 200; round++) {
      const known = Object.fromEntries(Object.entries(whole).filter(() => random(2) === 1)) as Radiotap;
      const bytes = encodeRadiotap(known);
      expect(readRadiotap(Uint8Array.of(...bytes, 1, 2, 3))).toEqual({ ...known, length: bytes.length });
    }
  });

  it('of other writers is read: further present words, fields that are passed over', () => {
    // Present: flags, relative signal (12), more words; a second word; flags 0x10, 1 dB.
    expect(readRadiotap(hex('0000 0e00 02100080 00000000 10 01'))).toEqual({ length: 14, flags: 0x10 });
    // A field behind those that are known (MCS, bit 19) does not disturb.
    expect(readRadiotap(hex('0000 0c00 02000800 10 07 0005'))).toEqual({ length: 12, flags: 0x10 });
  });

  it.each([
    ['nothing', '', 'at least 8 bytes'],
    ['another version', '0100 0800 00000000', 'version 0'],
    ['a length beyond the bytes', '0000 0900 00000000', 'gives itself 9 bytes, there are 8'],
    ['a length below its own', '0000 0700 00000000', 'gives itself 7 bytes'],
    ['a field that is cut', '0000 0900 01000000 00', 'field 0 is cut'],
    ['present bits without end', '0000 0c00 00000080 00000080', 'the present bits are cut'],
  ])('is refused: %s', (_, text, words) => {
    expect(() => readRadiotap(hex(text))).toThrow(words);
  });
});
