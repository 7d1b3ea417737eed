import { resourceName } from '@v3vee/contracts';
import { z } from 'zod';
import { sha256 } from '../files';

const hex256 = z.string().regex(/^[0-9a-f]{64}$/, 'a SHA-256 in hexadecimal');
const imageFile = z.strictObject({
  /** Name inside the image's folder. */
  file: z.string().regex(/^[\w.-]+$/, 'a plain file name'),
  size: z.int().positive(),
  sha256: hex256,
});

/** `manifest.json` in an image's folder. */
export const imageManifestSchema = z.strictObject({
  format: z.literal(1),
  name: resourceName,
  description: z.string().default(''),
  /** Over everything a guest sees of the image: same digest, same guest. */
  digest: hex256,
  /** `elf`: the kernel proper, to be loaded by its segments. `bzimage`: compressed in a way only itself can undo. */
  kernel: imageFile.extend({ format: z.enum(['elf', 'bzimage']) }),
  /** From the start of a bzImage to the end of its setup header (at 0x1f1), for boot_params. */
  bootHeader: imageFile,
  /** An imported kernel may have its first user space built in. */
  initrd: imageFile.optional(),
  cmdline: z.string().max(2047),
  /** The guest runs qemu-guest-agent on the virtio port org.qemu.guest_agent.0. */
  agent: z.boolean(),
  /** The guest takes its configuration from the virtio port org.v3vee.config.0. */
  configChannel: z.boolean(),
  createdAt: z.iso.datetime(),
  /** What it was built from; empty for an imported image. */
  packages: z.array(
    z.strictObject({ name: z.string(), version: z.string(), architecture: z.string(), sha256: hex256 }),
  ),
});
export type ImageManifest = z.output<typeof imageManifestSchema>;

export function imageDigest(manifest: Omit<ImageManifest, 'digest' | 'format'>): string {
  const { kernel, bootHeader, initrd, cmdline, agent, configChannel } = manifest;
  const parts = [
    kernel.format,
    kernel.sha256,
    bootHeader.sha256,
    initrd?.sha256 ?? null,
    cmdline,
    agent,
    configChannel,
  ];
  return sha256(JSON.stringify(parts));
}
