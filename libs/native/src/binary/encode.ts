/** Pieces of a WebAssembly binary. */
export const VALUE_TYPE = { i32: 0x7f, funcref: 0x70 } as const;

/** @param value from 0 to 2^32 - 1 */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value >>> 0;
  do {
    const more = rest > 0x7f;
    bytes.push((rest & 0x7f) | (more ? 0x80 : 0));
    rest >>>= 7;
  } while (rest > 0);
  return bytes;
}

/** @param value a 32-bit integer with its sign */
export function signed(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value | 0; ;) {
    const byte = rest & 0x7f;
    rest >>= 7;
    const last = (rest === 0 && byte < 0x40) || (rest === -1 && byte >= 0x40);
    bytes.push(last ? byte : byte | 0x80);
    if (last) return bytes;
  }
}

export function text(value: string): number[] {
  const bytes = Buffer.from(value);
  return [...unsigned(bytes.length), ...bytes];
}

/** A section, or a function's body, behind its length. */
export function sized(parts: readonly Uint8Array[]): Uint8Array[] {
  return [Uint8Array.from(unsigned(parts.reduce((sum, { length }) => sum + length, 0))), ...parts];
}

/** Reads an unsigned LEB128 number of at most 32 bits. The binary has been validated. */
export function readUnsigned(bytes: Uint8Array, at: number): { value: number; next: number } {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++] as number;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return { value: value >>> 0, next: at };
  }
}
