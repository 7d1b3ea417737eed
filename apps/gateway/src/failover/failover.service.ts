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
import type { EntityManager } from 'typeorm';
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

/** A VM that is to run and does not, because its host was lost, or the Palacios there was killed. */
interface Stranded {
  vm: VmDefinition;
  status: VmStatusEntity;
  /** What it is to be taken from its owner for; none: it has a new owner, who has not been asked yet. */
  loss: { of: 'host'; lease: HostLease } | { of: 'vmm' } | undefined;
}

/**
 * Starts VMs elsewhere whose host is lost, or whose Palacios was killed, by each VM's policy. What is left to do is read off
 * the store at each look, so that a gateway that starts goes on where the last one was killed: a VM of a lost host gets a
 * new owner, under a new epoch, in a transaction in which that host can't come back; one that ran in an incarnation which
 * has a successor likewise, in one in which that successor has the lease (it leaves such VMs alone, see Palacios's
 * `recovery.ts`); a VM with a new owner that has not seen to it is given to it, who does so once.
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
    for (const stranded of await this.stranded(leases, this.watch.look(leases))) {
      const note = await this.rescue(stranded).catch((thrown: unknown) => V3Error.from(thrown).message);
      if (note) notes.set(stranded.vm.id, note);
    }
    this.notes.replace(notes);
  }

  private async stranded(
    leases: ReadonlyMap<string, HostLease>,
    lost: ReadonlyMap<string, HostLease>,
  ): Promise<Stranded[]> {
    const policed = (await this.vms.all()).filter(({ failover }) => failover !== 'none');
    const statuses = await this.statuses.getMany(policed.map(({ id }) => id));
    return policed.flatMap((vm): Stranded[] => {
      const status = statuses.get(vm.id);
      if (!status || !isToRun(status) || this.underWay.has(vm.id)) return [];
      const lease = lost.get(vm.ownerHost);
      if (lease) return [{ vm, status, loss: { of: 'host', lease } }];
      const elsewhere = status.host !== vm.ownerHost;
      if (!elsewhere && !isSucceeded(status, leases.get(vm.ownerHost))) return [];
      if (status.epoch < vm.epoch) return [{ vm, status, loss: undefined }];
      // A state saved in order is its successor's to go on from.
      return elsewhere || status.resumeState !== null ? [] : [{ vm, status, loss: { of: 'vmm' } }];
    });
  }

  /** Begins it. @returns why it can't be begun, if it can't */
  private async rescue(stranded: Stranded): Promise<string | undefined> {
    const { vm, loss } = stranded;
    const placed = loss && (await this.place(vm, loss.of));
    if (typeof placed === 'string') return placed;
    const starter = placed?.host ?? vm.ownerHost;
    const { ready, reason } = this.directory.readiness(starter);
    if (!ready) return `${starter} is to start it, and is not ready: ${reason}`;
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

  /** @returns why nowhere */
  private async place(vm: VmDefinition, loss: 'host' | 'vmm'): Promise<Placement | string> {
    const { ownerHost: owner } = vm;
    const suspicion = loss === 'vmm' ? 'its VMM crashed' : '';
    const found = place(vm, await this.candidates.without(owner, suspicion));
    if (typeof found !== 'string' || loss === 'host') return found;
    return { host: owner, cards: new Map(), reason: `${found}; so on ${owner} again` };
  }

  private async perform(
    stranded: Stranded,
    placed: Placement | undefined,
    { progress, signal }: OperationContext,
    taken: (vm: VmDefinition | null) => void,
  ): Promise<object> {
    const { vm, status } = stranded;
    const owner = placed ? await this.take(stranded, placed) : await this.vms.get(vm.id);
    taken(owner);
    if (!owner) {
      throw new V3Error(
        'HOST_NOT_READY',
        `host ${vm.ownerHost} came back, or something was done with ${vm.name}, before it was taken`,
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
        reason: `after ${describeLoss(stranded)}${why && ` (${placed?.reason})`}`,
      },
      { signal },
    );
    return this.views.view(owner);
  }

  private take({ vm, status, loss }: Stranded, { host, cards }: Placement): Promise<VmDefinition | null> {
    const swap = { from: vm.ownerHost, epoch: vm.epoch, to: host };
    const take = (manager: EntityManager) => this.vms.swapOwner(vm.id, swap, cards, manager);
    if (loss?.of === 'host') {
      return this.leases.whileLost(loss.lease, this.config.V3_LEASE_MARGIN_SECONDS, take);
    }
    return this.leases.whileSucceeded(status, async manager => {
      // As it was when it was looked at: of an incarnation that is gone now.
      const now = await this.statuses.get(vm.id, manager);
      const same = now?.epoch === vm.epoch && now.incarnation === status.incarnation;
      return same ? take(manager) : null;
    });
  }
}

/** Whether another incarnation than the one that wrote the row holds its host's lease. */
const isSucceeded = (status: VmStatusEntity, lease: HostLease | undefined): boolean =>
  lease !== undefined && !lease.expired && lease.incarnation !== status.incarnation;

/** With a new owner already, which of the two it was is told by whether that is another one. */
const describeLoss = ({ vm, status, loss }: Stranded): string =>
  loss?.of === 'vmm' || (!loss && status.host === vm.ownerHost)
    ? `the palacios of ${status.host} was killed`
    : `host ${status.host} was lost`;

/** What a Palacios that starts would bring back, too. */
const isToRun = ({ desired, state, resumeState }: VmStatusEntity) =>
  desired !== 'stopped' && (state !== 'ERROR' || resumeState !== null);
