import { V3Error } from '@v3vee/contracts';
import type { VmDefinition, VmRepository } from '@v3vee/store';
import type { Definitions, HostsEntry } from '../lifecycle/ports';

/** The definitions of this host's VMs, as the gateway wrote them. */
export class StoredDefinitions implements Definitions {
  constructor(
    private readonly host: string,
    private readonly repository: Pick<VmRepository, 'get' | 'all'>,
  ) {}

  async get(vmId: string): Promise<VmDefinition> {
    const definition = await this.repository.get(vmId);
    if (!definition) throw new V3Error('VM_NOT_FOUND', `there is no virtual machine ${vmId}`);
    // One owner, provably: whatever asked, a VM of another host is never run here.
    if (definition.ownerHost !== this.host) {
      throw new V3Error(
        'VM_NOT_FOUND',
        `VM ${definition.name} belongs to host ${definition.ownerHost}, not to ${this.host}`,
      );
    }
    return definition;
  }

  /** Of each VM: the addresses of the others by name, where both have a NIC on one network. */
  async neighbours(): Promise<Map<string, HostsEntry[]>> {
    return neighbours(await this.repository.all());
  }
}

/**
 * Hosts entries for each VM: every other VM with an address on a network that it shares. One that is reachable
 * on several networks is named once, by its first NIC on a shared one.
 */
export function neighbours(
  vms: readonly Pick<VmDefinition, 'id' | 'name' | 'nics'>[],
): Map<string, HostsEntry[]> {
  return new Map(
    vms.map(vm => {
      const networks = new Set(vm.nics.map(nic => nic.networkId));
      const entries = vms.flatMap(({ id, name, nics }) => {
        if (id === vm.id) return [];
        const nic = nics.find(({ networkId, ip }) => ip !== null && networks.has(networkId));
        return nic?.ip ? [{ name, address: nic.ip.split('/')[0] as string }] : [];
      });
      return [vm.id, entries];
    }),
  );
}
