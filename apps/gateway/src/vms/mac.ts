import { randomBytes } from 'node:crypto';

/** A random unicast MAC of the locally administered range `02:…` (IEEE 802, U/L bit set, I/G bit clear). */
export function randomMac(): string {
  return ['02', ...randomBytes(5).toString('hex').match(/../g)!].join(':');
}
