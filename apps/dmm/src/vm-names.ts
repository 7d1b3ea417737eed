import { Injectable } from '@nestjs/common';
import { VmRepository } from '@v3vee/store';

const MAX_NAMES = 10_000;

/** Names of VMs, for texts that people read. Nothing waits for one that is not known yet. */
@Injectable()
export class VmNames {
  private readonly names = new Map<string, string>();
  private readonly asked = new Set<string>();

  constructor(private readonly vms: VmRepository) {}

  of(vmId: string): string {
    return this.names.get(vmId) ?? `VM ${vmId}`;
  }

  /** To be called when a VM turns up, well before its name is needed. */
  learn(vmId: string): void {
    if (this.names.has(vmId) || this.asked.has(vmId)) return;
    this.asked.add(vmId);
    this.vms
      .get(vmId)
      .then(vm => vm && this.names.set(vmId, vm.name))
      // Its next wish tries again; until then it goes by its id.
      .catch(() => undefined)
      .finally(() => this.asked.delete(vmId));
    if (this.names.size > MAX_NAMES) this.names.delete(this.names.keys().next().value as string);
  }
}
