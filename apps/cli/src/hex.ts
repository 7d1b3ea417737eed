import { V3Error } from '@v3vee/contracts';

const PER_LINE = 16;
const UNITS: Record<string, number> = { '': 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** A number of bytes as people write it: `4096`, `0x1000`, `64MiB`. @throws V3Error USAGE */
export function bytes(text: string): number {
  const match = /^(0x[0-9a-f]+|\d+)(KiB|MiB|GiB)?$/i.exec(text);
  const unit = UNITS[match?.[2] ?? ''];
  const value = match && unit !== undefined ? Number(match[1]) * unit : 0;
  if (value > 0 && value <= 2 ** 30) return value;
  throw new V3Error('USAGE', `"${text}" is not a number of bytes; write for example 256, 0x1000 or 64MiB`);
}

/** As `hexdump -C`: address, sixteen bytes, and what of them is ASCII. */
export function hexDump(data: Uint8Array, address: number): string {
  const lines: string[] = [];
  for (let at = 0; at < data.length; at += PER_LINE) {
    const line = [...data.subarray(at, at + PER_LINE)];
    const hex = line.map(byte => byte.toString(16).padStart(2, '0'));
    const halves = [hex.slice(0, 8).join(' '), hex.slice(8).join(' ')].join('  ');
    const text = line.map(byte => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    lines.push(`${(address + at).toString(16).padStart(8, '0')}  ${halves.padEnd(49)} |${text}|`);
  }
  return lines.join('\n');
}
