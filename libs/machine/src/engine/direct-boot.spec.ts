import { LOADER_PORT, loadKernel, type BootImage } from './direct-boot';

const MIB = 2 ** 20;

/** Guest memory that keeps what is written to it. */
function memoryOf(mebibytes: number) {
  const bytes = new Uint8Array(mebibytes * MIB);
  return { size: bytes.length, bytes, write: (at: number, data: Uint8Array) => bytes.set(data, at) };
}

/** An i386 ELF with one segment of `data` at `physical`. */
function elf(physical: number, data: Uint8Array, change: (view: DataView) => void = () => {}): Uint8Array {
  const file = new Uint8Array(52 + 32 + data.length);
  const view = new DataView(file.buffer);
  view.setUint32(0, 0x7f454c46);
  view.setUint8(4, 1);
  view.setUint16(18, 3, true);
  view.setUint32(24, 0x1000000, true); // entry
  view.setUint32(28, 52, true);
  view.setUint16(42, 32, true);
  view.setUint16(44, 1, true);
  view.setUint32(52, 1, true); // PT_LOAD
  view.setUint32(56, 84, true);
  view.setUint32(64, physical, true);
  view.setUint32(68, data.length, true);
  view.setUint32(72, data.length, true);
  file.set(data, 84);
  change(view);
  return file;
}

function bootHeader(initSize = MIB): Uint8Array {
  const header = new Uint8Array(0x270);
  header[0x1f1] = 1; // setup_sects
  header[0x201] = 0x6a;
  header.set(Buffer.from('HdrS'), 0x202);
  const view = new DataView(header.buffer);
  view.setUint32(0x258, 16 * MIB, true);
  view.setUint32(0x260, initSize, true);
  return header;
}

const image = (change: Partial<BootImage> = {}): BootImage => ({
  kernelFormat: 'elf',
  kernel: elf(16 * MIB, Uint8Array.of(1, 2, 3, 4)),
  bootHeader: bootHeader(),
  initrd: Uint8Array.of(9, 9, 9),
  cmdline: 'console=ttyS0 quiet',
  ...change,
});

it('lays kernel, initrd, command line and boot parameters out', () => {
  const memory = memoryOf(64);
  const rom = loadKernel(memory, image());
  const view = new DataView(memory.bytes.buffer);
  expect([...memory.bytes.subarray(16 * MIB, 16 * MIB + 4)]).toEqual([1, 2, 3, 4]);
  const initrd = view.getUint32(0x10218, true);
  expect(initrd % 4096).toBe(0);
  expect(view.getUint32(0x1021c, true)).toBe(3);
  expect([...memory.bytes.subarray(initrd, initrd + 3)]).toEqual([9, 9, 9]);
  const cmdline = view.getUint32(0x10228, true);
  expect(Buffer.from(memory.bytes.subarray(cmdline, cmdline + 20)).toString()).toBe('console=ttyS0 quiet\0');
  // the memory map covers all of RAM in order and without holes above 1 MiB
  expect(view.getUint8(0x101e8)).toBe(5);
  expect(view.getUint32(0x102d0 + 60, true) + view.getUint32(0x102d0 + 68, true)).toBe(64 * MIB - 0x20000);
  // an option ROM whose bytes add up to zero, or the BIOS would not run it
  expect([rom[0], rom[1], rom.length]).toEqual([0x55, 0xaa, 512]);
  expect(rom.reduce((sum, byte) => sum + byte, 0) % 256).toBe(0);
});

it('has the option ROM tell when the BIOS is done with memory, as the first thing it does', () => {
  const rom = loadKernel(memoryOf(64), image());
  // cli; cld; out LOADER_PORT, al
  expect([...rom.subarray(3, 7)]).toEqual([0xfa, 0xfc, 0xe6, LOADER_PORT]);
});

it('puts a bzImage to 1 MiB, without its set-up sectors', () => {
  const memory = memoryOf(64);
  const kernel = new Uint8Array(2 * 512 + 4);
  kernel.set([1, 2, 3, 4], 2 * 512);
  loadKernel(memory, image({ kernelFormat: 'bzimage', kernel }));
  expect([...memory.bytes.subarray(MIB, MIB + 4)]).toEqual([1, 2, 3, 4]);
});

it.each<[string, Partial<BootImage>, string]>([
  ['no ELF file', { kernel: new Uint8Array(100) }, 'it is not an ELF file'],
  [
    'a 64-bit kernel',
    { kernel: elf(16 * MIB, new Uint8Array(4), view => view.setUint8(4, 2)) },
    'not for 32-bit x86',
  ],
  [
    'headers that are cut off',
    { kernel: elf(16 * MIB, new Uint8Array(4)).subarray(0, 60) },
    'program headers are truncated',
  ],
  [
    'a segment that is cut off',
    { kernel: elf(16 * MIB, new Uint8Array(4)).subarray(0, 86) },
    'a segment is truncated',
  ],
  ['a segment beyond memory', { kernel: elf(80 * MIB, new Uint8Array(4)) }, 'outside of the guest'],
  ['a segment over the BIOS', { kernel: elf(0xf0000, new Uint8Array(4)) }, 'outside of the guest'],
  [
    'nothing to load',
    { kernel: elf(16 * MIB, new Uint8Array(4), view => view.setUint32(52, 0, true)) },
    'no segment',
  ],
  ['no boot header', { bootHeader: new Uint8Array(0x270) }, 'boot header is missing'],
  ['a boot header that is cut off', { bootHeader: bootHeader().subarray(0, 0x240) }, 'truncated'],
  [
    'an initrd that does not fit',
    { initrd: new Uint8Array(48 * MIB) },
    'need at least 65 MiB of guest memory',
  ],
  ['a command line that is too long', { cmdline: 'x'.repeat(2048) }, 'longer than 2047 characters'],
  [
    'a bzImage that needs more memory',
    { kernelFormat: 'bzimage', bootHeader: bootHeader(60 * MIB) },
    'needs 76 MiB',
  ],
])('refuses %s', (_, change, message) => {
  const refused = () => loadKernel(memoryOf(64), image(change));
  expect(refused).toThrow(expect.objectContaining({ code: 'IMAGE_INVALID' }));
  expect(refused).toThrow(message);
});
