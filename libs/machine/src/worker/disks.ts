import { NoSpace, VirtioBlock, type BlockBackend } from '@v3vee/devices';
import { LayeredDisk, type LayerFile } from '@v3vee/disk-store';
import type { DiskConfig } from './protocol';

/** Of each disk, in order: its layers, from the top downwards. */
export type DiskLayers = readonly (readonly LayerFile[])[];

/** The disks of a machine: virtio devices, whose bytes are there while its VM is to run here. */
export class Disks {
  private readonly plugged: (LayeredDisk | undefined)[];

  constructor(
    private readonly devices: readonly (VirtioBlock | undefined)[],
    private readonly configs: readonly DiskConfig[],
    private readonly insertDisc: (disc: LayeredDisk | undefined) => void,
  ) {
    this.plugged = configs.map(() => undefined);
  }

  /** Their bytes are these from now on; likewise while the guest stands still. @throws V3Error STATE_CORRUPT */
  plug(layers: DiskLayers): void {
    this.configs.forEach(({ bytes, readOnly }, index) => {
      const files = layers[index] ?? [];
      const disk = this.plugged[index];
      if (disk) return disk.become(files);
      const opened = new LayeredDisk(bytes, files, readOnly);
      this.plugged[index] = opened;
      const device = this.devices[index];
      if (device) device.plug(backendOf(opened));
      else this.insertDisc(opened);
    });
  }

  /** What the guest wrote is durable when this returns. */
  flush(): void {
    for (const disk of this.plugged) disk?.flush();
  }

  /** Likewise, and nothing is read or written any more. */
  unplug(): void {
    this.plugged.forEach((disk, index) => {
      const device = this.devices[index];
      if (device) device.plug(undefined);
      else this.insertDisc(undefined);
      this.plugged[index] = undefined;
      if (!disk) return;
      try {
        disk.flush();
      } finally {
        disk.close();
      }
    });
  }

  /** The guest goes on: what waited is carried out. */
  resume(): void {
    for (const device of this.devices) device?.resume();
  }
}

function backendOf(disk: LayeredDisk): BlockBackend {
  return {
    read: (offset, into) => disk.read(offset, into),
    write: (offset, from) => {
      try {
        disk.write(offset, from);
      } catch (thrown) {
        const { code, message } = thrown as NodeJS.ErrnoException;
        throw code === 'ENOSPC' || code === 'EDQUOT' ? new NoSpace(message) : thrown;
      }
    },
    flush: () => disk.flush(),
  };
}
