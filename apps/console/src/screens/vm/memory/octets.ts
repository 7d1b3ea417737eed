import { ApiError } from '../../../api/problem';

export const octetsOf = (base64: string): Uint8Array =>
  Uint8Array.from(atob(base64), character => character.charCodeAt(0));

/** Of a text its UTF-8, of `0x…` those octets. @throws ApiError */
export function toHex(pattern: string): string {
  if (!pattern.startsWith('0x'))
    return [...new TextEncoder().encode(pattern)].map(octet => octet.toString(16).padStart(2, '0')).join('');
  const digits = pattern.slice(2).replaceAll(' ', '');
  if (/^([0-9a-f]{2})+$/i.test(digits)) return digits;
  throw invalid(`“${pattern}” is not octets: write pairs of hexadecimal digits, for example 0x7f454c46`);
}

/** @throws ApiError */
export function readAddress(text: string): number {
  if (/^\s*(0x[0-9a-f]{1,8}|\d{1,10})\s*$/i.test(text)) return Number(text);
  throw invalid(`“${text}” is not an address: write for example 0x100000`);
}

const invalid = (detail: string) => new ApiError('INVALID_REQUEST', 'The input is not valid', detail);
