import { gunzipSync } from 'node:zlib';
import { V3Error } from '@v3vee/contracts';

/** More than any guest's memory; also stops a small file that unpacks without end. */
const largestInitrd = 1 << 29;

/** Compressions that Linux unpacks (lib/decompress.c), by their first bytes. */
const compressions: [name: string, magic: string][] = [
  ['gzip', '1f8b'],
  ['xz', 'fd377a585a00'],
  ['zstd', '28b52ffd'],
  ['lz4', '02214c18'],
  ['lzo', '894c5a4f'],
  ['bzip2', '425a68'],
  ['lzma', '5d0000'],
];

const headerSize = 110;
const trailer = 'TRAILER!!!';

/**
 * Accepts what Linux accepts as initramfs: one or more `newc` cpio archives, each plain or compressed. Plain and
 * gzipped ones are read to their end; of the others only the beginning is known.
 *
 * @throws V3Error IMAGE_INVALID that says what is wrong and where
 */
export function checkInitrd(bytes: Uint8Array): void {
  let archives = 0;
  for (let at = skipZeros(bytes, 0); at < bytes.length; at = skipZeros(bytes, at)) {
    const compression = compressionAt(bytes, at);
    if (compression) {
      // The kernel takes what follows a compressed archive as part of it; so it is the last one.
      if (compression === 'gzip') walk(gunzip(bytes.subarray(at)), ' (unpacked)');
      return;
    }
    at = walkArchive(bytes, at, '', archives++ === 0);
  }
  if (archives === 0) throw refuse('is empty');
}

function walk(bytes: Uint8Array, where: string): void {
  let archives = 0;
  for (let at = skipZeros(bytes, 0); at < bytes.length; at = skipZeros(bytes, at)) {
    at = walkArchive(bytes, at, where, archives++ === 0);
  }
}

/** Goes through an archive entry by entry; returns where it ends. */
function walkArchive(bytes: Uint8Array, start: number, where: string, isFirst: boolean): number {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let last = '';
  for (let at = start; ;) {
    const position = `at byte ${at}${where}`;
    const magic = view.toString('latin1', at, at + 6);
    if (at >= bytes.length || (bytes.length - at < headerSize && '070701'.startsWith(magic))) {
      throw refuse(
        `is cut off ${position}${last ? `, after "${last}"` : ''}: its end mark ${trailer} is missing`,
      );
    }
    if (magic === '070707')
      throw refuse('is a cpio archive of the old format: make it with "cpio -o -H newc"');
    if (magic !== '070701' && magic !== '070702') {
      throw refuse(
        isFirst && at === start ? 'is not a cpio archive' : `is damaged ${position}: no cpio header is there`,
      );
    }
    const field = (index: number): number =>
      Number.parseInt(view.toString('latin1', at + 6 + index * 8, at + 14 + index * 8), 16);
    const size = field(6);
    const nameSize = field(11);
    if (!(nameSize > 0 && nameSize <= 4096 && size >= 0))
      throw refuse(`is damaged ${position}: the cpio header makes no sense`);
    const name = view.toString('utf8', at + headerSize, at + headerSize + nameSize - 1);
    const dataStart = align4(at + headerSize + nameSize, start);
    const end = dataStart + size;
    if (end > bytes.length) {
      throw refuse(`is cut off: "${name}" ${position} needs ${end - bytes.length} more bytes`);
    }
    at = align4(end, start);
    if (name === trailer) return Math.min(at, bytes.length);
    last = name;
  }
}

function gunzip(bytes: Uint8Array): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: largestInitrd });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'Z_BUF_ERROR') throw refuse('is cut off: its gzip data ends too early', error);
    if (code === 'ERR_BUFFER_TOO_LARGE')
      throw refuse(`unpacks to more than ${largestInitrd >> 20} MiB`, error);
    throw refuse(`is damaged: ${(error as Error).message}`, error);
  }
}

function compressionAt(bytes: Uint8Array, at: number): string | undefined {
  const start = Buffer.from(bytes.subarray(at, at + 6)).toString('hex');
  return compressions.find(([, magic]) => start.startsWith(magic))?.[0];
}

/** Between archives there may be padding. */
function skipZeros(bytes: Uint8Array, at: number): number {
  let next = at;
  while (next < bytes.length && bytes[next] === 0) next++;
  return next;
}

const align4 = (at: number, start: number): number => start + ((at - start + 3) & ~3);

function refuse(what: string, cause?: unknown): V3Error {
  const message = `the initrd ${what}`;
  return new V3Error('IMAGE_INVALID', message, { cause, fields: [{ path: 'initrd', message }] });
}
