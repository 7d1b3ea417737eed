import { crc32 } from 'node:zlib';
import { XzReadableStream } from 'xz-decompress';
import { BadFormat } from './elf';

// Numbers of the .xz file format, version 1.2.1 (tukaani.org/xz/xz-file-format.txt).
const headerMagic = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00];
const footerMagic = [0x59, 0x5a];
const filterX86 = 0x04;
const filterLzma2 = 0x21;
const checkCrc32 = 1;
const checkSizes: Record<number, number> = { 0: 0, 1: 4, 4: 8, 10: 32 };

export function isXz(bytes: Uint8Array): boolean {
  return headerMagic.every((byte, index) => bytes[index] === byte);
}

/**
 * Decompresses one .xz stream of at most `limit` bytes of output.
 *
 * Linux compresses its x86 kernels with the x86 branch filter before LZMA2 (scripts/xz_wrap.sh), which the
 * WebAssembly decoder was built without. So such a stream is wrapped anew without the filter, decoded, and the filter
 * is undone here; the stream's own CRC-32 then proves the result.
 */
export async function decompressXz(bytes: Uint8Array, limit: number): Promise<Uint8Array> {
  const stream = readStream(bytes);
  if (stream.filters.length === 1) return decode(bytes, limit);
  const output = await decode(wrapLzma2(stream), limit);
  undoX86Filter(output);
  if (stream.checkType === checkCrc32 && crc32(output) !== viewOf(stream.check).getUint32(0, true)) {
    throw new BadFormat('its xz data does not match its CRC-32');
  }
  return output;
}

interface XzStream {
  checkType: number;
  /** Filter ids, in the order in which the encoder applied them. */
  filters: number[];
  dictionarySize: number;
  data: Uint8Array;
  check: Uint8Array;
  uncompressedSize: number;
}

/** Reads a stream of a single block, as kernels and their modules are. */
function readStream(bytes: Uint8Array): XzStream {
  if (!isXz(bytes)) throw new BadFormat('it does not begin with the xz magic');
  if (bytes.length < 32) throw new BadFormat('its xz data is cut off');
  const footer = bytes.length - 12;
  if (!footerMagic.every((byte, index) => bytes[footer + 10 + index] === byte))
    throw new BadFormat('its xz data is cut off');
  const checkType = bytes[7] ?? 0;
  const checkSize = checkSizes[checkType];
  if (checkSize === undefined) throw new BadFormat(`its xz data has the unknown check type ${checkType}`);
  const index = footer - (viewOf(bytes).getUint32(footer + 4, true) + 1) * 4;
  if (index < 12 || bytes[index] !== 0) throw new BadFormat('the index of its xz data is damaged');
  const records = readNumber(bytes, index + 1);
  const unpadded = readNumber(bytes, records.next);
  const uncompressed = readNumber(bytes, unpadded.next);
  if (records.value !== 1) throw new BadFormat(`its xz data has ${records.value} blocks instead of one`);
  const block = readBlockHeader(bytes, 12);
  const end = 12 + unpadded.value - checkSize;
  if (end <= block.next || end + checkSize > index)
    throw new BadFormat('the index of its xz data is damaged');
  return {
    checkType,
    filters: block.filters,
    dictionarySize: block.dictionarySize,
    data: bytes.subarray(block.next, end),
    check: bytes.subarray(align4(end), align4(end) + checkSize),
    uncompressedSize: uncompressed.value,
  };
}

function readBlockHeader(
  bytes: Uint8Array,
  start: number,
): { filters: number[]; dictionarySize: number; next: number } {
  const size = ((bytes[start] ?? 0) + 1) * 4;
  const flags = bytes[start + 1] ?? 0;
  let at = start + 2;
  if (flags & 0x40) at = readNumber(bytes, at).next; // compressed size
  if (flags & 0x80) at = readNumber(bytes, at).next; // uncompressed size
  const filters: number[] = [];
  let dictionarySize = 0;
  for (let count = (flags & 3) + 1; count > 0; count--) {
    const id = readNumber(bytes, at);
    const properties = readNumber(bytes, id.next);
    if (id.value === filterLzma2) dictionarySize = bytes[properties.next] ?? 0;
    filters.push(id.value);
    at = properties.next + properties.value;
  }
  const known = filters.every(
    (filter, index) => filter === (index === filters.length - 1 ? filterLzma2 : filterX86),
  );
  if (!known || filters.length > 2) {
    const list = filters.map(filter => `0x${filter.toString(16)}`).join(', ');
    throw new BadFormat(`its xz data uses the filters ${list}; only LZMA2, alone or after x86, is supported`);
  }
  return { filters, dictionarySize, next: start + size };
}

