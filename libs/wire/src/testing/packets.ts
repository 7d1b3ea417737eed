/**
 * Packets for tests, and a slow reader of them that verifies every checksum. Neither uses what it is to test: they
 * are written from the RFCs, with other arithmetic.
 */
export interface PacketShape {
  version: 4 | 6;
  protocol: 'tcp' | 'udp' | 'icmp';
  payload: Uint8Array;
  tags?: number;
  /** Bytes of IPv4 options, or of IPv6 hop-by-hop options: multiples of 4, or of 8. */
  options?: number;
  tcpOptions?: number;
  flags?: number;
  sequence?: number;
  identification?: number;
  dontFragment?: boolean;
  destinationMac?: number[];
  /** Type of the ICMP message; an echo request by default. */
  icmpType?: number;
}

export const SENDER = [2, 0, 0, 0, 0, 0xa];
export const RECEIVER = [2, 0, 0, 0, 0, 0xb];
const ADDRESSES = {
  4: { source: [10, 1, 2, 3], destination: [10, 9, 8, 7] },
  6: {
    source: [0xfd, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14],
    destination: [0xfd, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255],
  },
} as const;
const PROTOCOLS = { tcp: 6, udp: 17, icmp: 1 };

const word = (n: number) => [(n >> 8) & 255, n & 255];
const long = (n: number) => [...word(n >>> 16), ...word(n & 0xffff)];

/** Ones' complement sum by the definition: numbers modulo 65535, which never become 0 once they were not. */
export function slowSum(bytes: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += bytes[i]! * 256 + (bytes[i + 1] ?? 0);
  return sum === 0 ? 0 : ((sum - 1) % 65_535) + 1;
}

/** An Ethernet frame; the transport's checksum field holds the pseudo header's sum (`partial`) or the whole. */
export function packet(shape: PacketShape, checksum: 'partial' | 'whole' = 'whole') {
  const { version, protocol, payload, tags = 0, options = 0, tcpOptions = 0 } = shape;
  const number = protocol === 'icmp' && version === 6 ? 58 : PROTOCOLS[protocol];
  const { source, destination } = ADDRESSES[version];
  const transport = transportHeader(shape, tcpOptions, payload.length);
  const length = transport.length + payload.length;
  const pseudo = [...source, ...destination, ...long(length), 0, 0, 0, number];
  const field = { tcp: 16, udp: 6, icmp: 2 }[protocol];
  const covered = protocol === 'icmp' && version === 4 ? [] : pseudo;
  const sum =
    checksum === 'partial' ? slowSum(pseudo) : 65_535 - slowSum([...covered, ...transport, ...payload]);
  transport.splice(field, 2, ...word(protocol === 'udp' && sum === 0 && checksum === 'whole' ? 0xffff : sum));

  const ethernet = [...(shape.destinationMac ?? RECEIVER), ...SENDER];
  for (let i = 0; i < tags; i++) ethernet.push(...(tags - i === 2 ? [0x88, 0xa8] : [0x81, 0]), 0, 7 + i);
  ethernet.push(...(version === 4 ? [0x08, 0x00] : [0x86, 0xdd]));
  const ip: number[] = [];
  if (version === 4) {
    ip.push(
      0x40 | ((20 + options) / 4),
      0,
      ...word(20 + options + length),
      ...word(shape.identification ?? 77),
    );
    ip.push(shape.dontFragment === false ? 0 : 0x40, 0, 64, number, 0, 0, ...source, ...destination);
    // Option 0x83 is to be copied into fragments (loose source route's class), 1 pads.
    if (options > 0) ip.push(0x83, options, ...new Array<number>(options - 2).fill(0xee));
    ip.splice(10, 2, ...word(65_535 - slowSum(ip)));
  } else {
    ip.push(0x60, 0, 0, 0, ...word(options + length), options ? 0 : number, 64, ...source, ...destination);
    if (options > 0) ip.push(number, options / 8 - 1, ...new Array<number>(options - 2).fill(0));
  }
  const frame = new Uint8Array(ethernet.length + ip.length + length);
  frame.set([...ethernet, ...ip, ...transport]);
  frame.set(payload, frame.length - payload.length);
  const start = ethernet.length + ip.length;
  return { frame, start, headerBytes: start + transport.length, field };
}

