import {
  V3Error,
  verbStates,
  type Balloon,
  type NicSettings,
  type VmState,
  type VmStatus,
  type VmVerb,
} from '@v3vee/contracts';
import type { SnapshotEntity, SnapshotKind, VmDefinition } from '@v3vee/store';
import { balloonTo } from './ballooning';
import type { Machine } from './ports';
import { requireState } from './states';
import { RUN_MS, VmSteps } from './vm-steps';

/** What a VM lends whoever moves it to another host. */
export interface Leaving {
  readonly definition: VmDefinition;
  readonly machine: Machine;
  /** Whether it stood still already, and is to stand still there. */
  readonly paused: boolean;
  /** From now on nothing of the guest changes, and frames for it are kept. @throws V3Error GUEST_FAILED */
  standStill(): Promise<void>;
  /**
   * The guest goes on here as it was. Never fails: its status says what went wrong.
   * @param reclaimed the VM under its new epoch, if the store had to be asked whose it is
   */
  goOn(why: string, reclaimed: VmDefinition | undefined): Promise<void>;
}

export interface RecoverRequest {
  snapshotIds: readonly string[];
  paused: boolean;
  reason: string;
}

/** One VM of this host: its verbs, one at a time, and what happens to it. States: see `states.ts`. */
export class Vm extends VmSteps {
  private recovered = false;
  /** This Palacios shuts down. */
  private ending = false;

  // ---- verbs ------------------------------------------------------------------------------------------------

  /** From its template or cold; a VM whose state was saved at shut-down goes on from there. */
  start(): Promise<VmStatus> {
    return this.verb('start', async () => {
      if (this.record.now.resumeState) return this.resumeSaved('running');
      const definition = await this.define();
      void this.record.move('STOPPED', `starting ${source(definition.boot)}`, { desired: 'running' });
      await this.renew(() => this.host.machines.boot(definition), 'start', 'running');
      // Not every image can have a template.
      await this.arrive('running', `started ${source(this.present?.origin)}`);
    });
  }

  /** At once, as by pulling the plug. A state saved at shut-down is kept. */
  stop(): Promise<VmStatus> {
    return this.verb('stop', async () => {
      await this.discard();
      const kept = this.record.now.resumeState ? '; start resumes the state saved at shut-down' : '';
      await this.record.move('STOPPED', `stopped${kept}`, { desired: 'stopped' });
    });
  }

  pause(): Promise<VmStatus> {
    return this.verb('pause', async () => {
      await this.standStill();
      this.watch.leave();
      await this.record.move('PAUSED', 'paused', { desired: 'paused', agent: false });
    });
  }

  resume(): Promise<VmStatus> {
    return this.verb('resume', async () => {
      await this.go();
      this.follow();
      await this.record.move('RUNNING', 'resumed', { desired: 'running' });
    });
  }

  /**
   * A paused guest runs for some ms of guest time, then stands still again. Time in which it must not run does not count.
   * @throws V3Error SERVICE_UNAVAILABLE: this Palacios ends before they are over
   */
  simulate(ms: number): Promise<VmStatus> {
    return this.verb('simulate', async () => {
      let ran = 0;
      let since = performance.now();
      const describe = (more = 0) => `${Math.min(ms, Math.round(ran + more))} of ${ms} ms of guest time`;
      void this.record.move('SIMULATING', `simulating: ${describe()}`);
      const timer = setInterval(() => {
        void this.record.move('SIMULATING', `simulating: ${describe(performance.now() - since)}`);
      }, TELL_MS);
      try {
        while (ran < ms && !this.ending) {
          since = performance.now();
          ran += await this.simulated(ms - ran);
        }
      } catch (thrown) {
        const { code, message } = V3Error.from(thrown);
        // What became of a guest that ended is told after this.
        if (code !== 'GUEST_FAILED')
          await this.record.move('PAUSED', `paused after ${describe()}: ${message}`);
        throw thrown;
      } finally {
        clearInterval(timer);
      }
      await this.record.move('PAUSED', `paused after ${describe()}`);
      if (ran >= ms) return;
      const { name } = this.host;
      throw new V3Error(
        'SERVICE_UNAVAILABLE',
        `palacios on ${name} shuts down; ${this.name} ran ${describe()}`,
      );
    });
  }

  /** @returns how many ms it ran; fewer when it had to stand still before. @throws V3Error GUEST_FAILED, VM_NOT_FOUND */
  private async simulated(ms: number): Promise<number> {
    if (!this.host.lease.held) await this.host.lease.whenHeld();
    this.requireOwned();
    if (this.ending) return 0;
    return this.must(ms + RUN_MS, 'simulate', machine => machine.simulate(ms));
  }

  /** Its virtual core goes to another core of this host. */
  moveCore(core: number): Promise<VmStatus> {
    return this.verb('moveCore', () => this.host.resources.moveCore(this.id, core));
  }

  /** How much memory the guest is to have. @throws V3Error see `balloonTo` */
  balloon(memoryMiB: number): Promise<Balloon> {
    return this.allowed('balloon', async () =>
      balloonTo(memoryMiB, this.current, this.machineFor('balloon', verbStates.balloon), this.host.resources),
    );
  }