/** A fresh .xz stream around LZMA2 data, with no check: the data is not yet what the original check is about. */
function wrapLzma2({ data, dictionarySize, uncompressedSize }: XzStream): Uint8Array {
  const flags = [0, 0];
  const block = [2, 0, filterLzma2, 1, dictionarySize, 0, 0, 0];
  const unpadded = block.length + 4 + data.length;
  const index = [0, ...number(1), ...number(unpadded), ...number(uncompressedSize)];
  while (index.length % 4 !== 0) index.push(0);
  const tail = [...little32((index.length + 4) / 4 - 1), ...flags];
  return Buffer.concat([
    Buffer.from([...headerMagic, ...flags, ...crc(flags)]),
    Buffer.from([...block, ...crc(block)]),
    data,
    Buffer.alloc(align4(data.length) - data.length),
    Buffer.from([...index, ...crc(index)]),
    Buffer.from([...crc(tail), ...tail, ...footerMagic]),
  ]);
}

async function decode(bytes: Uint8Array, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of new XzReadableStream(new Blob([bytes as Uint8Array<ArrayBuffer>]).stream())) {
      size += chunk.length;
      if (size > limit) throw new BadFormat(`its xz data holds more than ${limit} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof BadFormat) throw error;
    throw new BadFormat(`its xz data is damaged (${(error as Error).message})`, { cause: error });
  }
  return Buffer.concat(chunks);
}

/**
 * Undoes the x86 branch filter in place: call and jump targets were made absolute to compress better.
 * After xz's simple/x86.c (public domain), the decoder half.
 */
export function undoX86Filter(bytes: Uint8Array): void {
  const bits = [0, 1, 2, 2, 3, 3, 3, 3];
  const allowed = [true, true, true, false, true, false, false, false];
  const isSign = (byte: number): boolean => byte === 0 || byte === 0xff;
  const view = viewOf(bytes);
  let previous = -1;
  let mask = 0;
  for (let at = 0; at + 4 < bytes.length; at++) {
    if (((bytes[at] as number) & 0xfe) !== 0xe8) continue;
    const distance = at - previous;
    previous = at;
    if (distance > 3) {
      mask = 0;
    } else {
      mask = (mask << (distance - 1)) & 7;
      if (mask !== 0 && (!allowed[mask] || isSign(bytes[at + 4 - (bits[mask] as number)] as number))) {
        mask = (mask << 1) | 1;
        continue;
      }
    }
    if (!isSign(bytes[at + 4] as number)) {
      mask = (mask << 1) | 1;
      continue;
    }
    let source = view.getUint32(at + 1, true);
    let target: number;
    for (;;) {
      target = (source - (at + 5)) >>> 0;
      if (mask === 0) break;
      const shift = (bits[mask] as number) * 8;
      if (!isSign((target >>> (24 - shift)) & 0xff)) break;
      source = (target ^ (2 ** (32 - shift) - 1)) >>> 0;
    }
    target &= 0x01ffffff;
    view.setUint32(at + 1, target & 0x01000000 ? target | 0xff000000 : target, true);
    at += 4;
  }
}

/** A variable-length integer (section 1.2); ours stay far below 2^53. */
function readNumber(bytes: Uint8Array, at: number): { value: number; next: number } {
  let value = 0;
  for (let index = 0; index < 7; index++) {
    const byte = bytes[at + index];
    if (byte === undefined) break;
    value += (byte & 0x7f) * 2 ** (7 * index);
    if ((byte & 0x80) === 0) return { value, next: at + index + 1 };
  }
  throw new BadFormat('its xz data is damaged');
}

function number(value: number): number[] {
  const out: number[] = [];
  for (; value >= 0x80; value = Math.floor(value / 0x80)) out.push((value % 0x80) | 0x80);
  return [...out, value];
}

const little32 = (value: number): number[] => [
  value & 255,
  (value >>> 8) & 255,
  (value >>> 16) & 255,
  value >>> 24,
];
const crc = (data: number[]): number[] => little32(crc32(Buffer.from(data)));
const align4 = (value: number): number => (value + 3) & ~3;

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
