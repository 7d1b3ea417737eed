import { Injectable } from '@nestjs/common';
import { defaultAccessPoint, V3Error, type AccessPointPatch, type AccessPointSpec } from '@v3vee/contracts';
import {
  AccessPointRepository,
  NetworkRepository,
  type AccessPointRecord,
  type NetworkEntity,
} from '@v3vee/store';
import type { EntityManager } from 'typeorm';
import { randomMac } from '../vms/mac';

/** Attempts at a random BSSID that nobody has; one in 2^40 is taken by any other address. */
const ATTEMPTS = 3;

/** Definitions of access points; the wifi service is told by whoever changes them. */
@Injectable()
export class AccessPoints {
  constructor(
    private readonly accessPoints: AccessPointRepository,
    private readonly networks: NetworkRepository,
  ) {}

  /** @throws V3Error ACCESS_POINT_EXISTS, NETWORK_NOT_FOUND */
  async create(
    { network, ...spec }: AccessPointSpec,
    managed: boolean,
    manager?: EntityManager,
  ): Promise<AccessPointRecord> {
    const networkId = (await this.network(network, manager)).id;
    const { passphrase = null, position = null } = spec;
    const { txPower, beaconInterval, hidden } = { ...defaultAccessPoint, ...said(spec) };
    const columns = { networkId, managed, passphrase, position, txPower, beaconInterval, hidden };
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.accessPoints.create({ ...spec, ...columns, bssid: randomMac() }, manager);
      } catch (thrown) {
        const taken = thrown instanceof V3Error && thrown.code === 'MAC_IN_USE';
        if (!taken || attempt === ATTEMPTS) throw thrown;
      }
    }
  }

  /** @throws V3Error ACCESS_POINT_NOT_FOUND, NETWORK_NOT_FOUND */
  async change(
    name: string,
    { network, ...patch }: AccessPointPatch & { managed?: boolean },
    manager?: EntityManager,
  ): Promise<AccessPointRecord> {
    const networkId = network === undefined ? undefined : (await this.network(network, manager)).id;
    return this.accessPoints.update(name, { ...patch, networkId }, manager);
  }

  private async network(name: string, manager?: EntityManager): Promise<NetworkEntity> {
    const found = await this.networks.find(name, manager);
    if (found) return found;
    const names = (await this.networks.all()).map(network => network.name).join(', ') || 'none';
    const message = `there is no network "${name}"; networks are: ${names}`;
    throw new V3Error('NETWORK_NOT_FOUND', `network: ${message}`, { fields: [{ path: 'network', message }] });
  }
}

const said = <T extends object>(spec: T): Partial<T> =>
  Object.fromEntries(Object.entries(spec).filter(([, value]) => value !== undefined)) as Partial<T>;
