import {
  V3Error,
  verbStates,
  type NicSettings,
  type VmState,
  type VmStatus,
  type VmVerb,
} from '@v3vee/contracts';
import type { SnapshotEntity, StateSource, VmDefinition } from '@v3vee/store';
import { GuestWatch } from './guest-watch';
import type { GuestEnd, Machine, RestoreOptions, StatusRecord, VmHost } from './ports';
import { requireState } from './states';
import { VerbLock } from './verb-lock';
import { VmRecord, type Change } from './vm-record';
import { within } from './within';

/** A worker that does not stand still within this time is stuck and is ended. */
const PAUSE_MS = 10_000;
/** At its first run a machine joins its networks and tells the guest who it is; many may start at once. */
const RUN_MS = 60_000;
/** Copying the memory of a guest of 1 GiB takes a second or two on a busy machine. */
const SAVE_MS = 20_000;

/** One VM of this host: its verbs, one at a time, and what happens to it. States: see `states.ts`. */
export class Vm {
  readonly id: string;
  readonly #host: VmHost;
  readonly #record: VmRecord;
  readonly #lock = new VerbLock();
  readonly #watch: GuestWatch;
  #definition: VmDefinition;
  #machine: Machine | undefined;

  /** @param record what the store says of it; none for a VM that never ran here */
  constructor(host: VmHost, definition: VmDefinition, record: StatusRecord | undefined) {
    this.id = definition.id;
    this.#host = host;
    this.#definition = definition;
    // From here on the row is ours: an incarnation in the store that is not the present one means a crash.
    const mine = { host: host.name, epoch: definition.epoch, incarnation: host.incarnation };
    this.#record = new VmRecord({ ...(record ?? neverStarted(definition)), ...mine }, host.status);
    this.#watch = new GuestWatch(seen => void this.#record.update(seen));
  }

  get name(): string {
    return this.#definition.name;
  }
  get definition(): VmDefinition {
    return this.#definition;
  }
  get machine(): Machine | undefined {
    return this.#machine;
  }
  status(): VmStatus {
    return this.#record.status();
  }

  // ---- verbs ------------------------------------------------------------------------------------------------

