import { DEFAULT_PROJECT, V3Error } from '@v3vee/contracts';
import { DataSource, In, MoreThan, type EntityManager } from 'typeorm';
import { translating, violatedConstraint } from '../constraints';
import { NetworkEntity, NicEntity } from '../entities';
import { isUuid, type PageOf } from '../page';

export interface NewNetwork {
  name: string;
  /** Absent: the default one. */
  project?: string;
  subnet: string | null;
  managed: boolean;
  dhcp?: boolean;
  dns?: boolean;
}

export class NetworkRepository {
  constructor(private readonly dataSource: DataSource) {}

  private of(manager: EntityManager = this.dataSource.manager) {
    return manager.getRepository(NetworkEntity);
  }

  /** By id or name. */
  async find(idOrName: string, manager?: EntityManager): Promise<NetworkEntity | null> {
    const byId = isUuid(idOrName) ? await this.of(manager).findOneBy({ id: idOrName }) : null;
    return byId ?? this.of(manager).findOneBy({ name: idOrName });
  }

  async findByNames(names: string[], manager?: EntityManager): Promise<Map<string, NetworkEntity>> {
    const found = await this.of(manager).findBy({ name: In(names) });
    return new Map(found.map(network => [network.name, network]));
  }

  /** By name. */
  list({ after, limit }: PageOf<string>): Promise<NetworkEntity[]> {
    return this.of().find({
      where: after === undefined ? {} : { name: MoreThan(after) },
      order: { name: 'ASC' },
      take: limit,
    });
  }

  all(): Promise<NetworkEntity[]> {
    return this.of().find({ order: { name: 'ASC' } });
  }

  /** How many NICs are attached by definition, by network id. */
  async nicCounts(ids: string[]): Promise<Map<string, number>> {
    if (ids.length === 0) return new Map();
    const rows: { id: string; count: string }[] = await this.dataSource
      .createQueryBuilder(NicEntity, 'nic')
      .select('nic.network_id', 'id')
      .addSelect('count(*)', 'count')
      .where('nic.network_id IN (:...ids)', { ids })
      .groupBy('nic.network_id')
      .getRawMany();
    return new Map(rows.map(({ id, count }) => [id, Number(count)]));
  }

  /**
   * Takes the lowest free network number.
   * @throws V3Error NETWORK_EXISTS, PROJECT_NOT_FOUND
   */
  async create(network: NewNetwork): Promise<NetworkEntity> {
    const { project = DEFAULT_PROJECT } = network;
    const absent = `there is no project "${project}"`;
    const exists = `a network named "${network.name}" exists; choose another name`;
    for (;;) {
      try {
        const errors: Parameters<typeof translating>[0] = {
          network_name_unique: ['NETWORK_EXISTS', exists],
          network_project_exists: ['PROJECT_NOT_FOUND', absent],
        };
        return await translating(errors, async () => {
          const repository = this.of();
          return repository.save(
            repository.create({ dhcp: false, dns: false, ...network, project, vni: await this.freeVni() }),
          );
        });
      } catch (thrown) {
        // Another creation took the number between our look and our write.
        if (thrown instanceof V3Error || violatedConstraint(thrown) !== 'network_vni_unique') throw thrown;
      }
    }
  }

  async update(
    id: string,
    changes: Partial<Pick<NetworkEntity, 'subnet' | 'managed' | 'dhcp' | 'dns'>>,
  ): Promise<void> {
    await this.of().update({ id }, changes);
  }

  /**
   * Its routes go with it.
   * @throws V3Error NETWORK_IN_USE while NICs, links or access points are attached to it
   */
  async remove(network: NetworkEntity): Promise<void> {
    const still = `network ${network.name} still has`;
    await translating(
      {
        nic_network_exists: ['NETWORK_IN_USE', `${still} NICs; remove them from their VMs first`],
        vnet_link_network_exists: ['NETWORK_IN_USE', `${still} links; delete them first`],
        access_point_network_exists: ['NETWORK_IN_USE', `${still} access points; delete them first`],
        // Routes over such a link may be looked at before the link itself.
        vnet_route_to_link_exists: ['NETWORK_IN_USE', `${still} links; delete them first`],
      },
      () => this.of().delete({ id: network.id }),
    );
  }

  private async freeVni(): Promise<number> {
    const rows: { vni: number }[] = await this.dataSource.query(
      `SELECT candidate AS vni FROM (SELECT 1 AS candidate UNION SELECT vni + 1 FROM network) AS candidates
       WHERE NOT EXISTS (SELECT FROM network WHERE vni = candidate) ORDER BY candidate LIMIT 1`,
    );
    return rows[0]?.vni ?? 1;
  }
}
