import { formatMac } from '../mac-address';

/** What a packet is, in one line as tcpdump's, of the octets that were kept of it. */
export function describePacket(bytes: Uint8Array, length: number): string {
  return new Description(bytes, length).text();
}

const tcpFlags = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR'];
const icmpTypes: Readonly<Record<number, string>> = {
  0: 'echo reply',
  3: 'destination unreachable',
  5: 'redirect',
  8: 'echo request',
  11: 'time exceeded',
};
const icmp6Types: Readonly<Record<number, string>> = {
  1: 'destination unreachable',
  2: 'packet too big',
  3: 'time exceeded',
  128: 'echo request',
  129: 'echo reply',
  133: 'router solicitation',
  134: 'router advertisement',
  135: 'neighbour solicitation',
  136: 'neighbour advertisement',
  143: 'multicast listener report',
};
const FRAGMENT_NEEDED = 4;

class Description {
  constructor(
    private readonly bytes: Uint8Array,
    private readonly length: number,
  ) {}

  text(): string {
    try {
      return this.ethernet();
    } catch (thrown) {
      if (thrown instanceof CutShort) return `a packet of ${this.length} bytes that is cut short`;
      throw thrown;
    }
  }

  private ethernet(): string {
    let at = 12;
    let tags = '';
    for (; [0x8100, 0x88a8].includes(this.u16(at)); at += 4) tags += `vlan ${this.u16(at + 2) & 0xfff} `;
    const type = this.u16(at);
    at += 2;
    if (type === 0x0806) return tags + this.arp(at);
    if (type === 0x0800) return tags + this.ipv4(at);
    if (type === 0x86dd) return tags + this.ipv6(at);
    const ends = `${this.mac(6)} > ${this.mac(0)}`;
    return `${tags}${ends}: ethertype 0x${type.toString(16).padStart(4, '0')}, length ${this.length}`;
  }

  private arp(at: number): string {
    const operation = this.u16(at + 6);
    const [sender, target] = [this.quad(at + 14), this.quad(at + 24)];
    if (operation === 1) return `ARP who has ${target}? tell ${sender}`;
    if (operation === 2) return `ARP ${sender} is at ${this.mac(at + 8)}`;
    return `ARP operation ${operation} from ${sender}`;
  }

  private ipv4(at: number): string {
    const header = (this.u8(at) & 15) * 4;
    const total = this.u16(at + 2);
    const offset = (this.u16(at + 6) & 0x1fff) * 8;
    const ends = [this.quad(at + 12), this.quad(at + 16)] as const;
    const protocol = this.u8(at + 9);
    if (offset > 0) return `${ends.join(' > ')}: fragment at ${offset} of protocol ${protocol}`;
    return this.transport(protocol, ends, at + header, total - header, ':');
  }

  private ipv6(at: number): string {
    const ends = [this.hextets(at + 8), this.hextets(at + 24)] as const;
    let next = this.u8(at + 6);
    let payload = at + 40;
    let length = this.u16(at + 4);
    // Hop-by-hop and destination options.
    while (next === 0 || next === 60) {
      const bytes = (this.u8(payload + 1) + 1) * 8;
      next = this.u8(payload);
      payload += bytes;
      length -= bytes;
    }
    return this.transport(next, ends, payload, length, '.');
  }

  private transport(
    protocol: number,
    [source, destination]: readonly [string, string],
    at: number,
    length: number,
    separator: string,
  ): string {
    const withPorts = () =>
      `${source}${separator}${this.u16(at)} > ${destination}${separator}${this.u16(at + 2)}`;
    const ends = `${source} > ${destination}`;
    switch (protocol) {
      case 1:
        return `${ends}: ICMP ${this.icmp(at, length)}`;
      case 6: {
        const flags = tcpFlags.filter((_, bit) => this.u8(at + 13) & (1 << bit)).join(' ');
        const payload = length - (this.u8(at + 12) >> 4) * 4;
        const [sequence, acknowledged] = [this.u32(at + 4), this.u32(at + 8)];
        return `${withPorts()}: TCP ${flags} seq ${sequence} ack ${acknowledged} length ${payload}`;
      }
      case 17:
        return `${withPorts()}: UDP length ${this.u16(at + 4) - 8}`;
      case 58:
        return `${ends}: ICMPv6 ${this.icmp6(at, length)}`;
      default:
        return `${ends}: IP protocol ${protocol} length ${length}`;
    }
  }

  private icmp(at: number, length: number): string {
    const type = this.u8(at);
    if (type === 3 && this.u8(at + 1) === FRAGMENT_NEEDED)
      return `fragmentation needed, MTU ${this.u16(at + 6)}`;
    return `${icmpTypes[type] ?? `type ${type}`}${this.echo(at, type === 0 || type === 8)} length ${length}`;
  }

  private icmp6(at: number, length: number): string {
    const type = this.u8(at);
    if (type === 135 || type === 136) return `${icmp6Types[type]} of ${this.hextets(at + 8)}`;
    return `${icmp6Types[type] ?? `type ${type}`}${this.echo(at, type === 128 || type === 129)} length ${length}`;
  }

  private echo(at: number, is: boolean): string {
    return is ? ` id ${this.u16(at + 4)} seq ${this.u16(at + 6)}` : '';
  }

  private mac(at: number): string {
    this.u8(at + 5);
    return formatMac(this.bytes.subarray(at, at + 6));
  }

  private quad(at: number): string {
    return [0, 1, 2, 3].map(i => this.u8(at + i)).join('.');
  }

  /** RFC 5952: the first longest run of zeros is left out. */
  private hextets(at: number): string {
    const words = Array.from({ length: 8 }, (_, i) => this.u16(at + 2 * i).toString(16));
    const text = words.join(':');
    const runs = [...text.matchAll(/(?<![0-9a-f])0(:0)+(?![0-9a-f])/g)];
    const longest = runs.sort((a, b) => b[0].length - a[0].length)[0];
    if (!longest) return text;
    const before = text.slice(0, longest.index).replace(/:$/, '');
    return `${before}::${text.slice(longest.index + longest[0].length).replace(/^:/, '')}`;
  }

  private u8(at: number): number {
    const octet = this.bytes[at];
    if (octet === undefined) throw new CutShort();
    return octet;
  }
  private u16(at: number): number {
    return this.u8(at) * 256 + this.u8(at + 1);
  }
  private u32(at: number): number {
    return this.u16(at) * 0x1_0000 + this.u16(at + 2);
  }
}

class CutShort extends Error {}
