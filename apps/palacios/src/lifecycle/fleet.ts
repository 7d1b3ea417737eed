import { V3Error, type VmStatus } from '@v3vee/contracts';
import type { VmDefinition, VmRepository, VmStatusRepository } from '@v3vee/store';
import { limiter } from './limiter';
import type { Machine, StatusRecord, VmHost } from './ports';
import { inherited, mayBeHandedOver, planRecovery, type Recovery } from './recovery';
import { Vm, type Leaving } from './vm';

/** Saving compresses and writes some 10 MiB for each guest; more at a time only take each other's core. */
const PARALLEL_SAVES = 2;

export interface FleetOptions {
  host: VmHost;
  vms: Pick<VmRepository, 'ofHost' | 'swapOwner'>;
  statuses: Pick<VmStatusRepository, 'get' | 'getMany'>;
}

/** The VMs of this host. */
export class Fleet {
  readonly #vms = new Map<string, Vm>();
  readonly #opening = new Map<string, Promise<Vm>>();
  /** VMs that are on their way here, since which term of the lease. */
  readonly #arriving = new Map<string, number>();
  #accepting = true;

  constructor(private readonly options: FleetOptions) {}

  all(): Vm[] {
    return [...this.#vms.values()];
  }

  known(vmId: string): Vm | undefined {
    return this.#vms.get(vmId);
  }

  statuses(): VmStatus[] {
    const { lease, name } = this.options.host;
    const statuses = this.all().map(vm => vm.status());
    if (lease.held) return statuses;
    const reason = `stands still: the lease of host ${name} is over`;
    return statuses.map(status =>
      status.state === 'RUNNING' || status.state === 'SIMULATING'
        ? { ...status, state: 'PAUSED', reason }
        : status,
    );
  }

  /**
   * Takes over the VMs that the store gives this host.
   * @returns what brings each to where it is wanted: it resolves when all of that has ended, well or not, which
   *   each VM's status tells
   */
  async takeOver(): Promise<() => Promise<void>> {
    const { host, vms, statuses } = this.options;
    const { term } = host.lease;
    const definitions = await vms.ofHost(host.name);
    const records = await statuses.getMany(definitions.map(({ id }) => id));
    const owned: { own: VmDefinition; record: StatusRecord | undefined; plan: Recovery }[] = [];
    for (const definition of definitions) {
      const record = records.get(definition.id);
      const plan = planRecovery(record, host.incarnation, definition.failover);
      if (plan === 'yield') {
        host.log.warn({ vm: definition.name }, 'a VM whose palacios was killed is to go on elsewhere');
        continue;
      }
      const fenced = plan === 'restart' || mayBeHandedOver(record, host.incarnation);
      const own = fenced ? await this.#fence(definition) : definition;
      if (own) owned.push({ own, record, plan });
    }
    if (host.lease.term !== term) return this.takeOver();
    const plans = owned.map(({ own, record, plan }) => ({ vm: this.#add(own, record), plan }));
    return async () => {
      await Promise.all(plans.map(({ vm, plan }) => this.#carryOut(vm, plan)));
    };
  }

  /**
   * For a verb: the VM, from the store if it is new here.
   * @throws V3Error VM_NOT_FOUND, SERVICE_UNAVAILABLE when Palacios shuts down or has no lease
   */
  async get(vmId: string): Promise<Vm> {
    this.#requireOpen();
    if (this.#arriving.has(vmId)) {
      throw new V3Error('VM_BUSY', `VM ${vmId} is coming to this host; try again when it is here`);
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

  // ---- moves between hosts ----------------------------------------------------------------------------------

  /**
   * Moves a VM to another host.
   * @throws V3Error what `Vm.leave` throws, VM_NOT_FOUND
   */
  async leave(vmId: string, target: string, move: (leaving: Leaving) => Promise<boolean>): Promise<void> {
    const vm = await this.get(vmId);
    if (!(await vm.leave(target, move))) this.#vms.delete(vmId);
  }

  /** For a VM that comes: nothing is done with it here until `moveIn` or `forgo`. @throws V3Error VM_BUSY, SERVICE_UNAVAILABLE */
  expect(vmId: string): void {
    this.#requireOpen();
    if (this.#arriving.has(vmId)) throw new V3Error('VM_BUSY', `VM ${vmId} is coming to this host already`);
    const known = this.#vms.get(vmId);
    if (known?.machine || known?.isBusy) throw new V3Error('VM_BUSY', `VM ${known.name} is on this host`);
    this.#vms.delete(vmId);
    this.#arriving.set(vmId, this.options.host.lease.term);
  }

  isArriving(vmId: string): boolean {
    return this.#arriving.has(vmId);
  }

  /** It does not come. */
  forgo(vmId: string): void {
    this.#arriving.delete(vmId);
  }

  /**
   * A VM that has become this host's with its machine.
   * @returns what `Vm.moveIn` returns
   * @throws V3Error VM_NOT_FOUND: it is another's by now
   */
  async moveIn(
    definition: VmDefinition,
    machine: Machine,
    record: StatusRecord,
    source: string,
  ): Promise<() => Promise<void>> {
    const { lease, definitions } = this.options.host;
    for (let term = this.#arriving.get(definition.id); term !== lease.term;) {
      term = lease.term;
      if ((await definitions.get(definition.id)).epoch === definition.epoch) continue;
      throw new V3Error('VM_NOT_FOUND', `VM ${definition.name} has been taken from this host meanwhile`);
    }
    const vm = this.#add(definition, record);
    this.#arriving.delete(vm.id);
    return vm.moveIn(machine, record.state === 'PAUSED' ? 'paused' : 'running', source);
  }

  // ---- the host's lease -----------------------------------------------------------------------------------------

  standStill(): void {
    for (const vm of this.#vms.values()) vm.suspend();
  }

  settle(owned: readonly VmDefinition[]): void {
    const { host } = this.options;
    const epochs = new Map(owned.map(({ id, epoch }) => [id, epoch]));
    for (const vm of this.all()) {
      const epoch = epochs.get(vm.id);
      // A newer epoch of this host's own is one that it has made itself: it has taken back what was on its way.
      if (epoch === vm.definition.epoch || (epoch !== undefined && vm.isBusy)) continue;
      this.#vms.delete(vm.id);
      host.log.warn(
        { vm: vm.name, epoch: vm.definition.epoch },
        'a VM was taken from this host; it is discarded',
      );
      void vm.evict();
    }
  }

  goOn(): void {
    for (const vm of this.#vms.values()) void vm.goOn();
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

  /**
   * Under a new epoch: a hand-over that an earlier Palacios began can't come to its end any more, nor can the gateway give
   * the VM to another host. Null: either just has.
   */
  #fence({ id, epoch }: VmDefinition): Promise<VmDefinition | null> {
    const { name } = this.options.host;
    return this.options.vms.swapOwner(id, { from: name, epoch, to: name });
  }

  #requireOpen(): void {
    const { name, lease } = this.options.host;
    if (!this.#accepting) throw new V3Error('SERVICE_UNAVAILABLE', `palacios on ${name} is shutting down`);
    if (!lease.held) {
      throw new V3Error(
        'SERVICE_UNAVAILABLE',
        `the lease of host ${name} is over; its guests stand still until it is back`,
      );
    }
  }

  async #open(vmId: string): Promise<Vm> {
    const { definitions, lease, incarnation } = this.options.host;
    const { term } = lease;
    let definition = await definitions.get(vmId);
    const record = await this.options.statuses.get(vmId);
    const plan = planRecovery(record ?? undefined, incarnation, definition.failover);
    if (record?.epoch === definition.epoch && (plan === 'yield' || plan === 'restart')) {
      // Somebody wants something of it before the gateway has seen to it: whoever is first has it.
      const own = await this.#fence(definition);
      if (!own) return this.#open(vmId);
      definition = own;
    }
    if (lease.term !== term) return this.#open(vmId);
    return (
      this.#vms.get(vmId) ?? this.#add(definition, record ? inherited(record, definition.epoch) : undefined)
    );
  }

  #add(definition: VmDefinition, record: StatusRecord | undefined): Vm {
    const vm = new Vm(this.options.host, definition, record);
    this.#vms.set(vm.id, vm);
    return vm;
  }

  async #carryOut(vm: Vm, plan: Recovery): Promise<void> {
    if (plan === 'nothing' || plan === 'yield') return;
    this.options.host.log.info({ vm: vm.name, plan }, 'recovering a VM');
    await (plan === 'resume' ? vm.bringBack() : vm.afterKill());
    this.options.host.log.info({ vm: vm.name, ...vm.status() }, 'recovered a VM');
  }
}
