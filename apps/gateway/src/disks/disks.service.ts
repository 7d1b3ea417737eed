import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { mibBytes, V3Error, type Disk, type DiskCreation } from '@v3vee/contracts';
import { DiskFolder, exportRaw, importRaw } from '@v3vee/disk-store';
import { Config } from '@v3vee/service';
import { DiskRepository, type DiskRecord } from '@v3vee/store';
import type { GatewayConfig } from '../config';
import { BlobStore } from '../images/blob-store';

/** Disk images, and what is on VMs' disks while nobody writes to them. The folder of layers is all hosts'. */
@Injectable()
export class Disks {
  private readonly path: string;

  constructor(
    @Config() config: GatewayConfig,
    private readonly records: DiskRepository,
    private readonly blobs: BlobStore,
  ) {
    this.path = join(config.V3_STATE_DIR, 'disks');
  }

  async list(): Promise<Disk[]> {
    const [all, folder] = [await this.records.all(), await this.folder()];
    return Promise.all(all.map(record => this.view(record, all, folder)));
  }

  /** @throws V3Error DISK_NOT_FOUND */
  async get(name: string): Promise<Disk> {
    const all = await this.records.all();
    return this.view(found(all, name), all, await this.folder());
  }

  /** @throws V3Error DISK_EXISTS, BLOB_NOT_FOUND, INVALID_REQUEST, STORAGE_FULL */
  async create({ name, size, blob }: DiskCreation): Promise<Disk> {
    if (await this.records.image(name))
      throw new V3Error('DISK_EXISTS', `a disk image named "${name}" exists; choose another name`);
    const folder = await this.folder();
    let bytes = mibBytes(size ?? 0);
    let layer: string;
    if (blob === undefined) {
      layer = await folder.create(bytes);
    } else {
      const path = await this.blobs.path(blob);
      bytes = (await stat(path)).size;
      layer = await importRaw(folder, createReadStream(path), bytes);
    }
    try {
      await this.records.locked(async manager => {
        await folder.require([layer]);
        await this.records.addImage({ name, bytes, layer }, manager);
      });
    } catch (thrown) {
      await folder.remove(layer);
      throw thrown;
    }
    if (blob !== undefined) await this.blobs.remove(blob);
    return this.get(name);
  }

  /** @throws V3Error DISK_NOT_FOUND, DISK_IN_USE when it is a VM's */
  async delete(name: string): Promise<void> {
    const { vm } = found(await this.records.all(), name);
    if (vm !== null)
      throw new V3Error(
        'DISK_IN_USE',
        `${name} is a disk of VM ${vm}: it goes when ${vm} is given other disks`,
      );
    await this.records.removeImage(name);
  }

  /**
   * A disk that nobody writes to, as a raw image.
   * @throws V3Error DISK_NOT_FOUND, DISK_IN_USE; STATE_CORRUPT, also in the middle
   */
  async export(name: string): Promise<{ bytes: number; parts: AsyncGenerator<Buffer> }> {
    const { layers, bytes, sealed, vm } = found(await this.records.all(), name);
    if (!sealed)
      throw new V3Error(
        'DISK_IN_USE',
        `VM ${vm} may be writing to ${name}: stop it first, or clone it and stop the clone`,
      );
    return { bytes, parts: exportRaw(await this.folder(), layers, bytes) };
  }

  private folder(): Promise<DiskFolder> {
    return DiskFolder.open(this.path);
  }

  private async view(
    { name, vm, bytes, readOnly, layers, createdAt }: DiskRecord,
    all: DiskRecord[],
    folder: DiskFolder,
  ): Promise<Disk> {
    const usedBy = vm === null ? all.filter(({ image }) => image === name).map(each => each.name) : [];
    const storedBytes = await folder.usage(layers);
    return { name, vm, bytes, readOnly, storedBytes, usedBy, createdAt: createdAt.toISOString() };
  }
}

function found(all: DiskRecord[], name: string): DiskRecord {
  const disk = all.find(each => each.name === name);
  if (disk) return disk;
  throw new V3Error(
    'DISK_NOT_FOUND',
    `there is no disk "${name}"; an image goes by its name, a VM's disk by VM/NAME`,
  );
}
