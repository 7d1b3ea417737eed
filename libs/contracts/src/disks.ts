/** Disks of virtual machines, and images that they can be copies of. */
import { z } from 'zod';
import { memoryMiB, resourceName } from './quantities';

/** Of a VM: their requests share its bus. */
export const MAX_DISKS = 4;
export const MAX_DISK_MIB = 64 * 1024;
const MIB = 1 << 20;

/** `256MiB`, `1GiB`, or a number of MiB. */
export const diskSizeMiB = memoryMiB.refine(mib => mib <= MAX_DISK_MIB, {
  message: `a disk has at most ${MAX_DISK_MIB / 1024}GiB`,
});

/** Where the guest of a built-in image mounts it. */
const mountPoint = z
  .string()
  .max(200)
  .regex(
    /^(\/[A-Za-z0-9][A-Za-z0-9._-]*){1,8}$/,
    'a mount point is a path such as /data: letters, digits, ".", "_" and "-" between slashes',
  );

const diskFields = z.strictObject({
  name: resourceName.max(
    20,
    'a disk’s name has at most 20 characters: the guest sees it as its serial number',
  ),
  size: diskSizeMiB.optional().describe('of a blank disk: MiB, or text such as 256MiB'),
  image: resourceName
    .optional()
    .describe('a disk image, of which the disk is a copy that takes what differs'),
  readOnly: z.boolean().default(false).describe('of an image: the guest can’t write to it'),
  mount: mountPoint.optional().describe('where guests of built-in images mount it; absent: /mnt/NAME'),
  cdrom: z
    .boolean()
    .default(false)
    .describe('of an image: it is a disc in the CD drive, from which the VM boots, whatever its own `image`'),
  root: z
    .boolean()
    .default(false)
    .describe('the guest keeps its own files on it: /etc, /home, /opt, /root, /srv, /usr and /var'),
});

/** A disk of a VM. */
export const diskSpec = diskFields.superRefine((disk, ctx) => {
  const complain = (path: keyof typeof disk, message: string) =>
    ctx.addIssue({ code: 'custom', path: [path], message });
  if ((disk.size === undefined) === (disk.image === undefined))
    complain('size', `disk "${disk.name}" is either blank, and needs a size, or of an image`);
  if (disk.cdrom && (disk.image === undefined || disk.root || disk.mount !== undefined))
    complain(
      'cdrom',
      `disc "${disk.name}" is of an image, and guests do with it as they like: no root, no mount`,
    );
  if (disk.readOnly && disk.image === undefined)
    complain('readOnly', `disk "${disk.name}" is blank: one that is read only would be of no use`);
  if (disk.root && disk.readOnly)
    complain('root', `disk "${disk.name}" is read only: nothing can be kept on it`);
});
export type DiskSpec = z.infer<typeof diskSpec>;

export const diskSpecs = z
  .array(diskSpec)
  .max(MAX_DISKS, `a VM has at most ${MAX_DISKS} disks`)
  .superRefine((disks, ctx) => {
    const names = disks.map(({ name }) => name);
    const again = names.find((name, index) => names.indexOf(name) !== index);
    if (again !== undefined)
      ctx.addIssue({ code: 'custom', message: `two disks are named "${again}"; each needs its own name` });
    if (disks.filter(({ cdrom }) => cdrom).length > 1)
      ctx.addIssue({ code: 'custom', message: 'a VM has one CD drive, for one disc' });
    if (disks.filter(({ root }) => root).length > 1)
      ctx.addIssue({ code: 'custom', message: 'a VM has at most one disk that is its root' });
  });

/** A disk of a VM as clients see it. */
export const vmDisk = z.object({
  name: z.string(),
  device: z.string().describe('its name in the guest, vda…; sr0: the disc in its CD drive'),
  bytes: z.int(),
  image: z.string().nullable().describe('that it is a copy of; null: it was blank'),
  readOnly: z.boolean(),
  cdrom: z.boolean(),
  mount: z.string(),
  root: z.boolean(),
});
export type VmDisk = z.infer<typeof vmDisk>;

/** What a live VM's disk has done since its machine was made. */
export const diskCounters = z.object({
  name: z.string(),
  readRequests: z.int(),
  readBytes: z.int(),
  writeRequests: z.int(),
  writeBytes: z.int(),
  flushes: z.int(),
  refused: z.int().describe('requests that were answered with an error'),
  stalls: z.int().describe('times that it stood still because its host had no room'),
});
export type DiskCounters = z.infer<typeof diskCounters>;

/** A disk image, or a disk of a VM. */
export const disk = z.object({
  name: z.string().describe('of an image its name, of a VM’s disk VM/NAME'),
  vm: z.string().nullable().describe('whose disk it is; null: an image'),
  bytes: z.int(),
  readOnly: z.boolean(),
  storedBytes: z.int().describe('that its layers take on the hosts’ disk; some may be others’ too'),
  usedBy: z.array(z.string()).describe('disks that are copies of the image'),
  createdAt: z.iso.datetime(),
});
export type Disk = z.infer<typeof disk>;

export const diskCreation = z
  .strictObject({
    name: resourceName,
    size: diskSizeMiB.optional().describe('of a blank one: MiB, or text such as 256MiB'),
    blob: z
      .string()
      .regex(/^[0-9a-f]{64}$/, 'a sha256 is 64 lower-case hexadecimal digits')
      .optional()
      .describe('digest of an uploaded blob: a raw image'),
  })
  .refine(({ size, blob }) => (size === undefined) !== (blob === undefined), {
    message: 'a disk image is either blank, and needs a size, or made of a blob',
  });
export type DiskCreation = z.infer<typeof diskCreation>;

export const mibBytes = (mib: number): number => mib * MIB;
