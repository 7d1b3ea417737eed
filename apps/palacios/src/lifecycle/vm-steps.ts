import { V3Error, type VmStatus } from '@v3vee/contracts';
import type { MachineCut } from '@v3vee/machine';
import type { SnapshotEntity, VmDefinition } from '@v3vee/store';
import { GuestWatch } from './guest-watch';
import type { GuestEnd, Machine, RestoreOptions, StatusRecord, VmHost } from './ports';
import { VerbLock } from './verb-lock';
import { VmRecord, type Change } from './vm-record';
import { within } from './within';

/** A worker that does not stand still within this time is stuck and is ended. */
const PAUSE_MS = 10_000;
/** At its first run a machine joins its networks and tells the guest who it is; many may start at once. */
export const RUN_MS = 60_000;
/** Copying the memory of a guest of 1 GiB takes a second or two on a busy machine. */
const SAVE_MS = 20_000;

export type Goal = 'running' | 'paused';

/** What the verbs of a VM are made of: its one machine, how another takes its place, and what its row says. */
export abstract class VmSteps {
  readonly id: string;
  protected readonly record: VmRecord;
  protected readonly lock = new VerbLock();
  protected readonly watch: GuestWatch;
  protected current: VmDefinition;
  protected present: Machine | undefined;
  /** Another host has it: nothing of it may run here any more. */
  #evicted = false;

  /** @param record what the store says of it; none for a VM that never ran here */
  constructor(
    protected readonly host: VmHost,
    definition: VmDefinition,
    record: StatusRecord | undefined,
  ) {
    this.id = definition.id;
    this.current = definition;
    // From here on the row is ours: an incarnation in the store that is not the present one means a crash.
    const mine = { host: host.name, epoch: definition.epoch, incarnation: host.incarnation };
    this.record = new VmRecord({ ...(record ?? neverStarted(definition)), ...mine }, host.status);
    this.watch = new GuestWatch(seen => void this.record.update(seen));
  }

  get name(): string {
    return this.current.name;
  }
  get definition(): VmDefinition {
    return this.current;
  }
  get machine(): Machine | undefined {
    return this.present;
  }
  /** Whether anything is under way with it. */
  get isBusy(): boolean {
    return this.lock.current !== undefined;
  }
  status(): VmStatus {
    return this.record.status();
  }

  // ---- the host's lease; none of it fails -----------------------------------------------------------------------

  /** It is over: nothing of the guest runs from now on, whatever is being done with it. */
  suspend(): void {
    if (!this.present) return;
    this.watch.leave();
    // One that does not hear it is stopped by the word that its thread looks at.
    this.present.pause().catch(() => undefined);
  }

  /** It is back, and the VM is still this host's. */
  async goOn(): Promise<void> {
    await this.lock.wait('going on', async () => {
      if (!this.present || this.record.now.state !== 'RUNNING') return;
      await this.go().then(
        () => this.follow(),
        () => undefined,
      );
    });
  }

  /** It is another host's. Waits for nothing that is being done with it: that fails when it comes to run the guest. */
  async evict(): Promise<void> {
    this.#evicted = true;
    await this.discard();
  }

