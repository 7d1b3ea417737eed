import { decode, encode, type Answer, type Packet, type Question } from 'dns-packet';
import { formatIpv4, parseIpv4, u16 } from '@v3vee/wire';
import type { LeaseTable } from './lease-table';
import type { Member, Members } from './members';

export interface DnsSettings {
  /** The network's domain, `lan.internal`. */
  domain: string;
  /** Of the network, which may stand for its domain: `b1.lan`. */
  network: string;
}

const HEADER_BYTES = 12;
/** Without EDNS (RFC 1035 §4.2.1), and what we take at most with it (RFC 9715 recommends 1232 or 1400). */
const PLAIN_UDP_BYTES = 512;
const MAX_UDP_BYTES = 1_232;
/** s; addresses change while guests run, and asking again is cheap. */
const TTL_SECONDS = 10;
const REVERSE = '.in-addr.arpa';
const FLAG = { AUTHORITATIVE: 0x0400, RECURSION_DESIRED: 0x0100 };
const RCODE = { NOERROR: 0, FORMERR: 1, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5, BADVERS: 16 };

type Outcome = { code: number; answers: Answer[] };

/**
 * Answers questions for the names of one network's VMs (RFC 1035, EDNS(0) of RFC 6891): `b1`, `b1.lan`,
 * `b1.lan.internal`, and back from addresses. It asks nobody else: any other name does not exist. No answer but a
 * positive one may be cached (there is no SOA, RFC 2308 §5), so that a new VM is found at once.
 */
export class DnsResponder {
  constructor(
    private readonly settings: DnsSettings,
    private readonly members: () => Members,
    private readonly leases: LeaseTable | undefined,
    private readonly now: () => number = Date.now,
  ) {}

  /** @returns undefined where no answer is due: it is no query, or too short to tell */
  answer(bytes: Uint8Array): Uint8Array | undefined {
    if (bytes.length < HEADER_BYTES || ((bytes[2] as number) & 0x80) !== 0) return undefined;
    const query = decodeQuery(bytes);
    if (!query) return response(bytes, undefined, { code: RCODE.FORMERR, answers: [] });
    if (((bytes[2] as number) >> 3) & 15) {
      return response(bytes, query, { code: RCODE.NOTIMP, answers: [] });
    }
    if (query.edns && query.edns.version !== 0) {
      return response(bytes, query, { code: RCODE.BADVERS, answers: [] });
    }
    return response(bytes, query, this.resolve(query.question));
  }

  private resolve({ name, type, class: inClass }: Question): Outcome {
    if (inClass !== 'IN' && inClass !== 'ANY') return { code: RCODE.REFUSED, answers: [] };
    const lower = name.toLowerCase();
    return lower.endsWith(REVERSE) ? this.backward(name, lower, type) : this.forward(name, lower, type);
  }

  private forward(name: string, lower: string, type: string): Outcome {
    const { domain, network } = this.settings;
    const [label = '', ...rest] = lower.split('.');
    const zone = rest.join('.');
    const known = zone === '' || zone === domain || zone === network ? this.members().withName(label) : [];
    if (known.length === 0) return { code: RCODE.NXDOMAIN, answers: [] };
    const addresses = new Set(known.flatMap(member => this.addressesOf(member)));
    const answers = [...addresses].flatMap((data): Answer[] => {
      const kind = data.includes(':') ? 'AAAA' : 'A';
      return type === kind || type === 'ANY' ? [{ name, type: kind, ttl: TTL_SECONDS, data }] : [];
    });
    return { code: RCODE.NOERROR, answers };
  }

  private backward(name: string, lower: string, type: string): Outcome {
    const text = lower.slice(0, -REVERSE.length).split('.').reverse().join('.');
    const owner = isIpv4(text) ? this.ownerOf(parseIpv4(text)) : undefined;
    if (!owner) return { code: RCODE.NXDOMAIN, answers: [] };
    const data = `${owner.name}.${this.settings.domain}`;
    const asked = type === 'PTR' || type === 'ANY';
    return { code: RCODE.NOERROR, answers: asked ? [{ name, type: 'PTR', ttl: TTL_SECONDS, data }] : [] };
  }

