import { gzipSync } from 'node:zlib';
import { BadFormat } from './elf';
import { makeElf } from './elf.fixture';
import { extractVmlinux, isBzImage, readBzImage } from './bzimage';

/** A bzImage of one setup sector with a compressed kernel in it (boot protocol 2.15). */
function makeBzImage(payload: Uint8Array, { version = 0x20f, xloadflags = 0 } = {}): Buffer {
  const image = Buffer.alloc(1024 + payload.length + 4);
  image[0x1f1] = 1;
  image.writeUInt16LE(0xaa55, 0x1fe);
  image.writeUInt16LE(0x6aeb, 0x200);
  image.write('HdrS', 0x202, 'latin1');
  image.writeUInt16LE(version, 0x206);
  image.writeUInt16LE(xloadflags, 0x236);
  image.writeUInt32LE(0, 0x248);
  image.writeUInt32LE(payload.length + 4, 0x24c);
  image.set(payload, 1024);
  return image;
}

const kernel = makeElf({ text: 'Linux version 6.1' });

describe('bzImage', () => {
  it('gives the boot header and the kernel', async () => {
    const image = readBzImage(makeBzImage(gzipSync(kernel)));
    expect(image).toMatchObject({ compression: 'gzip', is64Bit: false });
    expect(image.bootHeader).toHaveLength(0x26c);
    expect(Buffer.from(await extractVmlinux(image))).toEqual(kernel);
  });

  it('takes an uncompressed kernel as it is', async () => {
    expect(Buffer.from(await extractVmlinux(readBzImage(makeBzImage(kernel))))).toEqual(kernel);
  });

  it('tells a 64-bit kernel by its flag, which protocols before 2.12 did not have', () => {
    expect(readBzImage(makeBzImage(kernel, { xloadflags: 1 })).is64Bit).toBe(true);
    expect(readBzImage(makeBzImage(kernel, { version: 0x20b, xloadflags: 1 })).is64Bit).toBe(false);
  });

  it.each([
    ['425a6839', 'bzip2'],
    ['5d000080', 'lzma'],
    ['894c5a4f', 'lzo'],
    ['02214c18', 'lz4'],
    ['28b52ffd', 'zstd'],
    ['00000000', 'unknown'],
  ])('names the compression of %s: %s', async (magic, compression) => {
    const image = readBzImage(makeBzImage(Buffer.from(magic.padEnd(32, '0'), 'hex')));
    expect(image.compression).toBe(compression);
    await expect(extractVmlinux(image)).rejects.toThrow(
      `compressed with ${compression}; gzip and xz are supported`,
    );
  });

  it.each([
    [
      'an old protocol',
      () => makeBzImage(kernel, { version: 0x204 }),
      'its boot protocol is 2.4; 2.08 or newer',
    ],
    ['a cut-off header', () => makeBzImage(kernel).subarray(0, 0x230), 'its boot header is cut off'],
    [
      'a cut-off payload',
      () => makeBzImage(kernel).subarray(0, -9),
      /it is cut off: the compressed kernel ends at \d+/,
    ],
    ['no payload', () => makeBzImage(new Uint8Array()), 'names no compressed kernel'],
    ['another file', () => Buffer.alloc(2048), 'it has no Linux boot header'],
  ])('refuses %s', (_, make, message) => {
    expect(() => readBzImage(make())).toThrow(message);
    expect(() => readBzImage(make())).toThrow(BadFormat);
  });

  it('refuses damaged gzip data and a payload that is no ELF file', async () => {
    const damaged = gzipSync(kernel);
    damaged[20] = (damaged[20] as number) ^ 0xff;
    await expect(extractVmlinux(readBzImage(makeBzImage(damaged)))).rejects.toThrow(
      'its gzip data is damaged',
    );
    await expect(extractVmlinux(readBzImage(makeBzImage(gzipSync('no kernel'))))).rejects.toThrow(
      'no ELF file',
    );
  });

  it('does not take a boot sector of something else for a kernel', () => {
    const sector = makeBzImage(kernel);
    sector.write('XXXX', 0x202, 'latin1');
    expect(isBzImage(sector)).toBe(false);
  });
});
