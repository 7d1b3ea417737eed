import { V3Error } from '@v3vee/contracts';
import {
  BadFormat,
  extractVmlinux,
  isBzImage,
  isElf,
  machineI386,
  readBzImage,
  readElf,
  segmentLoad,
} from '@v3vee/setup';

/** A kernel that a machine can boot directly. */
export interface CheckedKernel {
  format: 'elf' | 'bzimage';
  /** The unpacked kernel (`elf`), or the whole bzImage where only it can unpack itself. */
  kernel: Uint8Array;
  /** What boot_params is made from, up to the end of the setup header. */
  bootHeader: Uint8Array;
  /** As the kernel calls itself, `6.1.0-50-686 (…)`; undefined for a bzImage that stays packed. */
  version?: string;
}

/** In every Linux kernel's read-only data (init/version.c). */
const banner = 'Linux version ';

/**
 * Accepts a 32-bit x86 Linux kernel, as bzImage or as ELF vmlinux.
 *
 * @throws V3Error IMAGE_INVALID that says what the file is instead
 */
export async function checkKernel(bytes: Uint8Array): Promise<CheckedKernel> {
  try {
    if (isElf(bytes)) return checkVmlinux(bytes);
    if (isBzImage(bytes)) return await checkBzImage(bytes);
  } catch (error) {
    if (error instanceof BadFormat) throw refuse(`cannot be used: ${error.message}`, error);
    throw error;
  }
  throw refuse('is not a kernel: it is neither a Linux bzImage nor an ELF vmlinux');
}

async function checkBzImage(bytes: Uint8Array): Promise<CheckedKernel> {
  const image = readBzImage(bytes);
  if (image.is64Bit) throw refuse64();
  if (image.compression === 'unknown') throw new BadFormat('its compressed kernel is damaged');
  if (!['gzip', 'xz', 'none'].includes(image.compression)) {
    return { format: 'bzimage', kernel: bytes, bootHeader: image.bootHeader };
  }
  return { ...checkVmlinux(await extractVmlinux(image)), bootHeader: image.bootHeader };
}

function checkVmlinux(bytes: Uint8Array): CheckedKernel {
  const { bits, machine, segments } = readElf(bytes);
  if (bits === 64) throw refuse64();
  if (machine !== machineI386) {
    throw refuse(`is for another processor (ELF machine ${machine}): guests have a 32-bit x86 one`);
  }
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const at = text.indexOf(banner, 0, 'latin1');
  if (at < 0 || !segments.some(({ type }) => type === segmentLoad)) {
    throw refuse('is not a kernel: it is an ELF file without Linux in it');
  }
  const [version = ''] = text
    .toString('latin1', at + banner.length, at + banner.length + 80)
    .split(/[\0\n ]/);
  return { format: 'elf', kernel: bytes, bootHeader: plainBootHeader(), version };
}

/** The setup header that a vmlinux file lacks: the least that the 32-bit boot protocol 2.15 asks of it. */
function plainBootHeader(): Uint8Array {
  const header = Buffer.alloc(0x26c);
  header.writeUInt16LE(0xaa55, 0x1fe);
  header.writeUInt16LE(0x6aeb, 0x200); // the jump over the header gives its length
  header.write('HdrS', 0x202, 'latin1');
  header.writeUInt16LE(0x20f, 0x206);
  header.writeUInt8(1, 0x211); // LOADED_HIGH
  header.writeUInt32LE(0x7fffffff, 0x22c); // initrd_addr_max
  header.writeUInt32LE(2047, 0x238); // cmdline_size
  return header;
}

const refuse64 = (): V3Error =>
  refuse(
    'is a 64-bit kernel: guests have a 32-bit processor and need an i386 one, such as Debian 12’s linux-image-686',
  );

function refuse(what: string, cause?: unknown): V3Error {
  const message = `the kernel ${what}`;
  return new V3Error('IMAGE_INVALID', message, { cause, fields: [{ path: 'kernel', message }] });
}
