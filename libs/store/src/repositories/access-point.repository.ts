import { V3Error, type AccessPointConfig, type AccessPointPatch } from '@v3vee/contracts';
import { DataSource, MoreThan, type EntityManager } from 'typeorm';
import { translating } from '../constraints';
import { AccessPointEntity } from '../entities';
import type { PageOf } from '../page';
import { assertMacs } from './macs';
import { forgetLostSnrs } from './radios';

export interface NewAccessPoint extends Omit<AccessPointConfig, 'network' | 'vni'> {
  networkId: string;
  managed: boolean;
}

/** An access point as it is defined, with its network. */
export interface AccessPointRecord extends AccessPointConfig {
  networkId: string;
  managed: boolean;
  createdAt: Date;
}

export type AccessPointChanges = Omit<AccessPointPatch, 'network'> & {
  networkId?: string;
  managed?: boolean;
};

export class AccessPointRepository {
  constructor(private readonly dataSource: DataSource) {}

  private of(manager: EntityManager = this.dataSource.manager) {
    return manager.getRepository(AccessPointEntity);
  }

  /** By name. */
  async list({ after, limit }: PageOf<string>): Promise<AccessPointRecord[]> {
    const where = after === undefined ? {} : { name: MoreThan(after) };
    return (await this.of().find({ where, order: { name: 'ASC' }, take: limit })).map(toRecord);
  }

  async all(manager?: EntityManager): Promise<AccessPointRecord[]> {
    return (await this.of(manager).find({ order: { name: 'ASC' } })).map(toRecord);
  }

  /** As the wifi service runs them. */
  async allConfigs(): Promise<AccessPointConfig[]> {
    return (await this.all()).map(({ networkId: _, managed: __, createdAt: ___, ...config }) => config);
  }

  async find(name: string, manager?: EntityManager): Promise<AccessPointRecord | null> {
    const found = await this.of(manager).findOneBy({ name });
    return found && toRecord(found);
  }

  /** @throws V3Error ACCESS_POINT_EXISTS, NETWORK_NOT_FOUND, MAC_IN_USE when another has the BSSID */
  create(accessPoint: NewAccessPoint, outer = this.dataSource.manager): Promise<AccessPointRecord> {
    return translating(violations(accessPoint), () =>
      outer.transaction(async manager => {
        await this.of(manager).insert(accessPoint);
        await assertMacs(manager);
        return (await this.find(accessPoint.name, manager)) as AccessPointRecord;
      }),
    );
  }

  /** @throws V3Error ACCESS_POINT_NOT_FOUND, NETWORK_NOT_FOUND */
  async update(
    name: string,
    changes: AccessPointChanges,
    manager?: EntityManager,
  ): Promise<AccessPointRecord> {
    if (Object.values(changes).some(value => value !== undefined)) {
      await translating(violations({ name }), () => this.of(manager).update({ name }, changes));
    }
    const found = await this.find(name, manager);
    if (!found) throw new V3Error('ACCESS_POINT_NOT_FOUND', `there is no access point "${name}"`);
    return found;
  }

  /** SNRs that were set for it go with it. @returns whether there was such an access point */
  remove(name: string, outer = this.dataSource.manager): Promise<boolean> {
    return outer.transaction(async manager => {
      const { affected } = await this.of(manager).delete({ name });
      await forgetLostSnrs(manager);
      return affected === 1;
    });
  }
}

function violations({ name, bssid = '' }: { name: string; bssid?: string }) {
  return {
    access_point_pkey: ['ACCESS_POINT_EXISTS', `an access point named "${name}" exists; choose another name`],
    access_point_bssid_unique: ['MAC_IN_USE', `another access point has the BSSID ${bssid}`],
    access_point_network_exists: [
      'NETWORK_NOT_FOUND',
      'the network of this access point was deleted meanwhile',
    ],
  } satisfies Parameters<typeof translating>[0];
}

function toRecord({ network, ...row }: AccessPointEntity): AccessPointRecord {
  return { ...row, network: network.name, vni: network.vni };
}