  protected requireOwned(): void {
    if (!this.#evicted) return;
    throw new V3Error('VM_NOT_FOUND', `VM ${this.name} is not host ${this.host.name}'s any more`);
  }

  /** The state of the machine, which stands still, and the row that says so: both or none. */
  protected async writeState(reason: string): Promise<void> {
    const state = await this.capture();
    await this.host.states.write(
      state,
      ({ digest }, transaction) =>
        this.record.commit('STOPPED', reason, { ...gone, resumeState: digest }, record =>
          this.host.status.writeWith(record, transaction),
        ),
      { beyondQuota: true },
    );
  }

  protected async define(): Promise<VmDefinition> {
    this.current = await this.host.definitions.get(this.id);
    return this.current;
  }

  /**
   * A new machine takes the place of the present one, if there is one. That one is left alone until the new one
   * is complete, so that nothing is lost when it can't be made. Without one, memory and a core are asked for
   * first, and given back when the new machine does not come to run.
   * @param why in words that "failed" can follow
   */
  protected async renew(make: () => Promise<Machine>, why: string, goal: Goal): Promise<void> {
    const old = this.present;
    try {
      await this.host.building(async () => {
        // A machine begins with all of its memory, whatever the balloon of the one before has given back.
        if (old) await this.host.resources.resize(this.id, this.current.memoryMiB);
        else await this.host.resources.take(this.id, this.current.memoryMiB);
        const machine = await make();
        if (this.record.now.state !== 'STOPPED') void this.record.move('RESETTING', why, { desired: goal });
        await this.close();
        this.adopt(machine);
        this.requireOwned();
        if (goal === 'running') await this.go();
      });
    } catch (thrown) {
      // The old machine is untouched, and so is what the status says of it.
      if (old && this.present === old) throw thrown;
      await this.discard();
      const reason = `${why} failed: ${V3Error.from(thrown).message}`;
      const stopped = this.record.now.state === 'STOPPED';
      await this.record.move(stopped ? 'STOPPED' : 'ERROR', reason, stopped ? { desired: 'stopped' } : {});
      throw thrown;
    }
    if (goal === 'running') this.follow();
  }

  protected adopt(machine: Machine): void {
    this.present = machine;
    // They may have changed while it was being made.
    for (const [index, { settings }] of this.current.nics.entries()) machine.setNic(index, settings);
    void machine.ended.then(end => this.lock.wait('the end of the guest', () => this.onEnd(machine, end)));
  }

  /** What it was, or was to become, when its Palacios went. */
  protected goal(): Goal {
    return this.record.now.desired === 'paused' ? 'paused' : 'running';
  }

  protected follow(): void {
    const expected = this.current.nics.filter(nic => nic.ip !== null || nic.dhcp).length;
    if (this.present) this.watch.follow(this.present, expected);
  }

  /** The machine alone; Kitten's memory stays with the VM for the machine that follows. */
  protected async close(): Promise<void> {
    const machine = this.present;
    this.present = undefined;
    this.watch.leave();
    await machine?.close();
  }

  protected async discard(): Promise<void> {
    await this.close();
    await this.host.resources.giveBack(this.id);
  }

  protected async resumeSaved(goal: Goal): Promise<void> {
    const digest = this.record.now.resumeState;
    if (!digest) return;
    const from = 'the state saved at shut-down';
    try {
      const definition = await this.define();
      void this.record.move('STOPPED', `resuming from ${from}`, { desired: goal });
      const make = () => this.restored(definition, digest, { identity: false });
      await this.renew(make, `resuming from ${from}`, goal);
    } catch (thrown) {
      const error = V3Error.from(thrown);
      this.host.log.error({ vm: this.name, err: error }, 'a saved state could not be resumed');
      const kept = 'it is kept: start tries again, reset boots anew without it';
      const reason = `${from} could not be resumed (${error.message}); ${kept}`;
      await this.record.move('ERROR', reason, { desired: goal });
      throw error;
    }
    await this.arrive(goal, `resumed from ${from}`);
  }

  protected async restoreFrom(
    snapshot: SnapshotEntity,
    identity: boolean,
    reason: string,
    goal: Goal = 'running',
  ): Promise<void> {
    if (!identity && snapshot.vmId !== this.id) {
      throw new V3Error(
        'STATE_INCOMPATIBLE',
        `snapshot ${snapshot.name} is of VM ${snapshot.vmName}, not of ${this.name}; to go on from it as another VM, clone it`,
      );
    }
    const definition = await this.define();
    const make = () => {
      const changed = cards(definition.nics) !== cards(snapshot.nics);
      return this.restored(definition, snapshot.digest, { identity: identity || changed }).catch(thrown => {
        throw this.explained(thrown, snapshot);
      });
    };
    await this.renew(make, `going back to snapshot ${snapshot.name}`, goal);
    await this.arrive(goal, reason);
  }

  /** Hosts need not share a folder of saved states: then the reason is where it was saved. */
  private explained(thrown: unknown, { name, host }: SnapshotEntity): V3Error {
    const error = V3Error.from(thrown);
    if (host === this.host.name || error.code !== 'STATE_CORRUPT') return error;
    const here = `can't be used on ${this.host.name}`;
    return new V3Error(
      error.code,
      `snapshot ${name} was saved on host ${host} and ${here}: ${error.message}`,
      {
        cause: thrown,
      },
    );
  }

  protected async restored(
    definition: VmDefinition,
    digest: string,
    options: RestoreOptions,
  ): Promise<Machine> {
    const { machines, states } = this.host;
    return machines.restore(definition, await states.read(digest, await machines.base(definition)), options);
  }

  protected async startOver(why: string, reason = why, goal: Goal = 'running'): Promise<void> {
    await this.renew(() => this.host.machines.boot(this.current), why, goal);
    await this.arrive(goal, reason);
  }

  /** A state saved at shut-down is of no more use; no row names it any more when its file goes. */
  protected async arrive(goal: Goal, reason: string): Promise<void> {
    const saved = this.record.now.resumeState;
    const state = goal === 'running' ? 'RUNNING' : 'PAUSED';
    const { epoch } = this.current;
    const change = { epoch, startedAt: new Date(), desired: goal, resumeState: null };
    const durable = await this.record.move(state, reason, change);
    if (saved && durable) await this.host.states.release(saved);
  }

  protected standStill(): Promise<void> {
    return this.must(PAUSE_MS, 'stand still', machine => machine.pause());
  }
  protected async go(): Promise<void> {
    if (!this.host.lease.held) await this.host.lease.whenHeld();
    this.requireOwned();
    return this.must(RUN_MS, 'run', machine => machine.run());
  }
  protected capture(): Promise<MachineCut> {
    return this.must(SAVE_MS, 'save its state', machine => machine.capture());
  }

  /** A worker that does not do as told within the bound is ended: the host must not wait for it. */
  protected async must<T>(ms: number, what: string, ask: (machine: Machine) => Promise<T>): Promise<T> {
    const machine = this.present;
    if (!machine) throw new V3Error('GUEST_FAILED', `VM ${this.name} has no machine any more`);
    const detail = `the guest's worker did not ${what} in time and was ended`;
    try {
      return await within(ms, ask(machine), { code: 'TIMEOUT', detail });
    } catch (thrown) {
      if (V3Error.from(thrown).code !== 'TIMEOUT') throw thrown;
      await this.discard();
      if (this.record.now.state !== 'STOPPED') await this.record.move('ERROR', detail);
      throw new V3Error('GUEST_FAILED', `VM ${this.name}: ${detail}`, { cause: thrown });
    }
  }

  protected async onEnd(machine: Machine, end: GuestEnd): Promise<void> {
    if (machine !== this.present) return;
    this.host.log.info({ vm: this.name, ...end }, 'the guest ended');
    if (end.kind === 'reboot') {
      const goal = this.record.now.state === 'SIMULATING' ? 'paused' : 'running';
      await this.record.move('RESETTING', 'the guest asked for a reboot');
      await this.close();
      await this.startOver('the reboot', 'rebooted by the guest', goal).catch(() => undefined);
      return;
    }
    await this.discard();
    if (end.kind === 'poweroff') {
      await this.record.move('STOPPED', 'powered off by the guest', { desired: 'stopped' });
    } else {
      await this.record.move('ERROR', end.detail);
    }
  }
}

/** What a guest was told of its NICs: a state from before a change of it has to be told anew. */
const cards = (nics: readonly { mac: string; ip: string | null }[]) =>
  nics.map(({ mac, ip }) => `${mac} ${ip}`).join();

const gone = { agent: false, ips: [], startedAt: null } satisfies Change;

function neverStarted(definition: VmDefinition): Omit<StatusRecord, 'host' | 'epoch' | 'incarnation'> {
  return {
    vmId: definition.id,
    state: 'STOPPED',
    reason: 'never started',
    desired: 'stopped',
    resumeState: null,
    ...gone,
  };
}
