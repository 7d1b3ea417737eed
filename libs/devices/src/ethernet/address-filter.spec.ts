import { addressKind, isFor, multicastBit, passesMulticastFilter } from './address-filter';
import { endsWithFcs, frameCheckSequence, withFcs } from './fcs';
import { BROADCAST, ethernetFrame, MAC_A, MULTICAST } from './testing';

it('tells broadcast, multicast and unicast apart', () => {
  expect([BROADCAST, MULTICAST, MAC_A].map(addressKind)).toEqual(['broadcast', 'multicast', 'unicast']);
  expect(isFor(ethernetFrame(MAC_A), MAC_A)).toBe(true);
  expect(isFor(ethernetFrame(BROADCAST), MAC_A)).toBe(false);
});

/** Linux's `ether_crc(ETH_ALEN, address) >> 26`, written out: bit by bit, most significant first. */
function referenceBit(address: Uint8Array): number {
  let crc = 0xffffffff;
  for (let byte of address) {
    for (let bit = 0; bit < 8; bit++, byte >>= 1) {
      crc = ((crc << 1) ^ ((crc >>> 31) ^ (byte & 1) ? 0x04c11db7 : 0)) >>> 0;
    }
  }
  return crc >>> 26;
}

it('finds the bit of the multicast filter as drivers do', () => {
  for (const last of [0, 1, 2, 0x7f, 0xfb]) {
    const address = Uint8Array.of(0x01, 0x00, 0x5e, 0, 0, last);
    expect(multicastBit(address)).toBe(referenceBit(address));
    const filter = new Uint8Array(8);
    expect(passesMulticastFilter(address, filter)).toBe(false);
    filter[referenceBit(address) >> 3] = 1 << (referenceBit(address) & 7);
    expect(passesMulticastFilter(address, filter)).toBe(true);
  }
});

it('computes the frame check sequence', () => {
  expect(frameCheckSequence(new TextEncoder().encode('123456789'))).toBe(0xcbf43926); // the CRC's check value
  const whole = withFcs(ethernetFrame(MAC_A));
  expect(endsWithFcs(whole)).toBe(true);
  whole[20]! ^= 1;
  expect(endsWithFcs(whole)).toBe(false);
  expect(endsWithFcs(new Uint8Array(3))).toBe(false);
});
