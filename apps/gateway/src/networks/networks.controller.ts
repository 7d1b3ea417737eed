import { Controller } from '@nestjs/common';
import {
  DEFAULT_PROJECT,
  serviceAddress,
  serviceProblem,
  V3Error,
  type List,
  type Network,
} from '@v3vee/contracts';
import { HostRepository, NetworkRepository, type NetworkEntity } from '@v3vee/store';
import { Endpoint, Input, type InputOf } from '../http/endpoint';
import { PageTokens } from '../http/page-tokens';
import { VnetClient } from '../vnet/vnet-client';

@Controller()
export class NetworksController {
  constructor(
    private readonly networks: NetworkRepository,
    private readonly hosts: HostRepository,
    private readonly vnet: VnetClient,
    private readonly pages: PageTokens,
  ) {}

  @Endpoint('listNetworks')
  async list(@Input() { query }: InputOf<'listNetworks'>): Promise<List<Network>> {
    const { pageSize, pageToken } = query;
    const after = pageToken === undefined ? undefined : (this.pages.open('networks', pageToken) as string);
    const rows = await this.networks.list({ after, limit: pageSize + 1 });
    const counts = await this.networks.nicCounts(rows.map(({ id }) => id));
    return this.pages.page(
      'networks',
      rows,
      pageSize,
      network => network.name,
      network => view(network, counts.get(network.id)),
    );
  }

  @Endpoint('getNetwork')
  async get(@Input() { params }: InputOf<'getNetwork'>): Promise<Network> {
    const network = await this.find(params.network);
    const counts = await this.networks.nicCounts([network.id]);
    return view(network, counts.get(network.id));
  }

  @Endpoint('createNetwork')
  async create(@Input() { body, caller }: InputOf<'createNetwork'>): Promise<Network> {
    const message = serviceProblem(body);
    if (message) {
      throw new V3Error('INVALID_REQUEST', `subnet: ${message}`, { fields: [{ path: 'subnet', message }] });
    }
    const { name, subnet = null, dhcp, dns } = body;
    const project = body.project ?? caller.identity?.project ?? DEFAULT_PROJECT;
    const network = await this.networks.create({ name, project, subnet, dhcp, dns, managed: false });
    await this.vnet.reload();
    return view(network);
  }

  @Endpoint('deleteNetwork')
  async delete(@Input() { params }: InputOf<'deleteNetwork'>): Promise<object> {
    const network = await this.find(params.network);
    await this.assertNoCable(network);
    await this.networks.remove(network);
    await this.vnet.reload();
    return {};
  }

  /** @throws V3Error NETWORK_IN_USE */
  private async assertNoCable({ name }: NetworkEntity): Promise<void> {
    const cards = (await this.hosts.all()).flatMap(host =>
      host.nics.filter(nic => nic.network === name).map(nic => `${host.name}/${nic.name}`),
    );
    if (cards.length === 0) return;
    throw new V3Error(
      'NETWORK_IN_USE',
      `the cables of physical NICs lead to network ${name}: ${cards.join(', ')}; change that in the cluster file first`,
    );
  }

  private async find(idOrName: string): Promise<NetworkEntity> {
    const network = await this.networks.find(idOrName);
    if (!network) throw new V3Error('NETWORK_NOT_FOUND', `there is no network "${idOrName}"`);
    return network;
  }
}

function view({ id, name, project, subnet, dhcp, dns, createdAt }: NetworkEntity, nics = 0): Network {
  const service = (dhcp || dns) && subnet !== null ? serviceAddress(subnet) : null;
  return {
    id,
    name,
    project,
    subnet,
    dhcp,
    dns,
    serviceAddress: service,
    nics,
    createdAt: createdAt.toISOString(),
  };
}
