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
