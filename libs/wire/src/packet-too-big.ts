import { putU16, putU32 } from './big-endian';
import { ETHERNET_HEADER_BYTES, ethernetFields } from './ethernet';
import { checksumOf, sumWords } from './internet-checksum';
import {
  addressesOf,
  findIpPacket,
  ipProtocols,
  IPV4_HEADER_BYTES,
  IPV6_HEADER_BYTES,
  pseudoHeaderSum,
  type IpPacket,
} from './ip-packet';
import { isGroupMac, MAC_BYTES } from './mac-address';
import { SUPER_FRAME_ETHERNET } from './super-frame';

const ICMP_HEADER_BYTES = 8;
/** The longest ICMPv4 error (RFC 1812 §4.3.2.3), and ICMPv6 error (RFC 4443 §3.2), in bytes of IP. */
const MAX_ERROR_BYTES = { 4: 576, 6: 1280 } as const;
const DESTINATION_UNREACHABLE = 3;
const FRAGMENTATION_NEEDED = 4;
const PACKET_TOO_BIG = 2;
const HOP_LIMIT = 64;

/**
 * The answer to the sender of a super-frame that does not fit a link with this MTU (bytes of IP), as a super-frame
 * that is to be delivered as if it came from that link: ICMPv4 "fragmentation needed and DF set" with the next
 * hop's MTU (RFC 792, RFC 1191 §4), or ICMPv6 "packet too big" (RFC 4443 §3.2). Undefined where none may be sent:
 *
 * - IPv4 without DF: it is to be fragmented;
 * - an ICMP error or, in IPv6, a redirect (RFC 1812 §4.3.2.7, RFC 4443 §2.4 (e));
 * - any fragment but the first;
 * - a group address as destination or source, at layer 2 or 3, or a source that names no host;
 * - what is not IP, or ends inside its headers.
 *
 * An overlay link is a layer-2 device without an address of its own, while the error must come from one that the
 * sender can be reached from. It comes from the destination of the packet, IP and MAC, as though the far station's
 * own network had refused it; path MTU discovery does not look at the source. For that reason RFC 4443's exception
 * for multicast destinations is not used: they cannot be a source.
 * For IPv6, an MTU below 1280 is passed on as it is; senders ignore it (RFC 8201 §4), such a link cannot carry IPv6.
 */
export function packetTooBig(frame: Uint8Array, mtu: number): Uint8Array | undefined {
  const packet = findIpPacket(frame, SUPER_FRAME_ETHERNET);
  if (!packet || !packet.dontFragment || packet.fragmentOffset > 0) return undefined;
  const isGroup =
    isGroupMac(frame, SUPER_FRAME_ETHERNET) || isGroupMac(frame, SUPER_FRAME_ETHERNET + MAC_BYTES);
  if (isGroup || isIcmpError(frame, packet) || !areHosts(frame, packet)) return undefined;
  const ipHeaderBytes = packet.version === 4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES;
  const quoted = Math.min(
    packet.end - packet.start,
    MAX_ERROR_BYTES[packet.version] - ipHeaderBytes - ICMP_HEADER_BYTES,
  );
  const icmp = packet.start + ipHeaderBytes;
  const answer = new Uint8Array(icmp + ICMP_HEADER_BYTES + quoted);
  writeEthernet(answer, frame, packet.start);
  answer.set(frame.subarray(packet.start, packet.start + quoted), icmp + ICMP_HEADER_BYTES);
  if (packet.version === 4) writeIpv4(answer, frame, packet, mtu);
  else writeIpv6(answer, frame, packet, mtu);
  return answer;
}

/** Back to the sender, with the same tags. The virtio-net header stays empty. */
function writeEthernet(answer: Uint8Array, frame: Uint8Array, end: number): void {
  const { destination, source } = ethernetFields;
  const at = SUPER_FRAME_ETHERNET;
  answer.set(frame.subarray(at + source.start, at + source.end), at + destination.start);
  answer.set(frame.subarray(at + destination.start, at + destination.end), at + source.start);
  answer.set(frame.subarray(at + ETHERNET_HEADER_BYTES - 2, end), at + ETHERNET_HEADER_BYTES - 2);
}

