/** How many VMs are remembered; those that were heard of last. */
const MAX_VMS = 10_000;

/**
 * The latest epoch heard of each VM. It grows each time that the VM changes its host: who speaks for an older one does
 * not know yet that it has the VM no more.
 */
export class Epochs {
  private readonly latest = new Map<string, number>();

  /** @returns how this epoch compares with the latest, which it then is if it is `newer` (or the first) */
  heard(vmId: string, epoch: number): 'stale' | 'same' | 'newer' {
    const known = this.latest.get(vmId);
    if (known !== undefined && epoch < known) return 'stale';
    this.latest.delete(vmId);
    this.latest.set(vmId, epoch);
    if (this.latest.size > MAX_VMS) this.latest.delete(this.latest.keys().next().value as string);
    return epoch === known ? 'same' : 'newer';
  }
}
