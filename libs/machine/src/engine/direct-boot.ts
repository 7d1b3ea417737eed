import { MachineError } from '../errors';

/**
 * Starts a 32-bit Linux kernel the way that Firecracker and QEMU's microvm do: its ELF segments are put where
 * they belong, `boot_params` is filled in (Documentation/arch/x86/boot.rst and zero-page.rst, 32-bit boot
 * protocol), and a tiny option ROM takes the CPU from the BIOS straight to the kernel's entry point. The guest
 * has nothing to decompress, so 64 MiB suffice.
 */

/** What a machine boots. */
export interface BootImage {
  /** `elf`: the unpacked kernel, an ELF32 executable for i386. `bzimage`: a whole bzImage that unpacks itself. */
  kernelFormat: 'elf' | 'bzimage';
  kernel: Uint8Array;
  /** From the start of the kernel's bzImage to the end of its set-up header. */
  bootHeader: Uint8Array;
  initrd: Uint8Array;
  cmdline: string;
}

interface PhysicalMemory {
  readonly size: number;
  write(address: number, bytes: Uint8Array): void;
}

/** The option ROM writes to it before it leaves the BIOS. */
export const LOADER_PORT = 0xf4;

/** RAM that the BIOS takes at its top (ACPI tables and the like). */
const BIOS_RESERVE = 0x20000;
const BOOT_PARAMS = 0x10000;
const GDT = 0x11000;
const TRAMPOLINE = 0x11100;
const COMMAND_LINE = 0x20000;
const MAX_COMMAND_LINE = 2048;
const PAGE = 4096;
/** Of the set-up header: where the kernel wants to be unpacked to, and how much memory it needs from there. */
const PREF_ADDRESS = 0x258;
const INIT_SIZE = 0x260;
const BZIMAGE_ADDRESS = 0x100000;

const CODE_SELECTOR = 0x10;
const DATA_SELECTOR = 0x18;

/**
 * Puts `image` into memory and returns the option ROM that starts it. The BIOS works with memory of its choice until
 * then (SeaBIOS runs its set-up 16 MiB below the top, where a large initrd lies): what it wrote over is right again
 * if this is called anew at the write to {@link LOADER_PORT}.
 */
export function loadKernel(memory: PhysicalMemory, image: BootImage): Uint8Array {
  checkBootHeader(image.bootHeader);
  const { entry, end } =
    image.kernelFormat === 'elf'
      ? loadElf(memory, image.kernel)
      : loadBzImage(memory, image.kernel, image.bootHeader);
  const initrdAt = (memory.size - BIOS_RESERVE - image.initrd.length) & ~(PAGE - 1);
  if (initrdAt < end) {
    const needed = Math.ceil((end + image.initrd.length + BIOS_RESERVE) / 2 ** 20);
    throw new MachineError(
      'IMAGE_INVALID',
      `kernel and initrd do not fit: they need at least ${needed} MiB of guest memory`,
    );
  }
  memory.write(initrdAt, image.initrd);
  memory.write(BOOT_PARAMS, bootParams(memory.size, image, initrdAt));
  memory.write(COMMAND_LINE, new TextEncoder().encode(`${image.cmdline}\0`));
  memory.write(GDT, descriptorTable());
  memory.write(TRAMPOLINE, trampoline(entry));
  return optionRom();
}

function loadElf(memory: PhysicalMemory, elf: Uint8Array): { entry: number; end: number } {
  const refuse = (what: string) => new MachineError('IMAGE_INVALID', `the kernel cannot be loaded: ${what}`);
  const view = new DataView(elf.buffer, elf.byteOffset, elf.byteLength);
  if (elf.length < 52 || view.getUint32(0) !== 0x7f454c46) throw refuse('it is not an ELF file');
  if (view.getUint8(4) !== 1 || view.getUint16(18, true) !== 3) throw refuse('it is not for 32-bit x86');
  const [table, size, count] = [view.getUint32(28, true), view.getUint16(42, true), view.getUint16(44, true)];
  if (table + size * count > elf.length || size < 32) throw refuse('its program headers are truncated');
  let end = 0;
  for (let i = 0; i < count; i++) {
    const header = table + size * i;
    if (view.getUint32(header, true) !== 1) continue; // not PT_LOAD
    const offset = view.getUint32(header + 4, true);
    const physical = view.getUint32(header + 12, true);
    const fileSize = view.getUint32(header + 16, true);
    const memorySize = view.getUint32(header + 20, true);
    if (offset + fileSize > elf.length) throw refuse('a segment is truncated');
    if (physical < 0x100000 || physical + memorySize > memory.size - BIOS_RESERVE) {
      throw refuse(`a segment at 0x${physical.toString(16)} is outside of the guest's memory`);
    }
    memory.write(physical, elf.subarray(offset, offset + fileSize));
    end = Math.max(end, physical + memorySize);
  }
  if (end === 0) throw refuse('it has no segment to load');
  return { entry: view.getUint32(24, true), end };
}

/** The protected-mode part goes to 1 MiB, where it also starts; there it unpacks the kernel proper to its place. */
function loadBzImage(
  memory: PhysicalMemory,
  file: Uint8Array,
  bootHeader: Uint8Array,
): { entry: number; end: number } {
  const view = new DataView(bootHeader.buffer, bootHeader.byteOffset, bootHeader.byteLength);
  const code = file.subarray(((bootHeader[0x1f1] || 4) + 1) * 512);
  const unpackedEnd = view.getUint32(PREF_ADDRESS, true) + view.getUint32(INIT_SIZE, true);
  const end = Math.max(BZIMAGE_ADDRESS + code.length, unpackedEnd);
  if (code.length === 0 || end > memory.size - BIOS_RESERVE) {
    throw new MachineError(
      'IMAGE_INVALID',
      `the kernel cannot be loaded: it needs ${Math.ceil(end / 2 ** 20)} MiB to unpack itself`,
    );
  }
  memory.write(BZIMAGE_ADDRESS, code);
  return { entry: BZIMAGE_ADDRESS, end };
}