  /** An address from the definition is the truth; without one, what was lent, and what the guest says. */
  private addressesOf({ mac, fixed, reported }: Member): string[] {
    const v6 = reported.filter(address => address.includes(':'));
    if (fixed !== null) return [formatIpv4(fixed), ...v6];
    const lent = this.leases?.active(mac, this.now());
    return lent === undefined ? reported : [formatIpv4(lent), ...reported];
  }

  private ownerOf(address: number): Member | undefined {
    const members = this.members();
    const holder = this.leases?.holder(address, this.now());
    return (
      members.withFixed(address) ??
      (holder === undefined ? undefined : members.withMac(holder)) ??
      members.reporting(address)
    );
  }
}

interface Query {
  question: Question;
  /** Where the question ends in the query. */
  end: number;
  edns: { version: number; udpBytes: number } | undefined;
}

/** Undefined when it is malformed or has another number of questions than one. */
function decodeQuery(bytes: Uint8Array): Query | undefined {
  if (u16(bytes, 4) !== 1) return undefined;
  try {
    const { questions, additionals } = decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
    const [question] = questions ?? [];
    const end = questionEnd(bytes);
    if (!question || end === undefined) return undefined;
    const option = additionals?.find(record => record.type === 'OPT');
    const edns = option && { version: option.ednsVersion, udpBytes: option.udpPayloadSize };
    return { question, end, edns };
  } catch {
    return undefined;
  }
}

/** There is nothing before the first question that a pointer could lead to, so it is labels to the end. */
function questionEnd(bytes: Uint8Array): number | undefined {
  let at = HEADER_BYTES;
  for (let length = bytes[at]; length !== undefined && length !== 0; length = bytes[at]) {
    if (length > 63) return undefined;
    at += 1 + length;
  }
  const end = at + 1 + 4;
  return end <= bytes.length ? end : undefined;
}

function response(bytes: Uint8Array, query: Query | undefined, { code, answers }: Outcome): Uint8Array {
  const limit = Math.min(Math.max(query?.edns?.udpBytes ?? 0, PLAIN_UDP_BYTES), MAX_UDP_BYTES);
  const question = query ? bytes.subarray(HEADER_BYTES, query.end) : new Uint8Array();
  // Nobody answers over TCP, so fewer addresses are better than a truncated answer.
  for (let count = answers.length; ; count--) {
    const rest = encode(packet(bytes, query, code, answers.slice(0, count)));
    if (count > 0 && rest.length + question.length > limit) continue;
    // The question goes back octet by octet, since a label may hold any of them.
    rest[5] = query ? 1 : 0;
    rest[3] = ((rest[3] as number) & 0xf0) | (code & 15);
    return Uint8Array.from([...rest.subarray(0, HEADER_BYTES), ...question, ...rest.subarray(HEADER_BYTES)]);
  }
}

function packet(bytes: Uint8Array, query: Query | undefined, code: number, answers: Answer[]): Packet {
  const asked = u16(bytes, 2) & FLAG.RECURSION_DESIRED;
  return {
    type: 'response',
    id: u16(bytes, 0),
    flags: FLAG.AUTHORITATIVE | asked,
    questions: [],
    answers,
    additionals: query?.edns
      ? [
          {
            type: 'OPT',
            name: '.',
            udpPayloadSize: MAX_UDP_BYTES,
            extendedRcode: code >> 4,
            ednsVersion: 0,
            flags: 0,
            flag_do: false,
            options: [],
          },
        ]
      : [],
  };
}

function isIpv4(text: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(text) && text.split('.').every(part => Number(part) <= 255);
}
