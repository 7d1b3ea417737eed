import { u16 } from './big-endian';
import { ETHERNET_HEADER_BYTES, ethernetFields } from './ethernet';
import { sumWords } from './internet-checksum';

export const etherTypes = {
  IPV4: 0x0800,
  ARP: 0x0806,
  VLAN: 0x8100,
  IPV6: 0x86dd,
  PROVIDER_VLAN: 0x88a8,
} as const;
export const ipProtocols = { ICMP: 1, TCP: 6, UDP: 17, ICMPV6: 58 } as const;

export const IPV4_HEADER_BYTES = 20;
export const IPV6_HEADER_BYTES = 40;
const VLAN_TAG_BYTES = 4;
/** A customer's tag inside a provider's (IEEE 802.1Q §9.5); nobody stacks more. */
const MAX_TAGS = 2;

/** Where the parts of an IP packet stand in a frame. All offsets count from the start of the bytes it was found in. */
export interface IpPacket {
  readonly version: 4 | 6;
  /** Of the IP header. */
  readonly start: number;
  /** First byte behind the packet; the frame may go on with padding. */
  readonly end: number;
  /** Of the header that follows: 6 for TCP. For IPv6, what comes behind hop-by-hop and destination options. */
  readonly protocol: number;
  /** Where that header starts. */
  readonly payload: number;
  /** IPv4's DF bit; IPv6 is never fragmented on its way. */
  readonly dontFragment: boolean;
  /** In bytes; not 0 for all fragments but the first. Of IPv4 alone: an IPv6 fragment has protocol 44. */
  readonly fragmentOffset: number;
  /** Whether it is any fragment of a larger IPv4 packet. */
  readonly isFragment: boolean;
}

/** Offset of what follows the Ethernet header and up to two VLAN tags, and its EtherType; undefined where it is cut. */
export function networkLayer(
  bytes: Uint8Array,
  frame: number,
): { start: number; etherType: number } | undefined {
  let start = frame + ETHERNET_HEADER_BYTES;
  if (start > bytes.length) return undefined;
  let etherType = u16(bytes, frame + ethernetFields.etherType.start);
  for (let tags = 0; etherType === etherTypes.VLAN || etherType === etherTypes.PROVIDER_VLAN; tags++) {
    if (tags === MAX_TAGS || start + VLAN_TAG_BYTES > bytes.length) return undefined;
    etherType = u16(bytes, start + 2);
    start += VLAN_TAG_BYTES;
  }
  return { start, etherType };
}

/**
 * The IP packet in the Ethernet frame that starts at `frame` and reaches to the end of `bytes`; undefined when it
 * carries none, or one whose lengths do not fit. Answers instead of throwing: any guest may send garbage.
 * IPv4's header checksum is not verified.
 */
export function findIpPacket(bytes: Uint8Array, frame: number): IpPacket | undefined {
  const network = networkLayer(bytes, frame);
  if (!network) return undefined;
  if (network.etherType === etherTypes.IPV4) return ipv4(bytes, network.start);
  if (network.etherType === etherTypes.IPV6) return ipv6(bytes, network.start);
  return undefined;
}

function ipv4(bytes: Uint8Array, start: number): IpPacket | undefined {
  if (start + IPV4_HEADER_BYTES > bytes.length || (bytes[start] as number) >> 4 !== 4) return undefined;
  const headerBytes = ((bytes[start] as number) & 15) * 4;
  const length = u16(bytes, start + 2);
  if (headerBytes < IPV4_HEADER_BYTES || length < headerBytes || start + length > bytes.length)
    return undefined;
  const fragment = u16(bytes, start + 6);
  return {
    version: 4,
    start,
    end: start + length,
    protocol: bytes[start + 9] as number,
    payload: start + headerBytes,
    dontFragment: (fragment & 0x4000) !== 0,
    fragmentOffset: (fragment & 0x1fff) * 8,
    isFragment: (fragment & 0x3fff) !== 0,
  };
}

const HOP_BY_HOP_OPTIONS = 0;
const DESTINATION_OPTIONS = 60;

function ipv6(bytes: Uint8Array, start: number): IpPacket | undefined {
  if (start + IPV6_HEADER_BYTES > bytes.length || (bytes[start] as number) >> 4 !== 6) return undefined;
  const end = start + IPV6_HEADER_BYTES + u16(bytes, start + 4);
  if (end > bytes.length) return undefined;
  let protocol = bytes[start + 6] as number;
  let payload = start + IPV6_HEADER_BYTES;
  // Each has at least 8 bytes, so this ends. A routing header is not passed by: it would change the destination
  // that the transport's checksum covers.
  while (protocol === HOP_BY_HOP_OPTIONS || protocol === DESTINATION_OPTIONS) {
    if (payload + 8 > end) return undefined;
    protocol = bytes[payload] as number;
    payload += ((bytes[payload + 1] as number) + 1) * 8;
    if (payload > end) return undefined;
  }
  return {
    version: 6,
    start,
    end,
    protocol,
    payload,
    dontFragment: true,
    fragmentOffset: 0,
    isFragment: false,
  };
}

/** Where the source address of a packet starts; the destination follows it. */
export function addressesOf({ version, start }: IpPacket): { start: number; bytes: 4 | 16 } {
  return version === 4 ? { start: start + 12, bytes: 4 } : { start: start + 8, bytes: 16 };
}

/**
 * Sum of the words of the pseudo header that TCP's and UDP's checksums cover (RFC 9293 §3.1, RFC 8200 §8.1), not
 * folded. `length` is that of the transport's header and payload.
 */
export function pseudoHeaderSum(bytes: Uint8Array, packet: IpPacket, length: number): number {
  const { start, bytes: size } = addressesOf(packet);
  return sumWords(bytes, start, start + 2 * size, packet.protocol + length);
}
