import { Injectable } from '@nestjs/common';
import { Config } from '@v3vee/service';
import { HostLeaseRepository, HostRepository, VmRepository, VmStatusRepository } from '@v3vee/store';
import type { GatewayConfig } from '../config';
import { HostDirectory } from '../hosts/host-directory';
import type { Candidate } from './placement';

/** The hosts that a VM could go to, as they are now. */
@Injectable()
export class Candidates {
  constructor(
    private readonly hosts: HostRepository,
    private readonly leases: HostLeaseRepository,
    private readonly vms: VmRepository,
    private readonly statuses: VmStatusRepository,
    private readonly directory: HostDirectory,
    @Config() private readonly config: GatewayConfig,
  ) {}

  /** All but one, whose VM it is; with a complaint of it, that one is among them and refused for that. */
  async without(host: string, suspicion = ''): Promise<Candidate[]> {
    const [hosts, leases, vms] = await Promise.all([
      this.hosts.all(),
      this.leases.all(this.config.V3_LEASE_MARGIN_SECONDS),
      this.vms.all(),
    ]);
    const statuses = await this.statuses.getMany(vms.map(({ id }) => id));
    return hosts
      .filter(({ name }) => name !== host || suspicion)
      .map(({ name, cordoned, nics, radios }) => {
        const { ready, reason } = this.directory.readiness(name);
        const lease = leases.get(name);
        const standing = !lease || lease.expired ? 'it does not hold its lease' : '';
        const inventory = this.directory.inventory(name);
        const there = vms.filter(({ ownerHost }) => ownerHost === name);
        // Given to it, and not asked of its Kitten yet.
        const coming = there.filter(vm => (statuses.get(vm.id)?.epoch ?? vm.epoch) < vm.epoch);
        const comingMiB = coming.reduce((sum, { memoryMiB }) => sum + memoryMiB, 0);
        return {
          ...{ name, cordoned, nics, radios },
          complaint: name === host ? suspicion : ready ? standing : reason,
          memoryFreeMiB: (inventory?.memoryFreeMiB ?? 0) - comingMiB,
          memoryLargestHoleMiB: (inventory?.memoryLargestHoleMiB ?? 0) - comingMiB,
          guestPlacesFree: (inventory?.guestPlacesFree ?? 0) - coming.length,
          uses: there.flatMap(vm =>
            vm.nics.flatMap(({ device, access }) =>
              device === null || access === null ? [] : [{ vm: vm.name, device, access }],
            ),
          ),
        };
      });
  }
}
