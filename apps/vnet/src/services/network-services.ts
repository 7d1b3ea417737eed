import { BeforeApplicationShutdown, Injectable, OnApplicationBootstrap } from '@nestjs/common';
import { Bus, type Stoppable } from '@v3vee/bus';
import { serviceProblem, V3Error, vmChanged } from '@v3vee/contracts';
import { Members, OverlayNode } from '@v3vee/overlay';
import {
  AccessPointRepository,
  DhcpLeaseRepository,
  NetworkRepository,
  storeError,
  VmRepository,
  VmStatusRepository,
  VnetLinkRepository,
  type NetworkEntity,
} from '@v3vee/store';
import { PinoLogger } from 'nestjs-pino';
import { membersByNetwork } from './members';
import { ServedNetwork, type ServedNetworkSpec } from './served-network';

/** Many VMs change at once when a cluster starts: one look at the store serves them all. */
const QUIET_MS = 150;
/** Stations that nobody knows do not make us look at the store more often, ms. */
const STRANGERS_MS = 1_000;
const ETHERNET_MTU = 1_500;

/** Attaches the DHCP and DNS service of each network that wants one, and keeps it informed about the VMs. */
@Injectable()
export class NetworkServices implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly served = new Map<string, ServedNetwork>();
  private subscription: Stoppable | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** One reading at a time, in the order of asking. */
  private turn: Promise<unknown> = Promise.resolve();
  private refreshedAt = -Infinity;
  private refreshing: Promise<void> | undefined;

  constructor(
    private readonly bus: Bus,
    private readonly node: OverlayNode,
    private readonly networks: NetworkRepository,
    private readonly links: VnetLinkRepository,
    private readonly leases: DhcpLeaseRepository,
    private readonly vms: VmRepository,
    private readonly statuses: VmStatusRepository,
    private readonly accessPoints: AccessPointRepository,
    private readonly log: PinoLogger,
  ) {
    log.setContext('Services');
  }

  onApplicationBootstrap(): void {
    this.subscription = this.bus.listen(vmChanged, '*', () => this.refreshLater());
  }

  beforeApplicationShutdown(): void {
    clearTimeout(this.timer);
    this.subscription?.stop();
  }

  all(): ServedNetwork[] {
    return [...this.served.values()];
  }

  /**
   * Resolves when each network has the services that the store says.
   * @throws what reading the store throws; then all is as it was
   */
  converge(): Promise<void> {
    const work = this.turn.then(() => this.read());
    this.turn = work.catch(() => undefined);
    return work;
  }

  private async read(): Promise<void> {
    const wanted = await this.wanted();
    const members = await this.members();
    const leases = new Map<string, Awaited<ReturnType<DhcpLeaseRepository['ofNetwork']>>>();
    for (const { id } of wanted) leases.set(id, await this.leases.ofNetwork(id));
    const stays = new Set(wanted.map(({ id }) => id));
    for (const { spec } of this.all()) if (!stays.has(spec.id)) await this.remove(spec.id);
    for (const spec of wanted) {
      const ofNetwork = members.get(spec.id) ?? new Members();
      if (this.served.get(spec.id)?.isAs(spec)) this.served.get(spec.id)?.setMembers(ofNetwork);
      else {
        await this.remove(spec.id);
        await this.add(spec, ofNetwork, leases.get(spec.id) ?? []);
      }
    }
  }

  private async wanted(): Promise<ServedNetworkSpec[]> {
    const [networks, links] = [await this.networks.all(), await this.links.allConfigs()];
    return networks.flatMap(network => {
      const { id, name, vni, subnet, dhcp, dns } = network;
      if (!(dhcp || dns) || subnet === null || !this.isFit(network)) return [];
      const smallest = Math.min(...links.filter(link => link.vni === vni).map(link => link.mtu));
      return [{ id, name, vni, subnet, dhcp, dns, mtu: smallest < ETHERNET_MTU ? smallest : null }];
    });
  }

  private isFit(network: NetworkEntity): boolean {
    const problem = serviceProblem(network);
    if (problem) this.log.warn({ network: network.name, problem }, 'the network has no services');
    return problem === undefined;
  }

  private async add(
    spec: ServedNetworkSpec,
    members: Members,
    leases: Awaited<ReturnType<DhcpLeaseRepository['ofNetwork']>>,
  ): Promise<void> {
    const network = new ServedNetwork({
      spec,
      members,
      leases,
      save: lease => this.leases.save(spec.id, lease),
      send: (port, frames) => this.node.transmit(port, frames),
      onFailure: thrown =>
        this.log.warn(
          { network: spec.name, error: V3Error.from(thrown).message },
          'a lease could not be written down; the guest will ask again',
        ),
      onStranger: () => this.refreshForStranger(),
    });
    this.served.set(spec.id, network);
    await this.node.attach(network.port);
    this.log.info({ network: spec.name, dhcp: spec.dhcp, dns: spec.dns }, 'the network is served');
  }

  private async remove(id: string): Promise<void> {
    const network = this.served.get(id);
    if (!network) return;
    this.served.delete(id);
    await this.node.detach(network.port);
  }

  private async members(): Promise<Map<string, Members>> {
    const vms = await this.vms.all();
    const statuses = await this.statuses.getMany(vms.map(({ id }) => id));
    const networks = membersByNetwork(vms, statuses, await this.accessPoints.all());
    return new Map([...networks].map(([id, members]) => [id, new Members(members)]));
  }

  private refreshLater(): void {
    if (this.timer) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      void this.refresh();
    }, QUIET_MS);
    this.timer.unref();
  }

  private async refreshForStranger(): Promise<void> {
    if (performance.now() - this.refreshedAt >= STRANGERS_MS) await this.refresh();
    else await this.refreshing;
  }

  /** Tells the services what VMs there are; never fails. */
  private refresh(): Promise<void> {
    this.refreshedAt = performance.now();
    const refreshing = this.turn.then(() => this.readMembers());
    this.turn = refreshing;
    this.refreshing = refreshing;
    return refreshing;
  }

  private async readMembers(): Promise<void> {
    if (this.served.size === 0) return;
    try {
      const members = await this.members();
      for (const network of this.all()) network.setMembers(members.get(network.spec.id) ?? new Members());
    } catch (thrown) {
      const error = V3Error.from(storeError(thrown)).message;
      this.log.warn({ error }, 'the VMs could not be read; the next change does');
    }
  }
}
