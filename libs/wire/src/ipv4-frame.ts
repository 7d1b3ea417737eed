import { putU16, putU32, u16 } from './big-endian';
import { ETHERNET_HEADER_BYTES } from './ethernet';
import { checksumOf, fold, sumWords } from './internet-checksum';
import { etherTypes, IPV4_HEADER_BYTES, ipProtocols, pseudoHeaderSum, type IpPacket } from './ip-packet';
import { MAC_BYTES } from './mac-address';
import { SUPER_FRAME_ETHERNET } from './super-frame';

export const UDP_HEADER_BYTES = 8;
export const ICMP_HEADER_BYTES = 8;
/** RFC 1122 §3.2.1.7 asks for a configurable one; RFC 1700 recommends 64. */
const TIME_TO_LIVE = 64;

/** Who a packet is from and for. Addresses of IP as numbers, of Ethernet as six octets. */
export interface Ipv4Ends {
  sourceMac: Uint8Array;
  destinationMac: Uint8Array;
  source: number;
  destination: number;
}

/** Where a UDP datagram's parts stand in the bytes it was found in. */
export interface UdpDatagram {
  sourcePort: number;
  destinationPort: number;
  payload: Uint8Array;
}

/** Whether the header of an IPv4 packet has the checksum that it should have (RFC 791 §3.1). */
export function ipv4HeaderIsIntact(bytes: Uint8Array, { start, payload }: IpPacket): boolean {
  return fold(sumWords(bytes, start, payload)) === 0xffff;
}

/**
 * The datagram in an IPv4 packet; undefined when its lengths do not fit or, where `verify` asks for it, its
 * checksum is wrong. A checksum of 0 means that the sender made none (RFC 768).
 */
export function findUdp(bytes: Uint8Array, packet: IpPacket, verify: boolean): UdpDatagram | undefined {
  const { payload: at, end } = packet;
  if (at + UDP_HEADER_BYTES > end) return undefined;
  const length = u16(bytes, at + 4);
  if (length < UDP_HEADER_BYTES || at + length > end) return undefined;
  if (verify && u16(bytes, at + 6) !== 0) {
    const sum = sumWords(bytes, at, at + length, pseudoHeaderSum(bytes, packet, length));
    if (fold(sum) !== 0xffff) return undefined;
  }
  return {
    sourcePort: u16(bytes, at),
    destinationPort: u16(bytes, at + 2),
    payload: bytes.subarray(at + UDP_HEADER_BYTES, at + length),
  };
}

/**
 * A super-frame with an empty virtio-net header and an IPv4 packet around `payload`. It is not to be fragmented, so
 * that its identification may be 0 (RFC 6864 §4.1).
 */
export function ipv4Frame(ends: Ipv4Ends, protocol: number, payload: Uint8Array): Uint8Array {
  const { ip, frame } = emptyFrame(ends, IPV4_HEADER_BYTES + payload.length);
  ip[0] = 0x45;
  putU16(ip, 2, ip.length);
  putU16(ip, 6, 0x4000);
  ip[8] = TIME_TO_LIVE;
  ip[9] = protocol;
  putU32(ip, 12, ends.source);
  putU32(ip, 16, ends.destination);
  putU16(ip, 10, checksumOf(sumWords(ip, 0, IPV4_HEADER_BYTES)));
  ip.set(payload, IPV4_HEADER_BYTES);
  return frame;
}

/** A super-frame with a UDP datagram, its checksum complete. */
export function udpFrame(
  ends: Ipv4Ends,
  sourcePort: number,
  destinationPort: number,
  payload: Uint8Array,
): Uint8Array {
  const udp = new Uint8Array(UDP_HEADER_BYTES + payload.length);
  putU16(udp, 0, sourcePort);
  putU16(udp, 2, destinationPort);
  putU16(udp, 4, udp.length);
  udp.set(payload, UDP_HEADER_BYTES);
  const pseudo = new Uint8Array(12);
  putU32(pseudo, 0, ends.source);
  putU32(pseudo, 4, ends.destination);
  pseudo[9] = ipProtocols.UDP;
  putU16(pseudo, 10, udp.length);
  // 0 would mean that there is none (RFC 768).
  putU16(udp, 6, checksumOf(sumWords(udp, 0, udp.length, sumWords(pseudo, 0, 12))) || 0xffff);
  return ipv4Frame(ends, ipProtocols.UDP, udp);
}

/** A super-frame with an ICMP message (RFC 792). `body` is all behind the checksum, from its fifth octet. */
export function icmpFrame(ends: Ipv4Ends, type: number, code: number, body: Uint8Array): Uint8Array {
  const icmp = new Uint8Array(4 + body.length);
  icmp[0] = type;
  icmp[1] = code;
  icmp.set(body, 4);
  putU16(icmp, 2, checksumOf(sumWords(icmp, 0, icmp.length)));
  return ipv4Frame(ends, ipProtocols.ICMP, icmp);
}

function emptyFrame({ sourceMac, destinationMac }: Ipv4Ends, ipBytes: number) {
  const frame = new Uint8Array(SUPER_FRAME_ETHERNET + ETHERNET_HEADER_BYTES + ipBytes);
  const ethernet = frame.subarray(SUPER_FRAME_ETHERNET);
  ethernet.set(destinationMac, 0);
  ethernet.set(sourceMac, MAC_BYTES);
  putU16(ethernet, 2 * MAC_BYTES, etherTypes.IPV4);
  return { frame, ip: ethernet.subarray(ETHERNET_HEADER_BYTES) };
}
