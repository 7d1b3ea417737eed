import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { ensureImage, resolvePaths } from '@v3vee/setup';
import { makeBzImage, makeVmlinux } from './kernel.fixture';
import { checkKernel } from './kernel-check';

const vmlinux = makeVmlinux();

describe('checkKernel', () => {
  it('unpacks a bzImage and keeps its boot header', async () => {
    const image = makeBzImage(gzipSync(vmlinux));
    const checked = await checkKernel(image);
    expect(checked).toMatchObject({ format: 'elf', version: '6.1.0-test' });
    expect(Buffer.from(checked.kernel)).toEqual(vmlinux);
    expect(Buffer.from(checked.bootHeader)).toEqual(image.subarray(0, 0x26c));
  });

  it('takes a vmlinux and makes a boot header for it', async () => {
    const { format, bootHeader } = await checkKernel(vmlinux);
    expect(format).toBe('elf');
    expect(Buffer.from(bootHeader.subarray(0x202, 0x206)).toString()).toBe('HdrS');
    expect(bootHeader).toHaveLength(0x202 + (bootHeader[0x201] as number));
  });

  it('takes the kernel of the built image', async () => {
    const { folder, manifest } = await ensureImage('debian', { cache: resolvePaths().cache });
    const checked = await checkKernel(readFileSync(join(folder, manifest.kernel.file)));
    expect(checked.version).toMatch(/^6\.1\.0-\d+-686$/);
  }, 300_000);

  it('leaves a kernel packed that only it can unpack', async () => {
    const image = makeBzImage(Buffer.from('28b52ffd00000000', 'hex'));
    const checked = await checkKernel(image);
    expect(checked.format).toBe('bzimage');
    expect(Buffer.from(checked.kernel)).toEqual(image);
  });

  const elf64 = Buffer.from(vmlinux).fill(2, 4, 5);
  const arm = Buffer.from(vmlinux);
  arm.writeUInt16LE(40, 18);
  const program = Buffer.from(vmlinux.toString('latin1').replace('Linux version', 'Some  program'), 'latin1');
  const sixtyFour = 'is a 64-bit kernel: guests have a 32-bit processor';
  it.each([
    [
      'a text file',
      Buffer.from('hello\n'),
      'is not a kernel: it is neither a Linux bzImage nor an ELF vmlinux',
    ],
    ['an empty file', Buffer.alloc(0), 'is not a kernel'],
    ['a 64-bit vmlinux', elf64, sixtyFour],
    ['a 64-bit bzImage, by its flag', makeBzImage(gzipSync(vmlinux), 1), sixtyFour],
    ['a 64-bit bzImage, by what is in it', makeBzImage(gzipSync(elf64)), sixtyFour],
    ['a kernel for ARM', arm, 'is for another processor (ELF machine 40)'],
    ['a program', program, 'is not a kernel: it is an ELF file without Linux in it'],
    [
      'a cut-off vmlinux',
      vmlinux.subarray(0, -10),
      'cannot be used: it is cut off: segment 0 needs 10 more bytes',
    ],
    ['a cut-off bzImage', makeBzImage(gzipSync(vmlinux)).subarray(0, -20), 'cannot be used: it is cut off'],
    [
      'a bzImage with a damaged kernel',
      makeBzImage(Buffer.from('nothing known')),
      'its compressed kernel is damaged',
    ],
  ])('refuses %s', async (_, bytes, message) => {
    await expect(checkKernel(bytes)).rejects.toMatchObject({
      code: 'IMAGE_INVALID',
      message: expect.stringContaining(message),
    });
  });
});
