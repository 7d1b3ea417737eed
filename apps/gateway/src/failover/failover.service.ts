import { BeforeApplicationShutdown, Injectable, OnApplicationBootstrap } from '@nestjs/common';
import { V3Error } from '@v3vee/contracts';
import { Config } from '@v3vee/service';
import {
  HostLeaseRepository,
  SnapshotRepository,
  VmRepository,
  VmStatusRepository,
  type HostLease,
  type VmDefinition,
  type VmStatusEntity,
} from '@v3vee/store';
import { PinoLogger } from 'nestjs-pino';
import type { GatewayConfig } from '../config';
import { HostDirectory } from '../hosts/host-directory';
import { PalaciosClient } from '../hosts/palacios-client';
import { OperationsService, type OperationContext } from '../operations/operations.service';
import { lockOf } from '../vms/vm-lock';
import { VmViews } from '../vms/vm-view';
import { Candidates } from './candidates';
import { FailoverNotes } from './failover-notes';
import { LeaseWatch } from './lease-watch';
import { place, type Placement } from './placement';

const LOOK_MS = 1_000;
/** Saved states that are tried, the newest first. */
const STATES = 3;
const caller = { actor: 'failover', requestId: undefined };

/** A VM that is to run and does not, because its host was lost. */
interface Stranded {
  vm: VmDefinition;
  status: VmStatusEntity;
  /** Of its owner, if that is the lost one; else it has a new owner, who has not been asked yet. */
  lease: HostLease | undefined;
}

/**
 * Starts VMs elsewhere whose host is lost, by each VM's policy. What is left to do is read off the store at each look, so
 * that a gateway that starts goes on where the last one was killed: a VM of a lost host gets a new owner, under a new
 * epoch, in a transaction in which that host can't come back; a VM with a new owner that has not seen to it is given to
 * it, who does so once.
 */
@Injectable()
export class Failover implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly watch: LeaseWatch;
  /** By id of the VM. */
  private readonly underWay = new Set<string>();
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> = Promise.resolve();
  private complaint = '';
  private stopped = false;

  constructor(
    private readonly leases: HostLeaseRepository,
    private readonly vms: VmRepository,
    private readonly statuses: VmStatusRepository,
    private readonly snapshots: SnapshotRepository,
    private readonly candidates: Candidates,
    private readonly views: VmViews,
    private readonly notes: FailoverNotes,
    private readonly operations: OperationsService,
    private readonly palacios: PalaciosClient,
    private readonly directory: HostDirectory,
    private readonly log: PinoLogger,
    @Config() private readonly config: GatewayConfig,
  ) {
    log.setContext(Failover.name);
    const { V3_LEASE_SECONDS: length, V3_LEASE_MARGIN_SECONDS: margin } = config;
    this.watch = new LeaseWatch((length + margin) * 1_000);
  }

  onApplicationBootstrap(): void {
    this.later();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.looking;
  }

  private later(): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.looking = this.look()
        .then(() => (this.complaint = ''))
        .catch(thrown => {
          const { message } = V3Error.from(thrown);
          if (message !== this.complaint) this.log.warn({ error: message }, 'lost hosts are not looked for');
          this.complaint = message;
        })
        .then(() => this.later());
    }, LOOK_MS);
  }

  private async look(): Promise<void> {
    await this.operations.recovered;
    const leases = await this.leases.all(this.config.V3_LEASE_MARGIN_SECONDS);
    this.directory.setLapsed(
      new Set([...leases.values()].filter(({ expired }) => expired).map(({ host }) => host)),
    );
    const notes = new Map<string, string>();
    for (const stranded of await this.stranded(this.watch.look(leases))) {
      const note = await this.rescue(stranded).catch((thrown: unknown) => V3Error.from(thrown).message);
      if (note) notes.set(stranded.vm.id, note);
    }
    this.notes.replace(notes);
  }

  private async stranded(lost: ReadonlyMap<string, HostLease>): Promise<Stranded[]> {
    const policed = (await this.vms.all()).filter(({ failover }) => failover !== 'none');
    const statuses = await this.statuses.getMany(policed.map(({ id }) => id));
    return policed.flatMap(vm => {
      const status = statuses.get(vm.id);
      if (!status || !isToRun(status) || this.underWay.has(vm.id)) return [];
      const lease = lost.get(vm.ownerHost);
      const unseen = status.epoch < vm.epoch && status.host !== vm.ownerHost;
      return lease || unseen ? [{ vm, status, lease }] : [];
    });
  }

  /** Begins it. @returns why it can't be begun, if it can't */
  private async rescue(stranded: Stranded): Promise<string | undefined> {
    const { vm, lease } = stranded;
    let placed: Placement | undefined;
    if (lease) {
      const found = place(vm, await this.candidates.without(vm.ownerHost));
      if (typeof found === 'string') return found;
      placed = found;
    } else {
      const { ready, reason } = this.directory.readiness(vm.ownerHost);
      if (!ready) return `${vm.ownerHost} is to start it, and is not ready: ${reason}`;
    }
    let taken: (vm: VmDefinition | null) => void = () => undefined;
    // The next VM is placed when this one's place is taken.
    const owner = new Promise<VmDefinition | null>(resolve => (taken = resolve));
    this.underWay.add(vm.id);
    try {
      await this.operations.begin({
        verb: 'failover',
        target: `vms/${vm.name}`,
        caller,
        locks: [lockOf(vm)],
        work: context =>
          this.perform(stranded, placed, context, taken).finally(() => {
            taken(null);
            this.underWay.delete(vm.id);
          }),
      });
    } catch (thrown) {
      this.underWay.delete(vm.id);
      throw thrown;
    }
    await owner;
    return undefined;
  }

  private async perform(
    { vm, status, lease }: Stranded,
    placed: Placement | undefined,
    { progress, signal }: OperationContext,
    taken: (vm: VmDefinition | null) => void,
  ): Promise<object> {
    const owner = lease && placed ? await this.take(vm, lease, placed) : await this.vms.get(vm.id);
    taken(owner);
    if (!owner) {
      throw new V3Error(
        'HOST_NOT_READY',
        `host ${vm.ownerHost} came back, or ${vm.name} was moved, before it was taken`,
      );
    }
    const { id, epoch, ownerHost } = owner;
    const why = placed ? `: ${placed.reason}` : '';
    await progress(`starting ${vm.name} on ${ownerHost}${why}`);
    this.log.warn(
      { vm: vm.name, from: status.host, to: ownerHost, epoch, why: placed?.reason },
      'a VM fails over',
    );
    const states = owner.failover === 'checkpoint' ? await this.snapshots.ofVm(id) : [];
    await this.palacios.call(
      'recover',
      ownerHost,
      {
        vmId: id,
        epoch,
        snapshotIds: states.slice(0, STATES).map(state => state.id),
        paused: status.desired === 'paused',
        reason: `after host ${status.host} was lost${why && ` (${placed?.reason})`}`,
      },
      { signal },
    );
    return this.views.view(owner);
  }

  private take(vm: VmDefinition, lease: HostLease, { host, cards }: Placement): Promise<VmDefinition | null> {
    const swap = { from: vm.ownerHost, epoch: vm.epoch, to: host };
    return this.leases.whileLost(lease, this.config.V3_LEASE_MARGIN_SECONDS, manager =>
      this.vms.swapOwner(vm.id, swap, cards, manager),
    );
  }
}

/** What a Palacios that starts would bring back, too. */
const isToRun = ({ desired, state, resumeState }: VmStatusEntity) =>
  desired !== 'stopped' && (state !== 'ERROR' || resumeState !== null);
