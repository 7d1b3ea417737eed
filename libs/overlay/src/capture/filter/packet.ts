import { and, or, type TestOf } from './expression';

/**
 * What a filter looks at: an Ethernet frame. `depth` in what follows is the number of VLAN tags that the expression
 * has passed, as in libpcap, where `vlan` moves all offsets for what stands behind it.
 */
export interface Packet {
  readonly bytes: Uint8Array;
  /** Where the Ethernet header starts; the frame reaches to the end of `bytes`. */
  readonly start: number;
  readonly outbound: boolean;
}
export type Test = TestOf<Packet>;
export type Direction = 'src' | 'dst' | 'src or dst' | 'src and dst';

export const etherTypes: Readonly<Record<string, number>> = {
  ip: 0x0800,
  arp: 0x0806,
  rarp: 0x8035,
  ip6: 0x86dd,
};
export const ipProtocols: Readonly<Record<string, number>> = {
  icmp: 1,
  igmp: 2,
  tcp: 6,
  udp: 17,
  esp: 50,
  ah: 51,
  icmp6: 58,
  pim: 103,
  sctp: 132,
};
const vlanTypes = [0x8100, 0x88a8, 0x9100];
const FRAGMENT_HEADER = 44;

// A frame may end anywhere: what is not there equals nothing (libpcap rejects the packet, which is the same here).
const u8 = (bytes: Uint8Array, at: number): number => bytes[at] ?? NaN;
const u16 = (bytes: Uint8Array, at: number): number => u8(bytes, at) * 256 + u8(bytes, at + 1);

export const all: Test = () => true;
export const anyOf =
  (tests: Test[]): Test =>
  packet =>
    tests.some(test => test(packet));

/** Combines what is said of the source and of the destination. */
export function directed(direction: Direction, at: (end: 'src' | 'dst') => Test): Test {
  switch (direction) {
    case 'src':
    case 'dst':
      return at(direction);
    case 'src or dst':
      return or(at('src'), at('dst'));
    case 'src and dst':
      return and(at('src'), at('dst'));
  }
}

export const etherType =
  (type: number, depth: number): Test =>
  ({ bytes, start }) =>
    u16(bytes, start + 12 + 4 * depth) === type;

export const vlan =
  (id: number | undefined, depth: number): Test =>
  ({ bytes, start }) => {
    const at = start + 12 + 4 * depth;
    return vlanTypes.includes(u16(bytes, at)) && (id === undefined || (u16(bytes, at + 2) & 0xfff) === id);
  };

export const etherAddress =
  (mac: Uint8Array, end: 'src' | 'dst'): Test =>
  ({ bytes, start }) =>
    equal(bytes, start + (end === 'src' ? 6 : 0), mac);

export const multicast: Test = ({ bytes, start }) => (u8(bytes, start) & 1) === 1;
export const broadcast: Test = ({ bytes, start }) => equal(bytes, start, new Uint8Array(6).fill(255));
export const inbound: Test = packet => !packet.outbound;
export const outbound: Test = packet => packet.outbound;
export const atLeast =
  (length: number): Test =>
  ({ bytes, start }) =>
    bytes.length - start >= length;
export const atMost =
  (length: number): Test =>
  ({ bytes, start }) =>
    bytes.length - start <= length;

/** Where the addresses stand in what follows the Ethernet header. */
const addressOffsets = {
  ip: { src: 12, dst: 16 },
  arp: { src: 14, dst: 24 },
  rarp: { src: 14, dst: 24 },
  ip6: { src: 8, dst: 24 },
} as const;
export type AddressProtocol = keyof typeof addressOffsets;

export function networkAddress(
  protocol: AddressProtocol,
  { address, mask }: { address: Uint8Array; mask: Uint8Array },
  end: 'src' | 'dst',
  depth: number,
): Test {
  const offset = 14 + 4 * depth + addressOffsets[protocol][end];
  const isProtocol = etherType(etherTypes[protocol] as number, depth);
  return packet =>
    isProtocol(packet) &&
    address.every(
      (octet, i) => (u8(packet.bytes, packet.start + offset + i) & (mask[i] as number)) === octet,
    );
}

/** The first octet of the destination address is at least so much: the way both IPs mark multicast. */
export function ipMulticast(protocol: 'ip' | 'ip6', depth: number): Test {
  const offset = 14 + 4 * depth + addressOffsets[protocol].dst;
  const isProtocol = etherType(etherTypes[protocol] as number, depth);
  const from = protocol === 'ip' ? 224 : 255;
  return packet => isProtocol(packet) && u8(packet.bytes, packet.start + offset) >= from;
}

export function ipProtocol(protocol: number, version: 'ip' | 'ip6' | undefined, depth: number): Test {
  const network = 14 + 4 * depth;
  const v4 = etherType(etherTypes.ip as number, depth);
  const v6 = etherType(etherTypes.ip6 as number, depth);
  const inV4: Test = packet => v4(packet) && u8(packet.bytes, packet.start + network + 9) === protocol;
  const inV6: Test = packet => {
    if (!v6(packet)) return false;
    const next = u8(packet.bytes, packet.start + network + 6);
    if (next === protocol) return true;
    return next === FRAGMENT_HEADER && u8(packet.bytes, packet.start + network + 40) === protocol;
  };
  if (version === undefined) return or(inV4, inV6);
  return version === 'ip' ? inV4 : inV6;
}

/** A port of TCP, UDP or SCTP, or of one of them; fragments but the first have none. */
export function port(
  [from, to]: readonly [number, number],
  protocol: number | undefined,
  direction: Direction,
  depth: number,
): Test {
  const protocols = protocol === undefined ? [6, 17, 132] : [protocol];
  const network = 14 + 4 * depth;
  const v4 = etherType(etherTypes.ip as number, depth);
  const v6 = etherType(etherTypes.ip6 as number, depth);
  const within = (bytes: Uint8Array, at: number) => {
    const value = u16(bytes, at);
    return value >= from && value <= to;
  };
  return directed(direction, end => packet => {
    const { bytes, start } = packet;
    const ip = start + network;
    const offset = end === 'src' ? 0 : 2;
    if (v4(packet)) {
      if (!protocols.includes(u8(bytes, ip + 9)) || (u16(bytes, ip + 6) & 0x1fff) !== 0) return false;
      return within(bytes, ip + (u8(bytes, ip) & 15) * 4 + offset);
    }
    return v6(packet) && protocols.includes(u8(bytes, ip + 6)) && within(bytes, ip + 40 + offset);
  });
}

function equal(bytes: Uint8Array, at: number, octets: Uint8Array): boolean {
  return octets.every((octet, i) => bytes[at + i] === octet);
}
