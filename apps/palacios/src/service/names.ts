import type { Bus, Stoppable } from '@v3vee/bus';
import { V3Error, vmChanged } from '@v3vee/contracts';
import type { Fleet } from '../lifecycle/fleet';
import type { HostsEntry, Log } from '../lifecycle/ports';

/** Many VMs change at once when a cluster starts: one look at the store serves them all. */
const QUIET_MS = 150;
/** After the store was away. */
const AGAIN_MS = 1_000;

export interface NamesOptions {
  bus: Bus;
  fleet: Pick<Fleet, 'all'>;
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
  #stopped = false;

  constructor(private readonly options: NamesOptions) {
    this.#subscription = options.bus.listen(vmChanged, '*', () => this.#later());
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#subscription.stop();
  }

  #later(ms = QUIET_MS): void {
    if (this.#timer || this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#tell().catch(thrown => {
        this.options.log.warn({ error: V3Error.from(thrown).message }, 'names not told; again in a moment');
        this.#later(AGAIN_MS);
      });
    }, ms);
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
