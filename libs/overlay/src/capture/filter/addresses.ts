import { isIPv4, isIPv6 } from 'node:net';

/** A network: an address, and which bits of it count. Both have 4 or 16 octets. */
export interface Prefix {
  readonly address: Uint8Array;
  readonly mask: Uint8Array;
}

/** Octets of an IPv4 or IPv6 address; undefined for anything else, also for a zone (`fe80::1%eth0`). */
export function parseAddress(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number);
  return isIPv6(text) && !text.includes('%') ? parseIpv6(text) : undefined;
}

/**
 * `10.0.0.0/8`, `10.1` (as many bits as there are octets), `192.168.1.0` with a mask of its own, `2001:db8::/32`.
 * @returns what is wrong with it, in words
 */
export function parseNet(text: string, mask?: string): Prefix | string {
  const [head = '', bits, ...rest] = text.split('/');
  if (rest.length > 0 || (bits !== undefined && mask !== undefined)) return `"${text}" is no network`;
  const octets = /^\d+(\.\d+){0,2}$/.test(head) ? head.split('.').length : 0;
  const address = parseAddress(octets > 0 ? head + '.0'.repeat(4 - octets) : head);
  if (!address) return `"${text}" is no network; write 10.0.0.0/8 or 2001:db8::/32`;
  const length = address.length * 8;
  let maskOctets: Uint8Array;
  if (mask !== undefined) {
    const parsed = isIPv4(mask) ? parseAddress(mask) : undefined;
    if (!parsed || length !== 32) return `"${mask}" is no mask of an IPv4 network`;
    maskOctets = parsed;
  } else {
    const count = bits === undefined ? (octets > 0 ? octets * 8 : length) : Number(bits);
    if (!/^\d+$/.test(bits ?? '0') || count > length)
      return `a prefix has at most ${length} bits, not ${bits}`;
    maskOctets = maskOf(count, address.length);
  }
  if (address.some((octet, i) => octet & ~(maskOctets[i] as number)))
    return `"${text}" has bits outside its mask; write host for one address`;
  return { address, mask: maskOctets };
}

export function parseMacAddress(text: string): Uint8Array | undefined {
  return /^[0-9a-f]{1,2}([:-][0-9a-f]{1,2}){5}$/i.test(text)
    ? Uint8Array.from(text.split(/[:-]/), octet => parseInt(octet, 16))
    : undefined;
}

function maskOf(bits: number, octets: number): Uint8Array {
  return Uint8Array.from({ length: octets }, (_, i) => 0xff00 >> Math.min(Math.max(bits - i * 8, 0), 8));
}

/** Of a text that is a valid address. */
function parseIpv6(text: string): Uint8Array {
  const words = (part: string): number[] =>
    part === ''
      ? []
      : part.split(':').flatMap(word => (word.includes('.') ? twoWords(word) : [parseInt(word, 16)]));
  const [before = '', after] = text.split('::');
  const head = words(before);
  const tail = words(after ?? '');
  const all = [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail];
  return Uint8Array.from(all.flatMap(word => [word >> 8, word & 255]));
}

function twoWords(quad: string): number[] {
  const [a = 0, b = 0, c = 0, d = 0] = quad.split('.').map(Number);
  return [a * 256 + b, c * 256 + d];
}
