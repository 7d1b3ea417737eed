import { Injectable } from '@nestjs/common';
import { HostRepository, type SnapshotEntity } from '@v3vee/store';
import { PalaciosClient } from '../hosts/palacios-client';
import { SnapshotHosts } from './snapshot-hosts';

/** Snapshots are Palacios's to delete: of their own host's, or of any other when that host is no more. */
@Injectable()
export class SnapshotRemoval {
  constructor(
    private readonly hosts: HostRepository,
    private readonly palacios: PalaciosClient,
    private readonly standIns: SnapshotHosts,
  ) {}

  /** @throws V3Error HOST_NOT_READY */
  async remove(snapshot: SnapshotEntity | null): Promise<void> {
    if (!snapshot) return;
    const isThere = (await this.hosts.find(snapshot.host)) !== null;
    const host = isThere ? snapshot.host : await this.standIns.speaking(snapshot);
    await this.palacios.call('deleteSnapshot', host, { snapshotId: snapshot.id });
  }
}
