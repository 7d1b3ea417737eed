import { Injectable } from '@nestjs/common';
import { V3Error, type Host } from '@v3vee/contracts';
import { Config } from '@v3vee/service';
import { HostLeaseRepository, HostRepository, type HostEntity, type HostLease } from '@v3vee/store';
import type { GatewayConfig } from '../config';
import { HostDirectory } from './host-directory';

/** Puts together what a host is declared to be, what is heard of it, and its lease. */
@Injectable()
export class HostViews {
  constructor(
    private readonly hosts: HostRepository,
    private readonly directory: HostDirectory,
    private readonly leases: HostLeaseRepository,
    @Config() private readonly config: GatewayConfig,
  ) {}

  async all(): Promise<Host[]> {
    return this.viewAll(await this.hosts.all());
  }

  async viewAll(hosts: HostEntity[]): Promise<Host[]> {
    const leases = await this.allLeases();
    return hosts.map(host => this.view(host, leases.get(host.name)));
  }

  async find(name: string): Promise<Host | null> {
    const host = await this.hosts.find(name);
    return host && this.view(host, (await this.allLeases()).get(name));
  }

  /** @throws V3Error HOST_NOT_FOUND */
  async show(name: string): Promise<Host> {
    const host = await this.find(name);
    if (!host) throw new V3Error('HOST_NOT_FOUND', `there is no host "${name}"`);
    return host;
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
