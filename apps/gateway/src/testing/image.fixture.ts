import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { imageDigest, sha256, type ImageManifest } from '@v3vee/setup';

/** A built image as set-up leaves it; the gateway reads its manifest only. */
export async function putImage(
  root: string,
  name: string,
  packages: ImageManifest['packages'] = [],
): Promise<void> {
  const folder = join(root, name);
  const part = (file: string) => ({ file, size: file.length, sha256: sha256(file) });
  const body: Omit<ImageManifest, 'format' | 'digest'> = {
    name,
    description: 'for a test',
    kernel: { ...part('vmlinux'), format: 'elf' },
    bootHeader: part('boot-header.bin'),
    initrd: part('initrd'),
    cmdline: 'console=ttyS0',
    agent: true,
    configChannel: true,
    createdAt: '2026-01-01T00:00:00.000Z',
    packages,
  };
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, 'manifest.json'),
    JSON.stringify({ format: 1, digest: imageDigest(body), ...body }),
  );
}

/** The least that is a 32-bit x86 Linux kernel: one loadable segment that holds the version banner. */
export function tinyKernel(machine = 3, elfClass = 1): Buffer {
  const elf = Buffer.alloc(0x200);
  elf.write('\x7fELF', 'latin1');
  elf.set([elfClass, 1, 1], 4);
  elf.writeUInt16LE(2, 16);
  elf.writeUInt16LE(machine, 18);
  elf.writeUInt32LE(1, 20);
  elf.writeUInt32LE(0x100000, 24);
  elf.writeUInt32LE(52, 28);
  elf.writeUInt16LE(52, 40);
  elf.writeUInt16LE(32, 42);
  elf.writeUInt16LE(1, 44);
  const segment = [1, 0x100, 0x100000, 0x100000, 0x100, 0x100, 5, 0x1000];
  segment.forEach((value, index) => elf.writeUInt32LE(value, 52 + 4 * index));
  elf.write('Linux version 6.1.0-test (x)', 0x100);
  return elf;
}