  /** A new machine, as by the reset button. Gives up a state saved at shut-down. */
  reset(): Promise<VmStatus> {
    return this.verb('reset', async () => {
      await this.define();
      await this.startOver('reset');
    });
  }

  /** The guest runs on while it is taken, but for some milliseconds. */
  snapshot(name: string, kind?: SnapshotKind): Promise<SnapshotEntity> {
    return this.allowed('snapshot', async () => {
      await this.host.snapshots.requireFree(this.current, name);
      return this.host.snapshots.create(this.current, name, await this.capture(), kind);
    });
  }

  /** Goes back to the snapshot and runs; `identity`: it is another VM's, and this one is to be its clone. */
  restore(snapshotId: string, identity: boolean): Promise<VmStatus> {
    return this.verb('restore', async () => {
      const snapshot = await this.host.snapshots.get(snapshotId);
      const origin = snapshot.vmId === this.id ? '' : ` of ${snapshot.vmName}`;
      await this.restoreFrom(snapshot, identity, `restored from snapshot ${snapshot.name}${origin}`);
    });
  }

  /**
   * Its last host was lost: once, from what that left, else anew.
   * @param snapshotIds best first; those that can't be used are passed over
   * @param reason of its status, after what was done
   */
  recover({ snapshotIds, paused, reason }: RecoverRequest): Promise<VmStatus> {
    return this.lock.try('recover', this.name, async () => {
      if (this.present || this.recovered) return this.status();
      this.recovered = true;
      const goal = paused ? 'paused' : 'running';
      if (this.record.now.resumeState) {
        const resumed = await this.resumeSaved(goal).then(
          () => true,
          () => false,
        );
        if (resumed) return this.status();
      }
      const on = `restarted on ${this.host.name}`;
      for (const id of snapshotIds) {
        const from = await this.host.snapshots.get(id).catch(() => undefined);
        if (!from) continue;
        const what = `${from.kind === 'checkpoint' ? 'checkpoint' : 'snapshot'} ${from.name} of ${timeOf(from.createdAt)}`;
        try {
          await this.restoreFrom(from, false, `${on} from ${what} ${reason}`, goal);
          return this.status();
        } catch (thrown) {
          if (!UNUSABLE.has(V3Error.from(thrown).code)) throw thrown;
        }
      }
      const definition = await this.define();
      await this.renew(() => this.host.machines.boot(definition), `restarting ${reason}`, 'running');
      await this.arrive('running', `${on} ${source(this.machine?.origin)} ${reason}`);
      return this.status();
    });
  }

  /** Its status and the state saved at shut-down go; its named snapshots stay. */
  forget(): Promise<void> {
    return this.allowed('delete', async () => {
      const saved = this.record.now.resumeState;
      await this.host.status.forget(this.id);
      if (saved) await this.host.states.release(saved);
    });
  }

  /** Asks the guest's agent now. */
  async refresh(): Promise<VmStatus> {
    await this.watch.ask();
    return this.status();
  }

  /**
   * New settings of a NIC, as the store has them already: at once if there is a machine, and for the one that is
   * being made. @throws V3Error NIC_NOT_FOUND
   */
  setNic(index: number, settings: NicSettings): void {
    const { nics } = this.current;
    if (!nics[index]) {
      throw new V3Error('NIC_NOT_FOUND', `VM ${this.name} has ${nics.length} NICs; there is no net${index}`);
    }
    const changed = nics.map((nic, i) => (i === index ? { ...nic, settings } : nic));
    this.current = { ...this.current, nics: changed };
    this.present?.setNic(index, settings);
  }

  /** For what needs no lock: exec, console, telemetry. @throws V3Error VM_WRONG_STATE */
  machineFor(what: string, allowed: readonly VmState[]): Machine {
    requireState(this.brief(), what, allowed);
    if (this.present) return this.present;
    throw new V3Error('VM_BUSY', `VM ${this.name} changes its machine just now; try ${what} again`);
  }

  // ---- its move to another host -------------------------------------------------------------------------------

  /**
   * Holds the VM while `move` moves it.
   * @param move resolves with whether it is still this host's; what is left of it is freed otherwise
   * @throws V3Error VM_BUSY, VM_WRONG_STATE, SERVICE_UNAVAILABLE before `move` is called
   */
  leave(target: string, move: (leaving: Leaving) => Promise<boolean>): Promise<boolean> {
    return this.allowed('migrate', async () => {
      const { state } = this.record.now;
      // A successor that finds no such row would not know that the VM may have been handed over.
      if (!(await this.record.move(state, `moving to ${target}`))) {
        throw new V3Error('SERVICE_UNAVAILABLE', 'the database does not answer; try again in a moment');
      }
      const stays = await move(this.leaving());
      if (!stays) await this.discard();
      return stays;
    });
  }

