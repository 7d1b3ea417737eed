import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { mibBytes, V3Error, type DiskSpec } from '@v3vee/contracts';
import { DiskRepository, type DiskDefinition, type NewDisk, type VmDefinition } from '@v3vee/store';

/** Turns disks as they are asked for into disks as they are defined. */
@Injectable()
export class DiskPlanner {
  constructor(private readonly disks: DiskRepository) {}

  /**
   * @param present disks that the VM has: one of the same name, size and image stays what it is
   * @returns undefined: all stay
   * @throws V3Error DISK_NOT_FOUND, INVALID_REQUEST
   */
  async plan(
    specs: readonly DiskSpec[] | undefined,
    present: readonly DiskDefinition[] = [],
  ): Promise<NewDisk[] | undefined> {
    if (!specs) return undefined;
    const planned: NewDisk[] = [];
    for (const [index, spec] of specs.entries()) {
      const { name, root, cdrom, mount = null } = spec;
      const readOnly = spec.readOnly || cdrom;
      const same = present.find(disk => isSame(disk, spec));
      const { id, bytes, image, base } = same ?? (await this.fresh(spec, `disks[${index}].image`));
      planned.push({ id, name, bytes, readOnly, cdrom, root, mount, image, base });
    }
    return planned;
  }

  private async fresh({ size, image }: DiskSpec, path: string) {
    const id = randomUUID();
    if (image === undefined) return { id, bytes: mibBytes(size!), image: null, base: [] };
    const found = await this.disks.image(image);
    if (found) return { id, bytes: found.bytes, image, base: [found.layer] };
    const message = `there is no disk image "${image}"; "v3 disk import" or "v3 disk create" makes one`;
    throw new V3Error('DISK_NOT_FOUND', `${path}: ${message}`, { fields: [{ path, message }] });
  }
}

/** Whether what is on it is what is asked for. */
const isSame = (disk: DiskDefinition, { name, size, image, readOnly, cdrom }: DiskSpec): boolean =>
  disk.name === name &&
  disk.readOnly === (readOnly || cdrom) &&
  disk.cdrom === cdrom &&
  disk.image === (image ?? null) &&
  (size === undefined || disk.bytes === mibBytes(size));

/** Whether a VM has these disks already. */
export function sameDisks({ disks }: VmDefinition, specs: readonly DiskSpec[]): boolean {
  return (
    specs.length === disks.length &&
    specs.every((spec, index) => {
      const disk = disks[index];
      return (
        disk !== undefined &&
        isSame(disk, spec) &&
        disk.root === spec.root &&
        disk.mount === (spec.mount ?? null)
      );
    })
  );
}

/** As a clone gets them: what is on them comes with the state that it goes on from. */
export const cloneDisks = ({ disks }: Pick<VmDefinition, 'disks'>): NewDisk[] =>
  disks.map(({ index: _, ...disk }) => ({ ...disk, id: randomUUID() }));
