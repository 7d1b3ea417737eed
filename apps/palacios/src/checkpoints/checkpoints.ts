import { V3Error } from '@v3vee/contracts';
import {
  isUuid,
  type SnapshotEntity,
  type SnapshotRepository,
  type VmDefinition,
  type VmRepository,
} from '@v3vee/store';
import { monotonic, type Clock } from '../lease/clock';
import type { Fleet } from '../lifecycle/fleet';
import type { HostLease, Log } from '../lifecycle/ports';
import type { Vm } from '../lifecycle/vm';
import { within } from '../lifecycle/within';

/** How exactly an interval is kept. */
const LOOK_MS = 1_000;
/** The newest, and the one before it in case that can't be read. */
const KEPT = 2;
/** A thread that does not answer within this is left alone: it could not be stopped in time either. */
const ANSWER_MS = 2_000;

export interface CheckpointsOptions {
  host: string;
  lease: HostLease;
  fleet: Pick<Fleet, 'known'>;
  vms: Pick<VmRepository, 'ofHost'>;
  snapshots: Pick<SnapshotRepository, 'ofVm'>;
  /** A row and its file. */
  remove: (snapshotId: string) => Promise<void>;
  log: Log;
  clock?: Clock;
}

/**
 * Saves the state of VMs whose policy is `checkpoint` at their interval, for their start on another host. It never
 * stands in anybody's way: a VM that is busy, or stands still, is passed over until the next look.
 */
export class Checkpoints {
  /** When each VM's interval began, by the clock. */
  readonly #since = new Map<string, number>();
  readonly #clock: Clock;
  #next: { cancel(): void } | undefined;
  #looking: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(private readonly options: CheckpointsOptions) {
    this.#clock = options.clock ?? monotonic;
  }

  start(): this {
    this.#next = this.#clock.after(LOOK_MS, () => {
      this.#looking = this.look().then(() => void (this.#stopped || this.start()));
    });
    return this;
  }

  /** Resolves when the one that is being made has been. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#next?.cancel();
    await this.#looking;
  }

  /** Makes those that are due, one after the other. Never fails. */
  async look(): Promise<void> {
    const { host, lease, vms, log } = this.options;
    if (!lease.held) return;
    try {
      const policed = (await vms.ofHost(host)).filter(({ checkpointEvery }) => checkpointEvery !== null);
      const ids = new Set(policed.map(({ id }) => id));
      for (const id of this.#since.keys()) if (!ids.has(id)) this.#since.delete(id);
      for (const vm of policed) {
        if (this.#stopped) return;
        await this.#visit(vm);
      }
    } catch (thrown) {
      log.warn({ error: V3Error.from(thrown).message }, 'it is not known which VMs need a checkpoint');
    }
  }

  /** Those of a VM that is deleted. */
  async forget(vmId: string): Promise<void> {
    if (!isUuid(vmId)) return;
    await this.#prune(await this.options.snapshots.ofVm(vmId), 0);
  }

  async #visit({ id, checkpointEvery, epoch }: VmDefinition): Promise<void> {
    const vm = this.options.fleet.known(id);
    if (!vm?.machine || vm.definition.epoch !== epoch || vm.status().state !== 'RUNNING') {
      this.#since.delete(id);
      return;
    }
    const now = this.#clock.now();
    const since = this.#since.get(id);
    if (since === undefined) this.#since.set(id, now);
    else if (now - since >= (checkpointEvery as number) * 1_000 && !vm.isBusy) await this.#make(vm, now);
  }

  async #make(vm: Vm, now: number): Promise<void> {
    const { snapshots, log } = this.options;
    try {
      const late = { code: 'TIMEOUT', detail: 'its thread does not answer' } as const;
      await within<unknown>(ANSWER_MS, vm.machine?.telemetry() ?? Promise.resolve(), late);
      const before = await snapshots.ofVm(vm.id);
      const made = await vm.snapshot(`auto-${1 + Math.max(0, ...before.map(numberOf))}`, 'checkpoint');
      this.#since.set(vm.id, now);
      await this.#prune([made, ...before], KEPT);
    } catch (thrown) {
      const error = V3Error.from(thrown);
      // It is tried again at the next look; what lasts is told once an interval.
      if (error.code === 'VM_BUSY' || error.code === 'VM_WRONG_STATE') return;
      this.#since.set(vm.id, now);
      log.warn({ vm: vm.name, error: error.message }, 'a checkpoint could not be made');
    }
  }

  /** @param all newest first */
  async #prune(all: readonly SnapshotEntity[], kept: number): Promise<void> {
    const old = all.filter(({ kind }) => kind === 'checkpoint').slice(kept);
    for (const { id } of old) await this.options.remove(id);
  }
}

/** Names of people count, too: theirs may not be taken. */
const numberOf = ({ name }: SnapshotEntity): number => Number(/^auto-(\d{1,15})$/.exec(name)?.[1] ?? 0);
