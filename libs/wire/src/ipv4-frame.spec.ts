import { arpFrame, parseArp } from './arp';
import { findIpPacket } from './ip-packet';
import { formatIpv4, parseIpv4 } from './ipv4-address';
import { findUdp, icmpFrame, ipv4HeaderIsIntact, udpFrame } from './ipv4-frame';
import { parseMac } from './mac-address';
import { SUPER_FRAME_ETHERNET } from './super-frame';
import { read } from './testing/packets';
import { WireError } from './wire-error';

const ends = {
  sourceMac: parseMac('02:00:00:00:00:01'),
  destinationMac: parseMac('02:00:00:00:00:02'),
  source: parseIpv4('10.10.0.1'),
  destination: parseIpv4('10.10.0.2'),
};

describe('IPv4 frames', () => {
  it.each([0, 1, 2, 99, 1400])('carry a UDP datagram of %i bytes with right checksums', length => {
    const payload = Uint8Array.from({ length }, (_, i) => i * 7);
    const frame = udpFrame(ends, 53, 40_000, payload);
    expect(() => read(frame.subarray(SUPER_FRAME_ETHERNET))).not.toThrow();
    const packet = findIpPacket(frame, SUPER_FRAME_ETHERNET)!;
    expect(ipv4HeaderIsIntact(frame, packet)).toBe(true);
    expect(findUdp(frame, packet, true)).toEqual({ sourcePort: 53, destinationPort: 40_000, payload });
  });

  it('carry ICMP with a right checksum', () => {
    expect(() =>
      read(icmpFrame(ends, 0, 0, Uint8Array.of(1, 2, 3, 4, 5)).subarray(SUPER_FRAME_ETHERNET)),
    ).not.toThrow();
  });

  it('show when a checksum is wrong, a missing one aside', () => {
    const frame = udpFrame(ends, 53, 40_000, Uint8Array.of(1, 2, 3));
    const packet = findIpPacket(frame, SUPER_FRAME_ETHERNET)!;
    frame[frame.length - 1]! ^= 1;
    expect(findUdp(frame, packet, true)).toBeUndefined();
    expect(findUdp(frame, packet, false)).toBeDefined();
    frame.fill(0, packet.payload + 6, packet.payload + 8);
    expect(findUdp(frame, packet, true)).toBeDefined();
    frame[packet.start + 8]! ^= 1;
    expect(ipv4HeaderIsIntact(frame, packet)).toBe(false);
  });

  it.each([7, 9000])('show no datagram of length %i in a packet of 11 bytes', length => {
    const frame = udpFrame(ends, 53, 40_000, Uint8Array.of(1, 2, 3));
    const packet = findIpPacket(frame, SUPER_FRAME_ETHERNET)!;
    frame.set([length >> 8, length & 255], packet.payload + 4);
    expect(findUdp(frame, packet, false)).toBeUndefined();
  });
});

describe('ARP', () => {
  it('is read as it was written, and not when it is cut or of other protocols', () => {
    const packet = {
      operation: 2,
      senderMac: ends.sourceMac,
      senderIp: ends.source,
      targetMac: ends.destinationMac,
      targetIp: ends.destination,
    };
    const frame = arpFrame(ends.destinationMac, packet);
    const start = SUPER_FRAME_ETHERNET + 14;
    expect(parseArp(frame, start)).toEqual(packet);
    expect(parseArp(frame.subarray(0, frame.length - 1), start)).toBeUndefined();
    for (const at of [0, 2, 4, 5]) {
      const other = frame.slice();
      other[start + at]! ^= 0x40;
      expect(parseArp(other, start)).toBeUndefined();
    }
  });
});

describe('IPv4 addresses', () => {
  it.each(['0.0.0.0', '10.10.0.1', '255.255.255.255'])('%s', text =>
    expect(formatIpv4(parseIpv4(text))).toBe(text),
  );
  it.each(['', '1.2.3', '1.2.3.256', '1.2.3.4.5', 'a.b.c.d', '-1.2.3.4'])('refuse %j', text =>
    expect(() => parseIpv4(text)).toThrow(WireError),
  );
});
