import type { BodyOf, VmDisk } from '@v3vee/contracts';

type DiskSpecs = NonNullable<BodyOf<'updateVm'>['disks']>;

const MIB = 1 << 20;

/** A disk as it is, in the words of a definition: who changes one has to name those that stay. */
const specOf = ({ name, bytes, image, readOnly, cdrom, mount, root }: VmDisk): DiskSpecs[number] => ({
  name,
  ...(image === null ? { size: bytes / MIB } : { image }),
  ...(readOnly && { readOnly }),
  ...(cdrom ? { cdrom } : root ? { root } : { mount }),
});

export const withoutDisk = (disks: readonly VmDisk[], name: string): DiskSpecs =>
  disks.filter(disk => disk.name !== name).map(specOf);

export const withDisk = (disks: readonly VmDisk[], added: DiskSpecs[number]): DiskSpecs => [
  ...disks.map(specOf),
  added,
];
