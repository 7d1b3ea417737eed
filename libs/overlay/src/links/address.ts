import { isIPv4, isIPv6, SocketAddress } from 'node:net';

export interface Endpoint {
  address: string;
  port: number;
}

/** The text that the operating system uses for an address: `FE80:0::1` → `fe80::1`. What is none stays as it is. */
export function canonical(address: string): string {
  return isIPv6(address) ? new SocketAddress({ address, family: 'ipv6' }).address : address;
}

export const familyOf = (address: string): 4 | 6 => (isIPv4(address) ? 4 : 6);

export const nameOf = ({ address, port }: Endpoint): string =>
  familyOf(address) === 4 ? `${address}:${port}` : `[${address}]:${port}`;

const explanations: Record<string, string> = {
  EADDRINUSE: 'another program uses it',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'ports below 1024 need rights that this process has not',
  ECONNREFUSED: 'nobody listens there',
  ETIMEDOUT: 'it does not answer',
  EHOSTUNREACH: 'there is no way to it',
  ENETUNREACH: 'there is no way to it',
};

/** `127.0.0.1:9000 cannot be listened on: another program uses it (EADDRINUSE)`. */
export function explain(endpoint: Endpoint, what: string, error: NodeJS.ErrnoException): string {
  const code = error.code ?? error.message;
  const explanation = explanations[code];
  return `${nameOf(endpoint)} ${what}: ${explanation ? `${explanation} (${code})` : code}`;
}
