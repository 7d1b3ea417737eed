/** Bytes that are not what they should be. The message says what, and where. */
export class BadFormat extends Error {}

/** One program header (ELF32 of the System V gABI, i386 supplement). */
export interface Segment {
  type: number;
  offset: number;
  virtualAddress: number;
  physicalAddress: number;
  fileSize: number;
  memorySize: number;
}

export interface Elf {
  /** ELFCLASS32 or ELFCLASS64; of a 64-bit file only the identification is read. */
  bits: 32 | 64;
  machine: number;
  entry: number;
  segments: Segment[];
}

export const machineI386 = 3;
export const segmentLoad = 1;
const segmentDynamic = 2;
const tagNull = 0;
const tagNeeded = 1;
const tagStringTable = 5;

export function isElf(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

/** Reads an ELF file's header and program headers; every segment is checked to lie inside the file. */
export function readElf(bytes: Uint8Array): Elf {
  if (!isElf(bytes)) throw new BadFormat('it does not begin with the ELF magic');
  if (bytes.length < 52) throw new BadFormat(`the ELF header is cut off after ${bytes.length} bytes`);
  if (bytes[5] !== 1) throw new BadFormat('it is a big-endian ELF file');
  const view = viewOf(bytes);
  const machine = view.getUint16(18, true);
  if (bytes[4] === 2) return { bits: 64, machine, entry: 0, segments: [] };
  if (bytes[4] !== 1) throw new BadFormat(`its ELF class is ${bytes[4]}, neither 32-bit nor 64-bit`);
  const start = view.getUint32(28, true);
  const size = view.getUint16(42, true);
  const count = view.getUint16(44, true);
  if (count > 0 && (size < 32 || start + count * size > bytes.length)) {
    throw new BadFormat(
      `its program headers (${count} at offset ${start}) lie beyond the file's ${bytes.length} bytes`,
    );
  }
  const segments: Segment[] = [];
  for (let index = 0; index < count; index++) {
    const field = (offset: number): number => view.getUint32(start + index * size + offset, true);
    const segment: Segment = {
      type: field(0),
      offset: field(4),
      virtualAddress: field(8),
      physicalAddress: field(12),
      fileSize: field(16),
      memorySize: field(20),
    };
    if (segment.type === segmentLoad && segment.offset + segment.fileSize > bytes.length) {
      const missing = segment.offset + segment.fileSize - bytes.length;
      throw new BadFormat(`it is cut off: segment ${index} needs ${missing} more bytes`);
    }
    segments.push(segment);
  }
  return { bits: 32, machine, entry: view.getUint32(24, true), segments };
}

/** The shared libraries that a 32-bit program or library asks the dynamic linker for (DT_NEEDED). */
export function readNeeded(bytes: Uint8Array): string[] {
  const { segments } = readElf(bytes);
  const dynamic = segments.find(({ type }) => type === segmentDynamic);
  if (!dynamic) return [];
  const view = viewOf(bytes);
  const names: number[] = [];
  let table = -1;
  for (
    let at = dynamic.offset;
    at + 8 <= Math.min(dynamic.offset + dynamic.fileSize, bytes.length);
    at += 8
  ) {
    const tag = view.getUint32(at, true);
    const value = view.getUint32(at + 4, true);
    if (tag === tagNull) break;
    if (tag === tagNeeded) names.push(value);
    if (tag === tagStringTable) table = fileOffset(segments, value);
  }
  if (names.length === 0) return [];
  if (table < 0) throw new BadFormat('its dynamic section has no string table');
  return names.map(name => stringAt(bytes, table + name));
}

function fileOffset(segments: Segment[], address: number): number {
  const segment = segments.find(
    ({ type, virtualAddress, fileSize }) =>
      type === segmentLoad && address >= virtualAddress && address < virtualAddress + fileSize,
  );
  return segment ? segment.offset + (address - segment.virtualAddress) : -1;
}

function stringAt(bytes: Uint8Array, start: number): string {
  const end = bytes.indexOf(0, start);
  if (start >= bytes.length || end < 0)
    throw new BadFormat(`a string at offset ${start} runs beyond the file`);
  return Buffer.from(bytes.subarray(start, end)).toString('latin1');
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
