import { V3Error, type VmStatus } from '@v3vee/contracts';
import type { VmDefinition, VmRepository, VmStatusRepository } from '@v3vee/store';
import { limiter } from './limiter';
import type { StatusRecord, VmHost } from './ports';
import { planRecovery, type Recovery } from './recovery';
import { Vm } from './vm';

/** Saving compresses and writes some 10 MiB for each guest; more at a time only take each other's core. */
const PARALLEL_SAVES = 2;

export interface FleetOptions {
  host: VmHost;
  vms: Pick<VmRepository, 'ofHost' | 'get'>;
  statuses: Pick<VmStatusRepository, 'get' | 'getMany'>;
}

/** The VMs of this host. */
export class Fleet {
  readonly #vms = new Map<string, Vm>();
  readonly #opening = new Map<string, Promise<Vm>>();
  #accepting = true;

  constructor(private readonly options: FleetOptions) {}

  all(): Vm[] {
    return [...this.#vms.values()];
  }

  known(vmId: string): Vm | undefined {
    return this.#vms.get(vmId);
  }

  statuses(): VmStatus[] {
    return this.all().map(vm => vm.status());
  }

  /**
   * Takes over the VMs that the store gives this host.
   * @returns what brings each to where it is wanted: it resolves when all of that has ended, well or not, which
   *   each VM's status tells
   */
  async takeOver(): Promise<() => Promise<void>> {
    const { host, vms, statuses } = this.options;
    const definitions = await vms.ofHost(host.name);
    const records = await statuses.getMany(definitions.map(({ id }) => id));
    const plans = definitions.map(definition => {
      const record = records.get(definition.id);
      const vm = this.#add(definition, record);
      return { vm, plan: planRecovery(record, host.incarnation) };
    });
    return async () => {
      await Promise.all(plans.map(({ vm, plan }) => this.#carryOut(vm, plan)));
    };
  }

  /**
   * For a verb: the VM, from the store if it is new here.
   * @throws V3Error VM_NOT_FOUND, SERVICE_UNAVAILABLE when Palacios shuts down
   */
  async get(vmId: string): Promise<Vm> {
    if (!this.#accepting) {
      throw new V3Error('SERVICE_UNAVAILABLE', `palacios on ${this.options.host.name} is shutting down`);
    }
    const known = this.#vms.get(vmId);
    if (known) return known;
    let opening = this.#opening.get(vmId);
    if (!opening) {
      opening = this.#open(vmId).finally(() => this.#opening.delete(vmId));
      this.#opening.set(vmId, opening);
    }
    return opening;
  }

  async forget(vmId: string): Promise<void> {
    const vm = await this.get(vmId);
    await vm.forget();
    this.#vms.delete(vmId);
  }

  /** For a move to another host, which finds state and row in the store. */
  async send(vmId: string): Promise<VmStatus> {
    const status = await (await this.get(vmId)).send();
    this.#vms.delete(vmId);
    return status;
  }

  /** Goes on where another host sent it. A VM that could not is not this host's: the other one may have it back. */
  async receive(vmId: string): Promise<VmStatus> {
    const vm = await this.get(vmId);
    try {
      return await vm.receive();
    } catch (thrown) {
      this.#vms.delete(vmId);
      throw thrown;
    }
  }

  /** No verb is accepted any more; those under way end, then every guest is saved. */
  async shutDown(): Promise<void> {
    this.#accepting = false;
    const save = limiter(PARALLEL_SAVES);
    const left: Vm[] = [];
    const attempt = async (vm: Vm) => void ((await vm.putAway(false)) || left.push(vm));
    await Promise.all(this.all().map(vm => save(() => attempt(vm))));
    // Two that are written at the same time may be in each other's way where the disk is almost full.
    for (const vm of left) await vm.putAway();
  }

  async #open(vmId: string): Promise<Vm> {
    const definition = await this.options.host.definitions.get(vmId);
    const record = await this.options.statuses.get(vmId);
    return this.#vms.get(vmId) ?? this.#add(definition, record ?? undefined);
  }

  #add(definition: VmDefinition, record: StatusRecord | undefined): Vm {
    const vm = new Vm(this.options.host, definition, record);
    this.#vms.set(vm.id, vm);
    return vm;
  }

  async #carryOut(vm: Vm, plan: Recovery): Promise<void> {
    if (plan === 'nothing') return;
    this.options.host.log.info({ vm: vm.name, plan }, 'recovering a VM');
    await (plan === 'resume' ? vm.bringBack() : vm.afterKill());
    this.options.host.log.info({ vm: vm.name, ...vm.status() }, 'recovered a VM');
  }
}