function transportHeader(shape: PacketShape, tcpOptions: number, payloadBytes: number): number[] {
  if (shape.protocol === 'icmp')
    return [shape.icmpType ?? (shape.version === 4 ? 8 : 128), 0, 0, 0, 1, 2, 3, 4];
  if (shape.protocol === 'udp') return [...word(4000), ...word(5000), ...word(8 + payloadBytes), 0, 0];
  const offset = ((20 + tcpOptions) / 4) << 4;
  const header = [...word(80), ...word(43_210), ...long(shape.sequence ?? 1), ...long(99), offset];
  header.push(shape.flags ?? 0x10, ...word(502), 0, 0, 0, 0);
  return [...header, ...new Array<number>(tcpOptions).fill(1)];
}

/** As a guest hands it over: with checksum offload and, with `size`, in segments of so many bytes. */
export function superFrame(shape: PacketShape, size = 0, ecn = false): Uint8Array {
  const { frame, start, headerBytes, field } = packet(shape, 'partial');
  const type = size === 0 ? 0 : (shape.version === 4 ? 1 : 4) | (ecn ? 0x80 : 0);
  const little = (n: number) => [n & 255, n >> 8];
  const header = [
    1,
    type,
    ...little(size ? headerBytes : 0),
    ...little(size),
    ...little(start),
    ...little(field),
    0,
    0,
  ];
  return Uint8Array.from([...header, ...frame]);
}

/** What a receiver finds in a frame. Throws when anything in it is wrong. */
export function read(frame: Uint8Array) {
  const check = (ok: boolean, what: string) => {
    if (!ok) throw new Error(`${what} is wrong in ${Buffer.from(frame).toString('hex').slice(0, 200)}`);
  };
  let at = 12;
  const tags: number[] = [];
  for (; (frame[at]! === 0x81 && frame[at + 1] === 0) || frame[at] === 0x88; at += 4)
    tags.push(frame[at + 3]!);
  const type = frame[at]! * 256 + frame[at + 1]!;
  at += 2;
  const ip = at;
  let protocol: number;
  let addresses: Uint8Array;
  let fragment = 0;
  if (type === 0x0800) {
    const bytes = (frame[ip]! % 16) * 4;
    check(slowSum(frame.subarray(ip, ip + bytes)) === 65_535, 'the IPv4 header checksum');
    check(frame[ip + 2]! * 256 + frame[ip + 3]! === frame.length - ip, 'the IPv4 length');
    fragment = frame[ip + 6]! * 256 + frame[ip + 7]!;
    protocol = frame[ip + 9]!;
    addresses = frame.subarray(ip + 12, ip + 20);
    at += bytes;
  } else {
    check(type === 0x86dd, 'the EtherType');
    check(frame[ip + 4]! * 256 + frame[ip + 5]! === frame.length - ip - 40, 'the IPv6 length');
    protocol = frame[ip + 6]!;
    addresses = frame.subarray(ip + 8, ip + 40);
    at += 40;
    if (protocol === 0) {
      protocol = frame[at]!;
      at += (frame[at + 1]! + 1) * 8;
    }
  }
  const transport = frame.subarray(at);
  const pseudo = protocol === 1 ? [] : [...addresses, ...long(transport.length), 0, 0, 0, protocol];
  if (fragment % 0x4000 === 0) {
    check(slowSum([...pseudo, ...transport]) === 65_535, 'the checksum of the transport');
  }
  const view = new DataView(transport.buffer, transport.byteOffset, transport.length);
  const headerBytes = protocol === 6 ? (transport[12]! >> 4) * 4 : 8;
  return {
    tags,
    protocol,
    ip: frame.subarray(ip, at),
    ipBytes: frame.length - ip,
    identification: type === 0x0800 ? frame[ip + 4]! * 256 + frame[ip + 5]! : undefined,
    fragmentOffset: (fragment % 0x2000) * 8,
    moreFragments: (fragment & 0x2000) !== 0,
    addresses,
    transport,
    sequence: protocol === 6 ? view.getUint32(4) : 0,
    flags: protocol === 6 ? transport[13]! : 0,
    payload: transport.subarray(headerBytes),
  };
}
