/**
 * As much of an assembler as a guest without a compiler needs: bytes, labels and relative jumps, put into the smallest
 * static program that Linux starts (System V ABI, Intel386 supplement; ELF 1.2).
 */

export type Code = readonly number[] | { label: string } | { jump: readonly number[]; to: string };

/** A place to jump to. */
export const label = (name: string): Code => ({ label: name });
/** An opcode whose operand is the distance to a label, 32 bits. */
export const jump = (opcode: readonly number[], to: string): Code => ({ jump: opcode, to });
/** An immediate operand. */
export const dword = (value: number): number[] => [0, 8, 16, 24].map(shift => (value >>> shift) & 0xff);

const BASE = 0x08048000;
const ELF_HEADER = 52;
const PROGRAM_HEADER = 32;
const [EXECUTABLE, I386, CURRENT, LOAD, READ_AND_EXECUTE] = [2, 3, 1, 1, 5];

/**
 * A program that runs `code` from its first byte on.
 * @param base where it is loaded; of a kernel, a physical address
 * @throws Error a label is missing
 */
export function program(code: readonly Code[], base = BASE): Uint8Array {
  const text = assembled(code);
  const start = ELF_HEADER + PROGRAM_HEADER;
  const size = start + text.length;
  const half = (value: number) => [value & 0xff, value >> 8];
  return Uint8Array.from([
    ...[0x7f, 0x45, 0x4c, 0x46, 1, 1, 1, ...new Array<number>(9).fill(0)],
    ...[...half(EXECUTABLE), ...half(I386), ...dword(CURRENT), ...dword(base + start), ...dword(ELF_HEADER)],
    ...[...dword(0), ...dword(0), ...half(ELF_HEADER), ...half(PROGRAM_HEADER), ...half(1)],
    ...new Array<number>(6).fill(0), // no sections
    ...[LOAD, 0, base, base, size, size, READ_AND_EXECUTE, 0x1000].flatMap(dword),
    ...text,
  ]);
}

function assembled(code: readonly Code[]): number[] {
  const places = new Map<string, number>();
  let at = 0;
  for (const part of code) {
    if ('label' in part) places.set(part.label, at);
    else at += 'jump' in part ? part.jump.length + 4 : part.length;
  }
  const bytes: number[] = [];
  for (const part of code) {
    if ('label' in part) continue;
    if (!('jump' in part)) {
      bytes.push(...part);
      continue;
    }
    const place = places.get(part.to);
    if (place === undefined) throw new Error(`there is no label ${part.to}`);
    bytes.push(...part.jump, ...dword(place - (bytes.length + part.jump.length + 4)));
  }
  return bytes;
}
