import { WireError } from './wire-error';

/** `10.10.0.1` → 0x0a0a0001. @throws WireError when it is not four numbers from 0 to 255 joined by dots */
export function parseIpv4(text: string): number {
  const parts = /^\d{1,3}(\.\d{1,3}){3}$/.test(text) ? text.split('.').map(Number) : [];
  if (parts.length === 0 || parts.some(part => part > 255)) {
    throw new WireError(`"${text}" is not an IPv4 address; one looks like 10.10.0.1`, 0);
  }
  return parts.reduce((address, part) => address * 256 + part, 0);
}

/** 0x0a0a0001 → `10.10.0.1`. */
export function formatIpv4(address: number): string {
  return [24, 16, 8, 0].map(shift => (address >>> shift) & 0xff).join('.');
}