function writeIpv4(answer: Uint8Array, frame: Uint8Array, packet: IpPacket, mtu: number): void {
  const ip = packet.start;
  const icmp = ip + IPV4_HEADER_BYTES;
  answer[ip] = 0x45;
  putU16(answer, ip + 2, answer.length - ip);
  answer[ip + 8] = HOP_LIMIT;
  answer[ip + 9] = ipProtocols.ICMP;
  writeAddresses(answer, frame, packet);
  putU16(answer, ip + 10, checksumOf(sumWords(answer, ip, icmp)));
  answer[icmp] = DESTINATION_UNREACHABLE;
  answer[icmp + 1] = FRAGMENTATION_NEEDED;
  putU16(answer, icmp + 6, mtu);
  putU16(answer, icmp + 2, checksumOf(sumWords(answer, icmp, answer.length)));
}

function writeIpv6(answer: Uint8Array, frame: Uint8Array, packet: IpPacket, mtu: number): void {
  const ip = packet.start;
  const icmp = ip + IPV6_HEADER_BYTES;
  answer[ip] = 0x60;
  putU16(answer, ip + 4, answer.length - icmp);
  answer[ip + 6] = ipProtocols.ICMPV6;
  answer[ip + 7] = HOP_LIMIT;
  writeAddresses(answer, frame, packet);
  answer[icmp] = PACKET_TOO_BIG;
  putU32(answer, icmp + 4, mtu);
  const length = answer.length - icmp;
  const pseudo = pseudoHeaderSum(answer, { ...packet, protocol: ipProtocols.ICMPV6 }, length);
  putU16(answer, icmp + 2, checksumOf(sumWords(answer, icmp, answer.length, pseudo)));
}

/** The packet's own, exchanged. */
function writeAddresses(answer: Uint8Array, frame: Uint8Array, packet: IpPacket): void {
  const { start, bytes } = addressesOf(packet);
  answer.set(frame.subarray(start + bytes, start + 2 * bytes), start);
  answer.set(frame.subarray(start, start + bytes), start + bytes);
}

/** ICMPv4's errors: unreachable, source quench, redirect, time exceeded, parameter problem. */
const ICMPV4_ERRORS: readonly number[] = [3, 4, 5, 11, 12];
const ICMPV6_REDIRECT = 137;

function isIcmpError(frame: Uint8Array, { version, protocol, payload, end }: IpPacket): boolean {
  if (protocol !== (version === 4 ? ipProtocols.ICMP : ipProtocols.ICMPV6)) return false;
  // Of a packet cut before its type nobody knows: no answer is the safe one.
  if (payload >= end) return true;
  const type = frame[payload] as number;
  return version === 4 ? ICMPV4_ERRORS.includes(type) : type < 128 || type === ICMPV6_REDIRECT;
}

/** Whether both ends are addresses of single hosts. */
function areHosts(frame: Uint8Array, packet: IpPacket): boolean {
  const { start, bytes } = addressesOf(packet);
  const isHost = packet.version === 4 ? isIpv4Host : isIpv6Host;
  return isHost(frame, start) && isHost(frame, start + bytes);
}

/** Not 0/8, 127/8, multicast, reserved or broadcast (RFC 1812 §4.3.2.7). A subnet's broadcast goes to a group MAC. */
function isIpv4Host(bytes: Uint8Array, at: number): boolean {
  const first = bytes[at] as number;
  return first !== 0 && first !== 127 && first < 224;
}

/** Neither unspecified, loopback nor multicast. */
function isIpv6Host(bytes: Uint8Array, at: number): boolean {
  if (bytes[at] === 0xff) return false;
  return bytes.subarray(at, at + 15).some(octet => octet !== 0) || (bytes[at + 15] as number) > 1;
}