  /**
   * Its guest has come from another host, and is this one's. Never fails: its status says what went wrong.
   * @returns what makes it known: it resolves when the other hosts and the store know
   */
  moveIn(machine: Machine, goal: 'running' | 'paused', source: string): Promise<() => Promise<void>> {
    return this.lock.wait('arriving', async () => {
      this.adopt(machine);
      try {
        if (goal === 'running') await this.go();
      } catch (thrown) {
        const reason = `came from ${source}, and could not go on: ${V3Error.from(thrown).message}`;
        await this.discard();
        void this.record.move('ERROR', reason);
        return async () => undefined;
      }
      if (goal === 'running') this.follow();
      const state = goal === 'running' ? 'RUNNING' : 'PAUSED';
      const written = this.record.move(state, `moved here from ${source}`, { desired: goal });
      return async () => void (await Promise.all([machine.reached(), written]));
    });
  }

  private leaving(): Leaving {
    const machine = this.present as Machine;
    const paused = this.record.now.state === 'PAUSED';
    let stopped = false;
    return {
      definition: this.current,
      machine,
      paused,
      standStill: async () => {
        this.watch.leave();
        machine.hold();
        stopped = true;
        await this.standStill();
      },
      goOn: async (why, reclaimed) => {
        if (reclaimed) {
          this.current = reclaimed;
          void this.record.update({ epoch: reclaimed.epoch });
        }
        if (machine !== this.present) return;
        try {
          if (reclaimed) await machine.renew(reclaimed.epoch);
          if (stopped && !paused) await this.go();
          machine.release();
          if (!paused) this.follow();
          void this.record.move(this.record.now.state, why);
        } catch (thrown) {
          const { message } = V3Error.from(thrown);
          await this.discard();
          await this.record.move('ERROR', `${why}, and could not go on: ${message}`);
        }
      },
    };
  }

  // ---- what Palacios does of itself; none of it fails: the status says what happened --------------------------

  /** At start-up: goes on from the state saved at shut-down. */
  async bringBack(): Promise<void> {
    await this.lock.wait('resuming', () => this.resumeSaved(this.goal()).catch(() => undefined));
  }

  /** At start-up: the Palacios that ran it was killed, and it is nobody else's to start. */
  async afterKill(): Promise<void> {
    await this.lock.wait('restarting', async () => {
      const killed = `palacios on ${this.host.name} was killed`;
      const was = this.goal();
      await this.record.move('ERROR', `${killed} while the VM was ${was}`);
      const snapshot = await this.host.snapshots.latest(this.id).catch(() => null);
      if (!snapshot) {
        await this.record.move('ERROR', `${this.record.now.reason}; it has no snapshot to restart from`);
        return;
      }
      try {
        const reason = `restarted from snapshot ${snapshot.name} after ${killed}`;
        await this.restoreFrom(snapshot, false, reason, was);
      } catch (thrown) {
        const why = `could not be restarted from snapshot ${snapshot.name}: ${V3Error.from(thrown).message}`;
        await this.record.move('ERROR', `${killed} while the VM was ${was}; it ${why}`);
      }
    });
  }

  /**
   * At shut-down: the guest's state is saved, so that the next Palacios can go on from it.
   * @param final false: a guest for whose state the disk has no room stays as it is, for another attempt
   * @returns whether it is put away, or lost and reported as that
   */
  putAway(final = true): Promise<boolean> {
    this.ending = true;
    if (this.record.now.state === 'SIMULATING') this.suspend();
    return this.lock.wait('shutting down', async () => {
      if (!this.present) return true;
      const reason = `saved at the shut-down of palacios on ${this.host.name}`;
      try {
        if (this.record.now.state === 'RUNNING') await this.standStill();
        await this.writeState(reason);
      } catch (thrown) {
        const error = V3Error.from(thrown);
        if (!final && error.code === 'STORAGE_FULL') return false;
        this.host.log.error({ vm: this.name, err: error }, 'a VM could not be saved at shut-down');
        await this.record.move('ERROR', `could not be saved at shut-down: ${error.message}`);
      }
      await this.discard();
      return true;
    });
  }

  // ---- refusals ---------------------------------------------------------------------------------------------

  private async verb(verb: VmVerb, work: () => Promise<unknown>): Promise<VmStatus> {
    await this.allowed(verb, work);
    return this.status();
  }

  private allowed<T>(verb: VmVerb, work: () => Promise<T>): Promise<T> {
    return this.lock.try(verb, this.name, async () => {
      requireState(this.brief(), verb, verbStates[verb]);
      return work();
    });
  }

  private brief() {
    return { name: this.name, state: this.record.now.state, reason: this.record.now.reason };
  }
}

/** How often a simulation says how far it is. */
const TELL_MS = 1_000;
/** What is wrong with a saved state, and not with the host. */
const UNUSABLE: ReadonlySet<string> = new Set(['STATE_CORRUPT', 'STATE_INCOMPATIBLE', 'SNAPSHOT_NOT_FOUND']);
const timeOf = (instant: Date) => instant.toISOString().slice(11, 19);
const source = (boot: string | undefined) => (boot === 'template' ? 'from its template' : 'by a cold boot');