function checkBootHeader(header: Uint8Array): void {
  const magic = Buffer.from(header.subarray(0x202, 0x206)).toString('latin1');
  if (magic !== 'HdrS' || header.length < 0x202 + header[0x201]! || header.length < INIT_SIZE + 4) {
    throw new MachineError(
      'IMAGE_INVALID',
      'the kernel cannot be loaded: its boot header is missing or truncated',
    );
  }
}

function bootParams(memorySize: number, image: BootImage, initrdAt: number): Uint8Array {
  const { bootHeader, initrd, cmdline } = image;
  if (cmdline.length >= MAX_COMMAND_LINE) {
    throw new MachineError(
      'IMAGE_INVALID',
      `the kernel command line is longer than ${MAX_COMMAND_LINE - 1} characters`,
    );
  }
  const page = new Uint8Array(PAGE);
  const view = new DataView(page.buffer);
  page.set(bootHeader.subarray(0x1f1, 0x202 + bootHeader[0x201]!), 0x1f1);
  view.setUint8(0x210, 0xff); // type_of_loader: undefined
  view.setUint8(0x211, view.getUint8(0x211) | 1); // loadflags: LOADED_HIGH
  view.setUint32(0x218, initrdAt, true);
  view.setUint32(0x21c, initrd.length, true);
  view.setUint32(0x228, COMMAND_LINE, true);
  // screen_info: 80 × 25 text, so that tty0 works
  view.setUint8(6, 3);
  view.setUint8(7, 80);
  view.setUint8(0xe, 25);
  view.setUint8(0xf, 1);
  view.setUint16(0x10, 16, true);
  view.setUint32(0x1e0, (memorySize - BIOS_RESERVE - 0x100000) >> 10, true); // alt_mem_k
  const ram = 1;
  const reserved = 2;
  const map: [number, number, number][] = [
    [0, 0x9fc00, ram],
    [0x9fc00, 0x400, reserved],
    [0xf0000, 0x10000, reserved],
    [0x100000, memorySize - 0x100000 - BIOS_RESERVE, ram],
    [memorySize - BIOS_RESERVE, BIOS_RESERVE, reserved],
  ];
  view.setUint8(0x1e8, map.length);
  map.forEach(([address, length, type], i) => {
    const at = 0x2d0 + 20 * i;
    view.setUint32(at, address, true);
    view.setUint32(at + 8, length, true);
    view.setUint32(at + 16, type, true);
  });
  return page;
}

/** Flat code and data segments at the selectors that the boot protocol wants, and the GDT register's value at 0x40. */
function descriptorTable(): Uint8Array {
  const table = new Uint8Array(0x46);
  const view = new DataView(table.buffer);
  view.setBigUint64(CODE_SELECTOR, 0x00cf9a000000ffffn, true);
  view.setBigUint64(DATA_SELECTOR, 0x00cf92000000ffffn, true);
  view.setUint16(0x40, DATA_SELECTOR + 7, true);
  view.setUint32(0x42, GDT, true);
  return table;
}

/** 32-bit code: loads the data segments, points ESI to boot_params and jumps to the kernel. */
function trampoline(entry: number): Uint8Array {
  return Uint8Array.from([
    ...[0xb8, ...u32(DATA_SELECTOR)], // mov eax, data selector
    ...[0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xe0, 0x8e, 0xe8, 0x8e, 0xd0], // mov ds, es, fs, gs, ss <- ax
    ...[0xbe, ...u32(BOOT_PARAMS)], // mov esi, boot_params
    ...[0x31, 0xed, 0x31, 0xff, 0x31, 0xdb], // xor ebp, edi, ebx
    ...[0xb9, ...u32(entry), 0xff, 0xe1], // mov ecx, entry; jmp ecx
  ]);
}

/** 16-bit option ROM: enters protected mode and jumps to the trampoline. It does not care where the BIOS puts it. */
function optionRom(): Uint8Array {
  const rom = new Uint8Array(512);
  rom.set([
    ...[0x55, 0xaa, 1], // signature, length in blocks
    ...[0xfa, 0xfc], // cli; cld
    ...[0xe6, LOADER_PORT], // out LOADER_PORT, al
    ...[0xb8, ...u16(GDT >> 4), 0x8e, 0xd8], // mov ds, GDT >> 4
    ...[0x66, 0x0f, 0x01, 0x16, ...u16(0x40)], // lgdt [0x40]
    ...[0x0f, 0x20, 0xc0, 0x0c, 0x01, 0x0f, 0x22, 0xc0], // cr0 |= PE
    ...[0x66, 0xea, ...u32(TRAMPOLINE), ...u16(CODE_SELECTOR)], // jmp far
  ]);
  rom[511] = -rom.reduce((sum, byte) => sum + byte, 0) & 0xff; // all bytes add up to 0
  return rom;
}

const u16 = (value: number): number[] => [value & 0xff, (value >> 8) & 0xff];
const u32 = (value: number): number[] => [...u16(value & 0xffff), ...u16(value >>> 16)];
