import { parseAddress, parseMacAddress, parseNet, type Prefix } from './addresses';
import { ExpressionParser } from './expression';
import * as packet from './packet';
import type { AddressProtocol, Direction, Packet, Test } from './packet';
import { toNumber, tokenize, type Token } from './tokens';

const protocols = ['ether', 'ip', 'ip6', 'arp', 'rarp', ...Object.keys(packet.ipProtocols)];
const types = ['host', 'net', 'port', 'portrange', 'proto'] as const;
type Type = (typeof types)[number];
/** What the words in front of an address, port or number say of it. */
interface Qualifiers {
  protocol: string | undefined;
  direction: Direction;
  type: Type;
}

/** The names that are most at home here; libpcap knows all of /etc/services, which not every machine has. */
const services: Readonly<Record<string, number>> = {
  ftp: 21,
  ssh: 22,
  telnet: 23,
  smtp: 25,
  domain: 53,
  bootps: 67,
  bootpc: 68,
  tftp: 69,
  http: 80,
  ntp: 123,
  snmp: 161,
  https: 443,
  syslog: 514,
  iperf3: 5201,
};

/**
 * Compiles a filter in the language of pcap-filter(7), but for these: access to single bytes (`tcp[13] & 2 != 0`),
 * names of hosts, `gateway`, `ip broadcast`, and the words for other media than Ethernet.
 *
 * As there, `and` and `or` bind equally and to the left, `not` binds more; a bare address or number takes the
 * qualifiers of the one before (`port 80 or 443`); and what stands behind `vlan` looks inside that tag.
 * @throws V3Error CAPTURE_FILTER_INVALID with the column
 */
export function compileFilter(text: string): Test {
  const tokens = tokenize(text);
  return tokens.length === 0 ? packet.all : new Parser(tokens, text.length + 1).parse();
}

class Parser extends ExpressionParser<Packet> {
  /** VLAN tags that were asked for so far. */
  #depth = 0;
  #last: Qualifiers | undefined;

  protected primitive(): Test {
    const word = this.peek();
    switch (word) {
      case 'less':
      case 'greater': {
        this.at++;
        const length = this.#number('a number of bytes', 0, 0xffff_ffff);
        return this.#plain(word === 'less' ? packet.atMost(length) : packet.atLeast(length));
      }
      case 'inbound':
      case 'outbound':
        this.at++;
        return this.#plain(packet[word]);
      case 'broadcast':
      case 'multicast':
        this.at++;
        return this.#plain(packet[word]);
      case 'vlan':
        return this.#vlan();
    }
    return this.#qualified();
  }

