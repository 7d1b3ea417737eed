import { gunzipSync } from 'node:zlib';
import { BadFormat, isElf } from './elf';
import { decompressXz, isXz } from './xz';

// Offsets of the boot protocol (Documentation/arch/x86/boot.rst of the kernel).
const bootFlag = 0x1fe;
const headerMagic = 0x202;
const protocolVersion = 0x206;
const extendedLoadFlags = 0x236;
const payloadOffset = 0x248;
const payloadLength = 0x24c;
const kernel64 = 1; // XLF_KERNEL_64: the kernel has a 64-bit entry point
/** More than any kernel unpacks to, and less than what would hurt the service that checks it. */
const largestKernel = 256 << 20;

export interface BzImage {
  /** From the file's start to the end of the setup header: what goes to boot_params from 0x1f1 on. */
  bootHeader: Uint8Array;
  is64Bit: boolean;
  payload: Uint8Array;
  compression: 'gzip' | 'xz' | 'none' | 'bzip2' | 'lzma' | 'lzo' | 'lz4' | 'zstd' | 'unknown';
}

export function isBzImage(bytes: Uint8Array): boolean {
  return (
    bytes.length >= 0x210 &&
    bytes[bootFlag] === 0x55 &&
    bytes[bootFlag + 1] === 0xaa &&
    Buffer.from(bytes.subarray(headerMagic, headerMagic + 4)).toString('latin1') === 'HdrS'
  );
}

/** Reads a bzImage's setup header and finds the compressed kernel in it; protocol 2.08 (2007) or newer. */
export function readBzImage(bytes: Uint8Array): BzImage {
  if (!isBzImage(bytes)) throw new BadFormat('it has no Linux boot header');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint16(protocolVersion, true);
  if (version < 0x208) {
    throw new BadFormat(
      `its boot protocol is ${version >> 8}.${version & 255}; 2.08 or newer (Linux 2.6.26) is needed`,
    );
  }
  const headerEnd = headerMagic + (bytes[0x201] as number);
  if (bytes.length < Math.max(headerEnd, payloadLength + 4))
    throw new BadFormat('its boot header is cut off');
  const setupSectors = bytes[0x1f1] || 4;
  const start = (setupSectors + 1) * 512 + view.getUint32(payloadOffset, true);
  const length = view.getUint32(payloadLength, true);
  if (length < 8) throw new BadFormat('its boot header names no compressed kernel');
  if (start + length > bytes.length) {
    throw new BadFormat(
      `it is cut off: the compressed kernel ends at ${start + length}, the file has ${bytes.length} bytes`,
    );
  }
  const payload = bytes.subarray(start, start + length);
  return {
    bootHeader: bytes.slice(0, headerEnd),
    is64Bit: version >= 0x20c && (view.getUint16(extendedLoadFlags, true) & kernel64) !== 0,
    payload,
    compression: compressionOf(payload),
  };
}

/** Unpacks the kernel proper (the ELF file vmlinux) from a bzImage. */
export async function extractVmlinux({ payload, compression }: BzImage): Promise<Uint8Array> {
  // The build appends the uncompressed size to the payload (scripts/Makefile.lib, size_append).
  const data = payload.subarray(0, payload.length - 4);
  const kernel = await unpack(compression, data);
  if (!isElf(kernel)) throw new BadFormat('what it unpacks to is no ELF file');
  return kernel;
}

async function unpack(compression: BzImage['compression'], data: Uint8Array): Promise<Uint8Array> {
  if (compression === 'none') return data;
  if (compression === 'xz') return decompressXz(data, largestKernel);
  if (compression !== 'gzip')
    throw new BadFormat(`its kernel is compressed with ${compression}; gzip and xz are supported`);
  try {
    return gunzipSync(data, { maxOutputLength: largestKernel });
  } catch (error) {
    throw new BadFormat(`its gzip data is damaged (${(error as Error).message})`, { cause: error });
  }
}

/** After scripts/extract-vmlinux of the kernel. */
function compressionOf(payload: Uint8Array): BzImage['compression'] {
  if (isXz(payload)) return 'xz';
  if (isElf(payload)) return 'none';
  const magic = Buffer.from(payload.subarray(0, 4)).toString('hex');
  if (magic.startsWith('1f8b')) return 'gzip';
  if (magic.startsWith('425a68')) return 'bzip2';
  if (magic.startsWith('5d0000')) return 'lzma';
  if (magic === '894c5a4f') return 'lzo';
  if (magic === '02214c18') return 'lz4';
  if (magic === '28b52ffd') return 'zstd';
  return 'unknown';
}
