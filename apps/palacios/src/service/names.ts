import type { Bus, Stoppable } from '@v3vee/bus';
import { V3Error, vmChanged } from '@v3vee/contracts';
import type { Fleet } from '../lifecycle/fleet';
import type { HostsEntry, Log } from '../lifecycle/ports';

/** Many VMs change at once when a cluster starts: one look at the store serves them all. */
const QUIET_MS = 150;

export interface NamesOptions {
  bus: Bus;
  fleet: Fleet;
  definitions: { neighbours(): Promise<Map<string, HostsEntry[]>> };
  log: Log;
}

/**
 * Keeps the hosts files of running guests up to date: when a VM anywhere in the cluster changes, guests that
 * share a network with it learn its name.
 */
export class Names {
  readonly #subscription: Stoppable;
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: NamesOptions) {
    this.#subscription = options.bus.listen(vmChanged, '*', () => this.#later());
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#subscription.stop();
  }

  #later(): void {
    if (this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#tell().catch(thrown =>
        this.options.log.warn(
          { error: V3Error.from(thrown).message },
          'names not told; the next change does',
        ),
      );
    }, QUIET_MS);
    this.#timer.unref();
  }

  async #tell(): Promise<void> {
    const neighbours = await this.options.definitions.neighbours();
    for (const vm of this.options.fleet.all()) {
      const entries = neighbours.get(vm.id);
      if (entries) vm.machine?.setHosts(entries);
    }
  }
}
