import {
  defaultLinkMtu,
  defaultLinkPort,
  loopback,
  V3Error,
  type Impairment,
  type LinkConfig,
  type LinkType,
  type VnetLinkPatch,
} from '@v3vee/contracts';
import { DataSource, MoreThan, type EntityManager } from 'typeorm';
import { translating } from '../constraints';
import { NetworkEntity, VnetLinkEntity } from '../entities';
import { isSerial, type PageOf } from '../page';

/** What is absent takes its default; addresses are in their canonical spelling. */
export interface NewLink {
  /** `link-` and its number when absent. */
  name?: string;
  type: LinkType;
  remote: string;
  remotePort?: number;
  local?: string;
  localPort?: number;
  networkId: string;
  /** VXLAN only: the number on the wire; the network's own when absent. */
  vni?: number;
  mtu?: number;
  up: boolean;
  impairment: Impairment | null;
  managed: boolean;
}

/** A link as it is defined, with its network. */
export interface LinkRecord extends LinkConfig {
  networkId: string;
  network: string;
  managed: boolean;
  createdAt: Date;
}

export class VnetLinkRepository {
  constructor(private readonly dataSource: DataSource) {}

  private of(manager: EntityManager = this.dataSource.manager) {
    return manager.getRepository(VnetLinkEntity);
  }

  /** By index. */
  async list({ after, limit }: PageOf<number>): Promise<LinkRecord[]> {
    const where = after === undefined ? {} : { index: MoreThan(after) };
    return (await this.of().find({ where, order: { index: 'ASC' }, take: limit })).map(toRecord);
  }

  async all(manager?: EntityManager): Promise<LinkRecord[]> {
    return (await this.of(manager).find({ order: { index: 'ASC' } })).map(toRecord);
  }

  /** As the vnet service runs them. */
  async allConfigs(): Promise<LinkConfig[]> {
    return (await this.all()).map(
      ({ networkId: _, network: __, managed: ___, createdAt: ____, ...config }) => config,
    );
  }

  /** By index or name. */
  async find(indexOrName: string | number, manager?: EntityManager): Promise<LinkRecord | null> {
    const index = Number(indexOrName);
    const found = await this.of(manager).findOneBy(
      isSerial(index) ? { index } : { name: String(indexOrName) },
    );
    return found && toRecord(found);
  }

  /** @throws V3Error VNET_LINK_EXISTS, NETWORK_NOT_FOUND */
  async create(link: NewLink, manager?: EntityManager): Promise<LinkRecord> {
    const repository = this.of(manager);
    const [row] = (await repository.query(
      `SELECT nextval(pg_get_serial_sequence('vnet_link', 'index')) AS index`,
    )) as [{ index: string }];
    const index = Number(row.index);
    const columns = await this.columns({ ...link, name: link.name ?? `link-${index}` }, manager);
    await translating(violations(columns), () => repository.insert({ index, ...columns }));
    return (await this.find(index, manager)) as LinkRecord;
  }

  /**
   * Makes a link another one that keeps the index, and so the routes over it.
   * @throws V3Error VNET_LINK_EXISTS, NETWORK_NOT_FOUND
   */
  async replace(index: number, link: NewLink & { name: string }, manager?: EntityManager): Promise<void> {
    const columns = await this.columns(link, manager);
    await translating(violations(columns), () => this.of(manager).update({ index }, columns));
  }

  /** @throws V3Error VNET_LINK_NOT_FOUND */
  async update(index: number, changes: VnetLinkPatch): Promise<LinkRecord> {
    if (Object.values(changes).some(value => value !== undefined)) await this.of().update({ index }, changes);
    const link = await this.find(index);
    if (!link) throw new V3Error('VNET_LINK_NOT_FOUND', `there is no link ${index}`);
    return link;
  }

  /** @throws V3Error VNET_LINK_IN_USE while routes lead over it */
  async remove({ index, name }: { index: number; name: string }, manager?: EntityManager): Promise<void> {
    const detail = `routes lead over link ${name}; delete those first`;
    await translating(
      {
        vnet_route_to_link_exists: ['VNET_LINK_IN_USE', detail],
        vnet_route_from_link_exists: ['VNET_LINK_IN_USE', detail],
      },
      () => this.of(manager).delete({ index }),
    );
  }

  /** With the defaults filled in. */
  private async columns(link: NewLink & { name: string }, manager = this.dataSource.manager) {
    const { name, type, networkId, up, impairment, managed, remote, vni } = link;
    const { local = loopback(remote), mtu = defaultLinkMtu[type] } = link;
    const { remotePort = defaultLinkPort[type], localPort = defaultLinkPort[type] } = link;
    const network = await manager.getRepository(NetworkEntity).findOneBy({ id: networkId });
    if (!network) throw new V3Error('NETWORK_NOT_FOUND', 'the network of this link was deleted meanwhile');
    return {
      ...{ name, type, networkId, mtu, up, impairment, managed },
      ...{ remoteAddress: remote, remotePort, localAddress: local, localPort },
      wireVni: type === 'vxlan' ? (vni ?? network.vni) : null,
    };
  }
}

function violations(link: Partial<VnetLinkEntity>): Parameters<typeof translating>[0] {
  const { name, type, remoteAddress, remotePort, localAddress, localPort, wireVni } = link;
  const ends = `from ${localAddress} port ${localPort} to ${remoteAddress} port ${remotePort}`;
  const number = wireVni === null ? '' : ` with the number ${wireVni}`;
  return {
    vnet_link_name_unique: ['VNET_LINK_EXISTS', `a link named "${name}" exists; choose another name`],
    vnet_link_peer_unique: [
      'VNET_LINK_EXISTS',
      `there is a ${type} link ${ends}${number}; what arrives must belong to one link only: choose another port`,
    ],
    vnet_link_network_exists: ['NETWORK_NOT_FOUND', 'the network of this link was deleted meanwhile'],
  };
}

function toRecord(row: VnetLinkEntity): LinkRecord {
  const { index, name, type, mtu, up, impairment, networkId, managed, createdAt, network } = row;
  return {
    ...{ index, name, type, mtu, up, impairment, networkId, managed, createdAt },
    network: network.name,
    remote: { address: row.remoteAddress, port: row.remotePort },
    local: { address: row.localAddress, port: row.localPort },
    vni: network.vni,
    wireVni: row.wireVni ?? network.vni,
  };
}
