import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DiskFolder } from '@v3vee/disk-store';
import { ensureTemplate } from '../template/template';
import type { DiskLayers } from '../worker/disks';
import type { Guest } from '../worker/guest';
import { Guests, identityOf } from './guests.fixture';

export const DISK_BYTES = 64 << 20;
export const disk = { bytes: DISK_BYTES, readOnly: false, serial: 'data' };

/** Guests from the template, each with one disk in a folder of the test's own. */
export class DiskGuests {
  private constructor(
    readonly guests: Guests,
    private readonly path: string,
    readonly folder: DiskFolder,
  ) {}

  static async prepare(): Promise<DiskGuests> {
    const guests = await Guests.prepare();
    const path = await mkdtemp(join(tmpdir(), 'v3-disk-'));
    return new DiskGuests(guests, path, await DiskFolder.open(path));
  }

  async stop(): Promise<void> {
    await this.guests.stop();
    await rm(this.path, { recursive: true, force: true });
  }

  layers(ids: string[]): DiskLayers {
    return [this.folder.files(ids)];
  }

  /** One that has mounted a disk of these layers at `/data`. */
  async start(ids: string[], { root = false, patienceMs = 60_000 } = {}): Promise<Guest> {
    const template = await ensureTemplate({ ...this.guests.template, disks: [disk] });
    const guest = await this.guests.create(0, { disks: [disk] });
    await guest.load(template);
    await guest.plugDisks(this.layers(ids));
    await guest.run();
    const identity = { name: 'data', mount: '/data', readOnly: false, blank: true, root };
    await guest.config.configure({ ...identityOf(0), disks: [identity] }, patienceMs);
    return guest;
  }
}
