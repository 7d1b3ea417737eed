import { generator } from './testing/random';
import { vxlanHeader, vxlanVni } from './vxlan';

describe('a VXLAN header', () => {
  it('carries a network identifier of 24 bits and the I flag', () => {
    expect([...vxlanHeader(0x123456)]).toEqual([8, 0, 0, 0, 0x12, 0x34, 0x56, 0]);
    for (const vni of [0, 1, 4096, 0xff_ffff]) expect(vxlanVni(vxlanHeader(vni))).toBe(vni);
    for (const vni of [-1, 1.5, 0x100_0000, NaN])
      expect(() => vxlanHeader(vni)).toThrow('whole number from 0');
  });

  it('is read with any reserved bits, and refused without the I flag or when it is cut', () => {
    const random = generator(9);
    for (let round = 0; round < 500; round++) {
      const bytes = Uint8Array.from({ length: random(20) }, () => random(256));
      const valid = bytes.length >= 8 && (bytes[0]! & 8) !== 0;
      expect(vxlanVni(bytes)).toBe(valid ? bytes[4]! * 65_536 + bytes[5]! * 256 + bytes[6]! : undefined);
    }
  });
});
