import { z } from 'zod';

const units: Record<string, number> = { MiB: 1, MB: 1, M: 1, GiB: 1024, GB: 1024, G: 1024 };

/** Memory as people write it (`64MiB`, `1GiB`, or a number of MiB), parsed to MiB. */
export const memoryMiB = z.union([
  z.int().positive(),
  z.string().transform((text, ctx) => {
    const match = /^(\d+)\s*([A-Za-z]+)$/.exec(text.trim());
    const unit = match ? units[match[2] as string] : undefined;
    if (!match || unit === undefined || Number(match[1]) === 0) {
      ctx.addIssue({
        code: 'custom',
        message: `"${text}" is not an amount of memory; write for example 64MiB or 1GiB`,
      });
      return z.NEVER;
    }
    return Number(match[1]) * unit;
  }),
]);

const seconds: Record<string, number> = { s: 1, m: 60, min: 60, h: 3600, d: 86_400 };

/** A length of time as people write it (`30s`, `5m`, `1h`, `7d`, or a number of seconds), parsed to seconds. */
export const interval = z.union([
  z.int().positive(),
  z.string().transform((text, ctx) => {
    const match = /^(\d+)\s*([a-z]+)$/.exec(text.trim());
    const unit = match ? seconds[match[2] as string] : undefined;
    if (!match || unit === undefined || Number(match[1]) === 0) {
      ctx.addIssue({
        code: 'custom',
        message: `"${text}" is not a length of time; write for example 30s or 5m`,
      });
      return z.NEVER;
    }
    return Number(match[1]) * unit;
  }),
]);

/** A name of a host, network, VM or image: a DNS label (RFC 1123), because a VM's name becomes its hostname. */
export const resourceName = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
    'a name has 1 to 63 lower-case letters, digits and inner hyphens (RFC 1123), for example "a1"',
  );

/** A unicast MAC address, normalised to lower case with colons. */
export const macAddress = z
  .string()
  .regex(/^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$/, 'a MAC address looks like 02:00:00:00:00:01')
  .transform(text => text.toLowerCase())
  .refine(text => (Number.parseInt(text.slice(0, 2), 16) & 1) === 0, {
    message: 'this is a group address; a NIC needs a unicast MAC (an even first byte, for example 02:…)',
  })
  .refine(text => text !== '00:00:00:00:00:00', { message: 'the all-zero MAC cannot be used' });

// No leading zeros: some tools read them as octal, so that two spellings could mean two addresses.
const octet = String.raw`(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)`;
const ipv4 = new RegExp(`^${octet}(\\.${octet}){3}$`);

const cidr = (text: string): boolean => {
  const [address, prefix, rest] = text.split('/');
  return (
    rest === undefined && ipv4.test(address ?? '') && /^\d{1,2}$/.test(prefix ?? '') && Number(prefix) <= 32
  );
};

/** An IPv4 or IPv6 address in its canonical spelling (RFC 5952), so that two spellings are never two addresses. */
export const ipAddress = z
  .string()
  .refine(text => z.ipv4().safeParse(text).success || z.ipv6().safeParse(text).success, {
    message: 'an IPv4 or IPv6 address is needed, for example 192.0.2.1',
    abort: true,
  })
  .transform(text => (text.includes(':') ? canonicalIpv6(text) : text));

function canonicalIpv6(text: string): string {
  const canonical = new URL(`http://[${text}]`).hostname.slice(1, -1);
  // An IPv4 address in IPv6's clothes (RFC 4291, 2.5.5.2) is that IPv4 address.
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical);
  if (!mapped) return canonical;
  return mapped
    .slice(1)
    .map(part => Number.parseInt(part, 16))
    .map(part => `${part >> 8}.${part & 0xff}`)
    .join('.');
}

/** An IPv4 address with its prefix length, `10.10.0.11/24`. */
export const ipWithPrefix = z
  .string()
  .refine(cidr, { message: 'an address with its prefix is needed, for example 10.10.0.11/24' });

/** `10.10.0.11/24` → 32-bit address and mask. */
export function parseCidr(text: string): { address: number; mask: number; prefix: number } {
  const [address = '', prefix = '32'] = text.split('/');
  const bits = Number(prefix);
  const mask = bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
  const value = address.split('.').reduce((sum, part) => ((sum << 8) | Number(part)) >>> 0, 0);
  return { address: value, mask, prefix: bits };
}

export function inSubnet(ip: string, subnet: string): boolean {
  const net = parseCidr(subnet);
  return (parseCidr(ip).address & net.mask) >>> 0 === (net.address & net.mask) >>> 0;
}