  #vlan(): Test {
    this.at++;
    const named = /^(0x[0-9a-f]+|\d+)$/.test(this.peek() ?? '');
    const id = named ? this.#number('a VLAN', 0, 4095) : undefined;
    return this.#plain(packet.vlan(id, this.#depth++));
  }

  /** `[protocol] [direction] [type] [value]` */
  #qualified(): Test {
    const first = this.at;
    const protocol = this.takeOne(protocols);
    if (protocol === 'ether' || protocol === 'ip' || protocol === 'ip6') {
      const group = this.takeOne(['broadcast', 'multicast']);
      if (group) return this.#plain(this.#group(protocol, group));
    }
    const direction = this.#direction();
    const type = this.takeOne(types) as Type | undefined;
    if (this.at === first) {
      if (!this.#isValue()) throw this.error(`${this.here()} is not a word of the filter language`);
      return this.#value(this.#last ?? { protocol: undefined, direction: 'src or dst', type: 'host' });
    }
    if (protocol && !direction && !type && !this.#isValue()) return this.#plain(this.#protocol(protocol));
    const qualifiers = { protocol, direction: direction ?? 'src or dst', type: type ?? 'host' };
    this.#last = qualifiers;
    return this.peek() === '(' ? this.parenthesised() : this.#value(qualifiers);
  }

  #protocol(name: string): Test {
    const depth = this.#depth;
    const etherType = packet.etherTypes[name];
    if (etherType !== undefined) return packet.etherType(etherType, depth);
    if (name === 'ether') throw this.error(`"host", "proto" or an address is missing before ${this.here()}`);
    const version = name === 'icmp6' ? 'ip6' : name === 'icmp' || name === 'igmp' ? 'ip' : undefined;
    return packet.ipProtocol(packet.ipProtocols[name] as number, version, depth);
  }

  #group(protocol: 'ether' | 'ip' | 'ip6', group: string): Test {
    if (protocol === 'ether') return group === 'multicast' ? packet.multicast : packet.broadcast;
    if (group === 'multicast') return packet.ipMulticast(protocol, this.#depth);
    this.at--;
    throw this.error(
      `"${protocol} broadcast" needs a netmask, which a capture does not know; write "broadcast"`,
    );
  }

  #direction(): Direction | undefined {
    const first = this.takeOne(['src', 'dst']) as 'src' | 'dst' | undefined;
    if (!first) return undefined;
    const joint = this.peek();
    const second = this.tokens[this.at + 1]?.text;
    if ((joint !== 'or' && joint !== 'and') || (second !== 'src' && second !== 'dst')) return first;
    if (second === first) return first;
    // "src and dst port 1" is a direction, "src host a and dst host b" is not: there a value stood between.
    this.at += 2;
    return `src ${joint} dst`;
  }

  #value(qualifiers: Qualifiers): Test {
    this.#last = qualifiers;
    switch (qualifiers.type) {
      case 'host':
        return qualifiers.protocol === 'ether' ? this.#etherHost(qualifiers) : this.#host(qualifiers);
      case 'net':
        return this.#net(qualifiers);
      case 'port':
      case 'portrange':
        return this.#port(qualifiers);
      case 'proto':
        return this.#proto(qualifiers);
    }
  }

  #etherHost({ direction }: Qualifiers): Test {
    const token = this.next('an Ethernet address');
    const mac = parseMacAddress(token.text);
    if (!mac) throw this.error(`"${token.text}" is no Ethernet address such as 02:00:0a:0a:00:0b`, token);
    return packet.directed(direction, end => packet.etherAddress(mac, end));
  }

  #host(qualifiers: Qualifiers): Test {
    const token = this.next('an address');
    const address = parseAddress(token.text);
    if (!address) {
      const hint = parseMacAddress(token.text)
        ? `; write "ether host ${token.text}"`
        : ', and names are not resolved';
      throw this.error(`"${token.text}" is no IPv4 or IPv6 address${hint}`, token);
    }
    return this.#addresses(qualifiers, { address, mask: new Uint8Array(address.length).fill(255) }, token);
  }

  #net(qualifiers: Qualifiers): Test {
    const token = this.next('a network');
    const mask = this.take('mask') ? this.next('a mask').text : undefined;
    const prefix = parseNet(token.text, mask);
    if (typeof prefix === 'string') throw this.error(prefix, token);
    return this.#addresses(qualifiers, prefix, token);
  }

  #addresses({ protocol, direction, type }: Qualifiers, prefix: Prefix, token: Token): Test {
    const depth = this.#depth;
    const isV6 = prefix.address.length === 16;
    const fitting: AddressProtocol[] = isV6 ? ['ip6'] : ['ip', 'arp', 'rarp'];
    const chosen = protocol === undefined ? fitting : fitting.filter(each => each === protocol);
    if (chosen.length === 0) throw this.error(`"${protocol}" has no ${type} ${token.text}`, token);
    return packet.anyOf(
      chosen.map(each => packet.directed(direction, end => packet.networkAddress(each, prefix, end, depth))),
    );
  }

  #port({ protocol, direction, type }: Qualifiers): Test {
    const token = this.next('a port');
    if (protocol !== undefined && !['tcp', 'udp', 'sctp'].includes(protocol)) {
      throw this.error(`"${protocol}" has no ports`, token);
    }
    const parts = type === 'portrange' ? token.text.split('-') : [token.text];
    const numbers = parts.map(part => services[part] ?? toNumber(part));
    if (type === 'portrange' && parts.length === 1) numbers.push(...numbers);
    const [from = NaN, to = from] = numbers;
    if (parts.length > 2 || !(from >= 0 && to <= 0xffff)) {
      const example = type === 'portrange' ? 'a range of ports such as 6000-6008' : 'a port from 0 to 65535';
      throw this.error(`"${token.text}" is not ${example}`, token);
    }
    const range = [Math.min(from, to), Math.max(from, to)] as const;
    const number = protocol === undefined ? undefined : packet.ipProtocols[protocol];
    return packet.port(range, number, direction, this.#depth);
  }

  #proto({ protocol, direction }: Qualifiers): Test {
    const token = this.next('a protocol');
    if (direction !== 'src or dst') throw this.error('a protocol has no direction', token);
    if (protocol === 'ether') {
      const type = packet.etherTypes[token.text] ?? toNumber(token.text);
      if (type >= 0x600 && type <= 0xffff) return packet.etherType(type, this.#depth);
      throw this.error(`"${token.text}" is no EtherType: ip, ip6, arp, rarp, or a number from 0x600`, token);
    }
    if (protocol !== undefined && protocol !== 'ip' && protocol !== 'ip6') {
      throw this.error(`"${protocol} proto" means nothing; write "ip proto" or "ip6 proto"`, token);
    }
    const number = packet.ipProtocols[token.text] ?? toNumber(token.text);
    if (!(number >= 0 && number <= 255)) {
      throw this.error(`"${token.text}" is no IP protocol: tcp, udp, icmp …, or a number to 255`, token);
    }
    return packet.ipProtocol(number, protocol, this.#depth);
  }

  #number(what: string, min: number, max: number): number {
    const token = this.next(what);
    const value = toNumber(token.text);
    if (value >= min && value <= max) return value;
    throw this.error(`"${token.text}" is not ${what} from ${min} to ${max}`, token);
  }

  /** A primitive whose qualifiers mean nothing to what follows. */
  #plain(test: Test): Test {
    this.#last = undefined;
    return test;
  }

  #isValue(): boolean {
    const word = this.peek();
    if (word === undefined || word === 'and' || word === 'or' || word === 'not' || word === ')') return false;
    return (
      word === '(' || /^[0-9a-f]*[:.0-9-]/.test(word) || (this.#last?.type === 'port' && word in services)
    );
  }
}