  /** From its template or cold; a VM whose state was saved at shut-down goes on from there. */
  start(): Promise<VmStatus> {
    return this.#verb('start', async () => {
      if (this.#record.now.resumeState) return this.#resumeSaved('running');
      const definition = await this.#define();
      void this.#record.move('STOPPED', `starting ${source(definition.boot)}`, { desired: 'running' });
      await this.#renew(() => this.#host.machines.boot(definition), 'start', 'running');
      // Not every image can have a template.
      await this.#arrive('running', `started ${source(this.#machine?.origin)}`);
    });
  }

  /** At once, as by pulling the plug. A state saved at shut-down is kept. */
  stop(): Promise<VmStatus> {
    return this.#verb('stop', async () => {
      await this.#discard();
      const kept = this.#record.now.resumeState ? '; start resumes the state saved at shut-down' : '';
      await this.#record.move('STOPPED', `stopped${kept}`, { desired: 'stopped' });
    });
  }

  pause(): Promise<VmStatus> {
    return this.#verb('pause', async () => {
      await this.#standStill();
      this.#watch.leave();
      await this.#record.move('PAUSED', 'paused', { desired: 'paused', agent: false });
    });
  }

  resume(): Promise<VmStatus> {
    return this.#verb('resume', async () => {
      await this.#go();
      this.#follow();
      await this.#record.move('RUNNING', 'resumed', { desired: 'running' });
    });
  }

  /** A new machine, as by the reset button. Gives up a state saved at shut-down. */
  reset(): Promise<VmStatus> {
    return this.#verb('reset', async () => {
      await this.#define();
      await this.#startOver('reset');
    });
  }

  /** The guest stands still only while its memory is copied. */
  snapshot(name: string): Promise<SnapshotEntity> {
    return this.#allowed('snapshot', async () => {
      await this.#host.snapshots.requireFree(this.#definition, name);
      const wasRunning = this.#record.now.state === 'RUNNING';
      if (wasRunning) await this.#standStill();
      let state: StateSource;
      try {
        state = await this.#save();
      } catch (thrown) {
        if (wasRunning && this.#machine) await this.#go().catch(() => undefined);
        throw thrown;
      }
      if (wasRunning) await this.#go();
      return this.#host.snapshots.create(this.#definition, name, state);
    });
  }

  /** For a move to another host: the state is saved, and memory, core and devices here are free. */
  send(): Promise<VmStatus> {
    return this.#verb('migrate', async () => {
      const wasRunning = this.#record.now.state === 'RUNNING';
      try {
        if (wasRunning) await this.#standStill();
        await this.#writeState(`saved by ${this.#host.name} for its move to another host`);
      } catch (thrown) {
        if (wasRunning && this.#machine) await this.#go().catch(() => undefined);
        throw thrown;
      }
      await this.#discard();
    });
  }

  /** The other end of a move, or the first one again when it failed. @throws what resuming the state throws */
  async receive(): Promise<VmStatus> {
    await this.#lock.wait('receiving', () => this.#resumeSaved(this.#goal()));
    return this.status();
  }

  /** Goes back to the snapshot and runs; `identity`: it is another VM's, and this one is to be its clone. */
  restore(snapshotId: string, identity: boolean): Promise<VmStatus> {
    return this.#verb('restore', async () => {
      const snapshot = await this.#host.snapshots.get(snapshotId);
      const origin = snapshot.vmId === this.id ? '' : ` of ${snapshot.vmName}`;
      await this.#restoreFrom(snapshot, identity, `restored from snapshot ${snapshot.name}${origin}`);
    });
  }

  /** Its status and the state saved at shut-down go; its named snapshots stay. */
  forget(): Promise<void> {
    return this.#allowed('delete', async () => {
      const saved = this.#record.now.resumeState;
      await this.#host.status.forget(this.id);
      if (saved) await this.#host.states.release(saved);
    });
  }

  /** Asks the guest's agent now. */
  async refresh(): Promise<VmStatus> {
    await this.#watch.ask();
    return this.status();
  }

  /**
   * New settings of a NIC, as the store has them already: at once if there is a machine, and for the one that is
   * being made. @throws V3Error NIC_NOT_FOUND
   */
  setNic(index: number, settings: NicSettings): void {
    const { nics } = this.#definition;
    if (!nics[index]) {
      throw new V3Error('NIC_NOT_FOUND', `VM ${this.name} has ${nics.length} NICs; there is no net${index}`);
    }
    const changed = nics.map((nic, i) => (i === index ? { ...nic, settings } : nic));
    this.#definition = { ...this.#definition, nics: changed };
    this.#machine?.setNic(index, settings);
  }

  /** For what needs no lock: exec, console, telemetry. @throws V3Error VM_WRONG_STATE */
  machineFor(what: string, allowed: readonly VmState[]): Machine {
    requireState(this.#brief(), what, allowed);
    if (this.#machine) return this.#machine;
    throw new V3Error('VM_BUSY', `VM ${this.name} changes its machine just now; try ${what} again`);
  }

  // ---- what Palacios does of itself; none of it fails: the status says what happened --------------------------

  /** At start-up: goes on from the state saved at shut-down. */
  async bringBack(): Promise<void> {
    await this.#lock.wait('resuming', () => this.#resumeSaved(this.#goal()).catch(() => undefined));
  }

  /** At start-up: the Palacios that ran it was killed. */
  async afterKill(): Promise<void> {
    await this.#lock.wait('restarting', async () => {
      const killed = `palacios on ${this.#host.name} was killed`;
      const was = this.#goal();
      await this.#record.move('ERROR', `${killed} while the VM was ${was}`);
      const snapshot = await this.#host.snapshots.latest(this.id).catch(() => null);
      if (!snapshot) {
        await this.#record.move('ERROR', `${this.#record.now.reason}; it has no snapshot to restart from`);
        return;
      }
      try {
        const reason = `restarted from snapshot ${snapshot.name} after ${killed}`;
        await this.#restoreFrom(snapshot, false, reason, was);
      } catch (thrown) {
        const why = `could not be restarted from snapshot ${snapshot.name}: ${V3Error.from(thrown).message}`;
        await this.#record.move('ERROR', `${killed} while the VM was ${was}; it ${why}`);
      }
    });
  }

  /**
   * At shut-down: the guest's state is saved, so that the next Palacios can go on from it.
   * @param final false: a guest for whose state the disk has no room stays as it is, for another attempt
   * @returns whether it is put away, or lost and reported as that
   */
  putAway(final = true): Promise<boolean> {
    return this.#lock.wait('shutting down', async () => {
      if (!this.#machine) return true;
      const reason = `saved at the shut-down of palacios on ${this.#host.name}`;
      try {
        if (this.#record.now.state === 'RUNNING') await this.#standStill();
        await this.#writeState(reason);
      } catch (thrown) {
        const error = V3Error.from(thrown);
        if (!final && error.code === 'STORAGE_FULL') return false;
        this.#host.log.error({ vm: this.name, err: error }, 'a VM could not be saved at shut-down');
        await this.#record.move('ERROR', `could not be saved at shut-down: ${error.message}`);
      }
      await this.#discard();
      return true;
    });
  }

  /** The state of the machine, which stands still, and the row that says so: both or none. */
  async #writeState(reason: string): Promise<void> {
    const state = await this.#save();
    await this.#host.states.write(state, ({ digest }, transaction) =>
      this.#record.commit('STOPPED', reason, { ...gone, resumeState: digest }, record =>
        this.#host.status.writeWith(record, transaction),
      ),
    );
  }

  // ---- steps ------------------------------------------------------------------------------------------------

  async #verb(verb: VmVerb, work: () => Promise<unknown>): Promise<VmStatus> {
    await this.#allowed(verb, work);
    return this.status();
  }

  #allowed<T>(verb: VmVerb, work: () => Promise<T>): Promise<T> {
    return this.#lock.try(verb, this.name, async () => {
      requireState(this.#brief(), verb, verbStates[verb]);
      return work();
    });
  }

  #brief() {
    return { name: this.name, state: this.#record.now.state, reason: this.#record.now.reason };
  }

  async #define(): Promise<VmDefinition> {
    this.#definition = await this.#host.definitions.get(this.id);
    return this.#definition;
  }

  /**
   * A new machine takes the place of the present one, if there is one. That one is left alone until the new one
   * is complete, so that nothing is lost when it can't be made. Without one, memory and a core are asked for
   * first, and given back when the new machine does not come to run.
   * @param why in words that "failed" can follow
   */
  async #renew(make: () => Promise<Machine>, why: string, goal: Goal): Promise<void> {
    const old = this.#machine;
    try {
      await this.#host.building(async () => {
        if (!old) await this.#host.resources.take(this.id, this.#definition.memoryMiB);
        const machine = await make();
        if (this.#record.now.state !== 'STOPPED') void this.#record.move('RESETTING', why, { desired: goal });
        await this.#close();
        this.#adopt(machine);
        if (goal === 'running') await this.#go();
      });
    } catch (thrown) {
      // The old machine is untouched, and so is what the status says of it.
      if (old && this.#machine === old) throw thrown;
      await this.#discard();
      const reason = `${why} failed: ${V3Error.from(thrown).message}`;
      const stopped = this.#record.now.state === 'STOPPED';
      await this.#record.move(stopped ? 'STOPPED' : 'ERROR', reason, stopped ? { desired: 'stopped' } : {});
      throw thrown;
    }
    if (goal === 'running') this.#follow();
  }

  #adopt(machine: Machine): void {
    this.#machine = machine;
    // They may have changed while it was being made.
    for (const [index, { settings }] of this.#definition.nics.entries()) machine.setNic(index, settings);
    void machine.ended.then(end => this.#lock.wait('the end of the guest', () => this.#onEnd(machine, end)));
  }

  /** What it was, or was to become, when its Palacios went. */
  #goal(): Goal {
    return this.#record.now.desired === 'paused' ? 'paused' : 'running';
  }

  #follow(): void {
    const expected = this.#definition.nics.filter(nic => nic.ip !== null || nic.dhcp).length;
    if (this.#machine) this.#watch.follow(this.#machine, expected);
  }

  /** The machine alone; Kitten's memory stays with the VM for the machine that follows. */
  async #close(): Promise<void> {
    const machine = this.#machine;
    this.#machine = undefined;
    this.#watch.leave();
    await machine?.close();
  }

  async #discard(): Promise<void> {
    await this.#close();
    await this.#host.resources.giveBack(this.id);
  }

  async #resumeSaved(goal: Goal): Promise<void> {
    const digest = this.#record.now.resumeState;
    if (!digest) return;
    const from = 'the state saved at shut-down';
    try {
      const definition = await this.#define();
      void this.#record.move('STOPPED', `resuming from ${from}`, { desired: goal });
      const make = () => this.#restored(definition, digest, { identity: false });
      await this.#renew(make, `resuming from ${from}`, goal);
    } catch (thrown) {
      const error = V3Error.from(thrown);
      this.#host.log.error({ vm: this.name, err: error }, 'a saved state could not be resumed');
      const kept = 'it is kept: start tries again, reset boots anew without it';
      const reason = `${from} could not be resumed (${error.message}); ${kept}`;
      await this.#record.move('ERROR', reason, { desired: goal });
      throw error;
    }
    await this.#arrive(goal, `resumed from ${from}`);
  }

  async #restoreFrom(
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
    const definition = await this.#define();
    const make = () => {
      const changed = cards(definition.nics) !== cards(snapshot.nics);
      return this.#restored(definition, snapshot.digest, { identity: identity || changed });
    };
    await this.#requireReach(snapshot);
    await this.#renew(make, `going back to snapshot ${snapshot.name}`, goal);
    await this.#arrive(goal, reason);
  }

  /** Hosts need not share a folder of saved states. @throws V3Error STATE_CORRUPT that says where it may be */
  async #requireReach({ name, host, digest }: SnapshotEntity): Promise<void> {
    if (host === this.#host.name) return;
    await this.#host.states.verify(digest).catch(thrown => {
      const error = V3Error.from(thrown);
      throw new V3Error(
        error.code,
        `snapshot ${name} was saved on host ${host} and can't be used on ${this.#host.name}: ${error.message}`,
        { cause: thrown },
      );
    });
  }

  async #restored(definition: VmDefinition, digest: string, options: RestoreOptions): Promise<Machine> {
    const path = await this.#host.states.verify(digest);
    return this.#host.machines.restore(definition, path, options);
  }

  async #startOver(why: string, reason = why): Promise<void> {
    await this.#renew(() => this.#host.machines.boot(this.#definition), why, 'running');
    await this.#arrive('running', reason);
  }

  /** A state saved at shut-down is of no more use; no row names it any more when its file goes. */
  async #arrive(goal: Goal, reason: string): Promise<void> {
    const saved = this.#record.now.resumeState;
    const state = goal === 'running' ? 'RUNNING' : 'PAUSED';
    const { epoch } = this.#definition;
    const change = { epoch, startedAt: new Date(), desired: goal, resumeState: null };
    const durable = await this.#record.move(state, reason, change);
    if (saved && durable) await this.#host.states.release(saved);
  }

  #standStill(): Promise<void> {
    return this.#must(PAUSE_MS, 'stand still', machine => machine.pause());
  }
  #go(): Promise<void> {
    return this.#must(RUN_MS, 'run', machine => machine.run());
  }
  #save(): Promise<StateSource> {
    return this.#must(SAVE_MS, 'save its state', machine => machine.save());
  }

  /** A worker that does not do as told within the bound is ended: the host must not wait for it. */
  async #must<T>(ms: number, what: string, ask: (machine: Machine) => Promise<T>): Promise<T> {
    const machine = this.#machine;
    if (!machine) throw new V3Error('GUEST_FAILED', `VM ${this.name} has no machine any more`);
    const detail = `the guest's worker did not ${what} in time and was ended`;
    try {
      return await within(ms, ask(machine), { code: 'TIMEOUT', detail });
    } catch (thrown) {
      if (V3Error.from(thrown).code !== 'TIMEOUT') throw thrown;
      await this.#discard();
      if (this.#record.now.state !== 'STOPPED') await this.#record.move('ERROR', detail);
      throw new V3Error('GUEST_FAILED', `VM ${this.name}: ${detail}`, { cause: thrown });
    }
  }

  async #onEnd(machine: Machine, end: GuestEnd): Promise<void> {
    if (machine !== this.#machine) return;
    this.#host.log.info({ vm: this.name, ...end }, 'the guest ended');
    if (end.kind === 'reboot') {
      await this.#record.move('RESETTING', 'the guest asked for a reboot');
      await this.#close();
      await this.#startOver('the reboot', 'rebooted by the guest').catch(() => undefined);
      return;
    }
    await this.#discard();
    if (end.kind === 'poweroff') {
      await this.#record.move('STOPPED', 'powered off by the guest', { desired: 'stopped' });
    } else {
      await this.#record.move('ERROR', end.detail);
    }
  }
}

/** What a guest was told of its NICs: a state from before a change of it has to be told anew. */
const cards = (nics: readonly { mac: string; ip: string | null }[]) =>
  nics.map(({ mac, ip }) => `${mac} ${ip}`).join();
const source = (boot: string | undefined) => (boot === 'template' ? 'from its template' : 'by a cold boot');

type Goal = 'running' | 'paused';

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
