/**
 * Address, octets and characters, 16 a line.
 * @param from the first octet's address
 * @param digits of addresses
 */
export function hexDump(bytes: Uint8Array, from = 0, digits = 4): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const part = [...bytes.subarray(at, at + 16)];
    const octets = part.map(octet => octet.toString(16).padStart(2, '0')).join(' ');
    const characters = part
      .map(octet => (octet >= 0x20 && octet < 0x7f ? String.fromCharCode(octet) : '.'))
      .join('');
    lines.push(`${(from + at).toString(16).padStart(digits, '0')}  ${octets.padEnd(47)}  ${characters}`);
  }
  return lines.join('\n');
}
