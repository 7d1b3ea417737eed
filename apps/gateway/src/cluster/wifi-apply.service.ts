import { Injectable } from '@nestjs/common';
import {
  securityOf,
  V3Error,
  type AccessPointEntry,
  type ApplyResult,
  type Topology,
} from '@v3vee/contracts';
import { AccessPointRepository, type AccessPointRecord, type NetworkEntity } from '@v3vee/store';
import { DataSource, type EntityManager } from 'typeorm';
import { AccessPoints } from '../wifi/access-points.service';

type Change = ApplyResult['changes'][number];

/** Makes access points what a cluster file declares. Those made by hand are left alone, unless they are declared. */
@Injectable()
export class WifiApply {
  constructor(
    private readonly dataSource: DataSource,
    private readonly repository: AccessPointRepository,
    private readonly accessPoints: AccessPoints,
  ) {}

  /**
   * Looked at before anything is changed.
   * @throws V3Error NETWORK_IN_USE when one made by hand bridges into a network that would go
   */
  async assertFeasible(declared: Topology, goingNetworks: NetworkEntity[]): Promise<void> {
    for (const { name, managed, network, networkId } of await this.repository.all()) {
      if (managed || declared.accessPoints[name]) continue;
      if (!goingNetworks.some(({ id }) => id === networkId)) continue;
      throw new V3Error(
        'NETWORK_IN_USE',
        `network ${network} is not declared any more, but access point ${name}, made by hand, bridges into it; ` +
          `delete it first`,
      );
    }
  }

  /** When the networks are there: all or nothing. */
  apply({ accessPoints }: Topology): Promise<Change[]> {
    return this.dataSource.transaction(async manager => {
      const changes: Change[] = [];
      for (const { name, managed } of await this.repository.all(manager)) {
        if (!managed || accessPoints[name]) continue;
        await this.repository.remove(name, manager);
        changes.push({ action: 'delete', resource: `access-points/${name}`, detail: '' });
      }
      for (const [name, entry] of Object.entries(accessPoints)) {
        const change = await this.put(name, entry, manager);
        if (change) changes.push(change);
      }
      return changes;
    });
  }

  private async put(
    name: string,
    entry: AccessPointEntry,
    manager: EntityManager,
  ): Promise<Change | undefined> {
    const resource = `access-points/${name}`;
    const present = await this.repository.find(name, manager);
    if (!present) {
      const made = await this.accessPoints.create({ name, ...entry }, true, manager);
      return { action: 'create', resource, detail: `${made.ssid} on channel ${made.channel}` };
    }
    const patch = { ...entry, passphrase: entry.passphrase ?? null, managed: true };
    const detail = difference(present, await this.accessPoints.change(name, patch, manager));
    return detail ? { action: 'update', resource, detail } : undefined;
  }
}

/** In words, which never say a passphrase. */
function difference(before: AccessPointRecord, after: AccessPointRecord): string {
  const shown = ({ position, hidden, ...record }: AccessPointRecord): Record<string, string> => ({
    ssid: record.ssid,
    security: securityOf(record.passphrase),
    channel: String(record.channel),
    network: record.network,
    position: position?.join(',') ?? 'nowhere',
    txPower: String(record.txPower),
    beaconInterval: String(record.beaconInterval),
    hidden: String(hidden),
  });
  const [old, now] = [shown(before), shown(after)];
  const words = Object.keys(now)
    .filter(key => old[key] !== now[key])
    .map(key => `${key} ${old[key]} → ${now[key]}`);
  const both = before.passphrase !== null && after.passphrase !== null;
  if (both && before.passphrase !== after.passphrase) words.push('another passphrase');
  if (!before.managed) words.push('now managed by the cluster file');
  return words.join(', ');
}
