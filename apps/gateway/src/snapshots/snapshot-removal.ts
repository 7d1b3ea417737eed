import { Injectable } from '@nestjs/common';
import { HostRepository, type SnapshotEntity } from '@v3vee/store';
import { HostDirectory } from '../hosts/host-directory';
import { PalaciosClient } from '../hosts/palacios-client';

/** Snapshots are Palacios's to delete: of their own host's, or of any other when that host is no more. */
@Injectable()
export class SnapshotRemoval {
  constructor(
    private readonly hosts: HostRepository,
    private readonly palacios: PalaciosClient,
    private readonly directory: HostDirectory,
  ) {}

  /** @throws V3Error HOST_NOT_READY */
  async remove(snapshot: SnapshotEntity | null): Promise<void> {
    if (!snapshot) return;
    const hosts = (await this.hosts.all()).map(({ name }) => name);
    const standIn = hosts.find(name => this.directory.palaciosSilence(name) === '');
    const host = hosts.includes(snapshot.host) ? snapshot.host : (standIn ?? snapshot.host);
    await this.palacios.call('deleteSnapshot', host, { snapshotId: snapshot.id });
  }
}
