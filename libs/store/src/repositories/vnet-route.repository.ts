import type { VnetPlace, VnetRule } from '@v3vee/contracts';
import { DataSource, MoreThan, type EntityManager } from 'typeorm';
import { translating } from '../constraints';
import { VnetRouteEntity } from '../entities';
import { isSerial, type PageOf } from '../page';

export interface NewRoute {
  networkId: string;
  /** `any`, `none`, an address or `not-` and an address. */
  source: string;
  destination: string;
  to: VnetPlace;
  /** Null: any. */
  from: VnetPlace | null;
  managed: boolean;
}

/** A route as it is defined, with its network. */
export interface RouteRecord extends VnetRule {
  networkId: string;
  network: string;
  managed: boolean;
  createdAt: Date;
}

export class VnetRouteRepository {
  constructor(private readonly dataSource: DataSource) {}

  private of(manager: EntityManager = this.dataSource.manager) {
    return manager.getRepository(VnetRouteEntity);
  }

  /** By index, all or those of one network. */
  async list({ after, limit, network }: PageOf<number> & { network?: string }): Promise<RouteRecord[]> {
    const rows = await this.of().find({
      where: {
        ...(after === undefined ? {} : { index: MoreThan(after) }),
        ...(network === undefined ? {} : { network: { name: network } }),
      },
      order: { index: 'ASC' },
      take: limit,
    });
    return rows.map(toRecord);
  }

  async all(manager?: EntityManager): Promise<RouteRecord[]> {
    return (await this.of(manager).find({ order: { index: 'ASC' } })).map(toRecord);
  }

  /** As the vnet service needs them. */
  async allRules(): Promise<VnetRule[]> {
    return (await this.all()).map(
      ({ networkId: _, network: __, managed: ___, createdAt: ____, ...rule }) => rule,
    );
  }

  async find(index: number, manager?: EntityManager): Promise<RouteRecord | null> {
    const found = isSerial(index) ? await this.of(manager).findOneBy({ index }) : null;
    return found && toRecord(found);
  }

  /** @throws V3Error VNET_ROUTE_EXISTS, VNET_LINK_NOT_FOUND, NETWORK_NOT_FOUND */
  async create(route: NewRoute, manager?: EntityManager): Promise<RouteRecord> {
    const { networkId, source, destination, to, from, managed } = route;
    const gone = 'a link of this route was deleted meanwhile';
    const { identifiers } = await translating(
      {
        vnet_route_unique: ['VNET_ROUTE_EXISTS', 'there is such a route; delete it first to add it anew'],
        vnet_route_to_link_exists: ['VNET_LINK_NOT_FOUND', gone],
        vnet_route_from_link_exists: ['VNET_LINK_NOT_FOUND', gone],
        vnet_route_network_exists: ['NETWORK_NOT_FOUND', 'the network of this route was deleted meanwhile'],
      },
      () =>
        this.of(manager).insert({
          ...{ networkId, source, destination, managed },
          toType: to.type,
          toMac: to.type === 'interface' ? to.mac : null,
          toLink: to.type === 'edge' ? to.link : null,
          fromType: from?.type ?? 'any',
          fromMac: from?.type === 'interface' ? from.mac : null,
          fromLink: from?.type === 'edge' ? from.link : null,
        }),
    );
    return (await this.find((identifiers[0] as { index: number }).index, manager)) as RouteRecord;
  }

  /** It becomes one of the cluster file's, or is no longer. */
  async setManaged(index: number, managed: boolean, manager?: EntityManager): Promise<void> {
    await this.of(manager).update({ index }, { managed });
  }

  /** @returns whether there was such a route */
  async remove(index: number, manager?: EntityManager): Promise<boolean> {
    if (!isSerial(index)) return false;
    const { affected } = await this.of(manager).delete({ index });
    return affected === 1;
  }
}

function toRecord(row: VnetRouteEntity): RouteRecord {
  const { index, networkId, network, source, destination, managed, createdAt } = row;
  return {
    ...{ index, networkId, source, destination, managed, createdAt },
    network: network.name,
    vni: network.vni,
    to: place(row.toMac, row.toLink) as VnetPlace,
    from: place(row.fromMac, row.fromLink),
  };
}

function place(mac: string | null, link: number | null): VnetPlace | null {
  if (mac !== null) return { type: 'interface', mac };
  return link === null ? null : { type: 'edge', link };
}
