import { Controller } from '@nestjs/common';
import { V3Error, type Host, type List, type Operation } from '@v3vee/contracts';
import { Config } from '@v3vee/service';
import { HostLeaseRepository, HostRepository, type HostEntity, type HostLease } from '@v3vee/store';
import type { GatewayConfig } from '../config';
import { HostMaintenance } from '../failover/host-maintenance.service';
import { Endpoint, Input, type InputOf } from '../http/endpoint';
import { PageTokens } from '../http/page-tokens';
import { HostDirectory } from './host-directory';

@Controller()
export class HostsController {
  constructor(
    private readonly hosts: HostRepository,
    private readonly directory: HostDirectory,
    private readonly leases: HostLeaseRepository,
    private readonly maintenance: HostMaintenance,
    private readonly pages: PageTokens,
    @Config() private readonly config: GatewayConfig,
  ) {}

  @Endpoint('listHosts')
  async list(@Input() { query }: InputOf<'listHosts'>): Promise<List<Host>> {
    const { pageSize, pageToken } = query;
    const after = pageToken === undefined ? undefined : (this.pages.open('hosts', pageToken) as string);
    const rows = await this.hosts.list({ after, limit: pageSize + 1 });
    const leases = await this.allLeases();
    return this.pages.page(
      'hosts',
      rows,
      pageSize,
      host => host.name,
      host => this.view(host, leases.get(host.name)),
    );
  }

  @Endpoint('getHost')
  async get(@Input() { params }: InputOf<'getHost'>): Promise<Host> {
    return this.show(params.host);
  }

  @Endpoint('cordonHost')
  async cordon(@Input() { params }: InputOf<'cordonHost'>): Promise<Host> {
    await this.maintenance.cordon(params.host, true);
    return this.show(params.host);
  }

  @Endpoint('uncordonHost')
  async uncordon(@Input() { params }: InputOf<'uncordonHost'>): Promise<Host> {
    await this.maintenance.cordon(params.host, false);
    return this.show(params.host);
  }

  @Endpoint('drainHost')
  drain(@Input() { params, caller }: InputOf<'drainHost'>): Promise<Operation> {
    return this.maintenance.drain(params.host, caller);
  }

  private async show(name: string): Promise<Host> {
    const host = await this.hosts.find(name);
    if (!host) throw new V3Error('HOST_NOT_FOUND', `there is no host "${name}"`);
    return this.view(host, (await this.allLeases()).get(name));
  }

  private allLeases(): Promise<Map<string, HostLease>> {
    return this.leases.all(this.config.V3_LEASE_MARGIN_SECONDS);
  }

  /** As declared (where cables lead is not Kitten's to know), with what its Kitten says is free; of a silent host nothing. */
  private view(
    { name, memoryMiB, cores, nics, radios, cordoned }: HostEntity,
    lease: HostLease | undefined,
  ): Host {
    const { ready, reason } = this.directory.readiness(name);
    const inventory = this.directory.inventory(name);
    return {
      name,
      state: ready ? 'READY' : 'NOT_READY',
      reason,
      memoryMiB: inventory?.memoryMiB ?? memoryMiB,
      memoryFreeMiB: inventory?.memoryFreeMiB ?? 0,
      memoryLargestHoleMiB: inventory?.memoryLargestHoleMiB ?? 0,
      cores: inventory?.cores ?? cores,
      coresFree: inventory?.coresFree ?? 0,
      nics,
      // Kitten has them as they were when it started; they may have been moved.
      radios,
      vms: inventory?.allocations.filter(({ task }) => task.startsWith('vm/')).length ?? 0,
      cordoned,
      lease: leaseState(lease),
      leaseExpiresAt: lease?.expiresAt.toISOString() ?? null,
      heardAt: this.directory.heardAt(name)?.toISOString() ?? null,
    };
  }
}

function leaseState(lease: HostLease | undefined): Host['lease'] {
  if (!lease) return 'NONE';
  if (lease.lost) return 'LOST';
  return lease.expired ? 'EXPIRED' : 'HELD';
}
