import { Injectable } from '@nestjs/common';
import {
  conflictingUse,
  describeCard,
  radioProblem,
  V3Error,
  type MovedCard,
  type PhysicalNic,
} from '@v3vee/contracts';
import {
  HostRepository,
  VmMigrationRepository,
  VmRepository,
  type HostEntity,
  type NicDefinition,
  type VmDefinition,
} from '@v3vee/store';
import { HostDirectory } from '../hosts/host-directory';
import { ImageCatalogue } from '../images/image-catalogue';
import { OperationsService } from '../operations/operations.service';
import { lockOf } from '../vms/vm-lock';
import { VmVerbs } from '../vms/vm-verbs.service';

export interface MigrationPlan {
  /** All that keeps it from beginning. */
  blockers: V3Error[];
  /** Which of the target's cards the VM's physical NICs would be. */
  cards: MovedCard[];
}

export interface PlanOptions {
  /** That holds the VM already. */
  operation?: string;
  /** Cards that it shall have there, by index of the NIC; else that of the same name, or another that fits. */
  cards?: ReadonlyMap<number, string>;
}

/** Looks at what can keep a VM from arriving on another host, before anything is done to it. */
@Injectable()
export class MigrationPlanner {
  constructor(
    private readonly vms: VmRepository,
    private readonly hosts: HostRepository,
    private readonly rows: VmMigrationRepository,
    private readonly verbs: VmVerbs,
    private readonly images: ImageCatalogue,
    private readonly operations: OperationsService,
    private readonly directory: HostDirectory,
  ) {}

  async plan(vm: VmDefinition, target: string, options: PlanOptions = {}): Promise<MigrationPlan> {
    const blockers = await collect(
      () => this.assertFree(vm, options.operation),
      () => this.assertState(vm),
    );
    const host = await this.hosts.find(target);
    if (!host) {
      const names = (await this.hosts.all()).map(({ name }) => name).join(', ');
      blockers.push(new V3Error('HOST_NOT_FOUND', `there is no host "${target}"; hosts are: ${names}`));
      return { blockers, cards: [] };
    }
    if (target === vm.ownerHost) {
      blockers.push(new V3Error('INVALID_REQUEST', `${vm.name} is on ${target} already`));
      return { blockers, cards: [] };
    }
    const onHost = await collect(
      () => this.directory.assertReady(target),
      () => assertTaking(host),
      () => this.assertMemory(vm, target),
      () => this.assertCore(vm, target),
      () => this.images.get(vm.image),
    );
    const { cards, missing } = await this.cards(vm, host, options.cards ?? new Map<number, string>());
    return { blockers: [...blockers, ...onHost, ...missing, ...radiosMissing(vm, host)], cards };
  }

  private async assertFree({ id, name }: VmDefinition, operation: string | undefined): Promise<void> {
    const row = await this.rows.running(id);
    if (row) {
      const { target } = row;
      throw new V3Error('VM_BUSY', `${name} is being moved to ${target} already (migration ${row.id})`);
    }
    await this.operations.assertFree(lockOf({ id, name }), operation);
  }

  /** A silent host is the better answer than the state its VMs are shown in because of it. */
  private async assertState(vm: VmDefinition): Promise<void> {
    const silence = this.directory.palaciosSilence(vm.ownerHost);
    if (silence) throw new V3Error('HOST_NOT_READY', `host ${vm.ownerHost} is not ready: ${silence}`);
    await this.verbs.assertState('migrate', vm);
  }

  // What the target's Kitten said last; it has the last word when it is asked for them.

  private assertMemory({ name, memoryMiB }: VmDefinition, target: string): void {
    const { memoryLargestHoleMiB: largest } = this.directory.inventory(target) ?? {};
    if (largest === undefined || largest >= memoryMiB) return;
    throw new V3Error(
      'HOST_MEMORY_EXHAUSTED',
      `${name} needs ${memoryMiB} MiB in one piece; the largest free piece of ${target} has ${largest} MiB`,
    );
  }

  private assertCore({ name }: VmDefinition, target: string): void {
    const inventory = this.directory.inventory(target);
    if (!inventory || inventory.guestPlacesFree > 0) return;
    throw new V3Error(
      'HOST_CORES_EXHAUSTED',
      `${name} needs a core; all ${inventory.cores} of ${target} are taken`,
    );
  }

  private async cards(
    vm: VmDefinition,
    { name: target, nics: present }: HostEntity,
    wanted: ReadonlyMap<number, string>,
  ): Promise<{ cards: MovedCard[]; missing: V3Error[] }> {
    const cards: MovedCard[] = [];
    const missing: V3Error[] = [];
    const own = vm.nics.filter(({ device }) => device !== null);
    if (own.length === 0) return { cards, missing };
    const uses = (await this.vms.ofHost(target)).flatMap(({ name, nics }) =>
      nics.flatMap(({ device, access }) => (access === null ? [] : [{ vm: name, device, access }])),
    );
    const conflict = (card: PhysicalNic, { access }: NicDefinition) => {
      const there = uses.filter(({ device }) => device === card.name);
      return access === null ? undefined : conflictingUse([...there, { vm: vm.name, access }])?.other;
    };
    for (const nic of own) {
      const name = wanted.get(nic.index) ?? nic.device;
      // A VM has a card once.
      const fitting = present
        .filter(card => card.model === nic.model && card.network === nic.network)
        .filter(card => !cards.some(({ device }) => device === card.name))
        .sort((a, b) => Number(b.name === name) - Number(a.name === name));
      const free = fitting.find(card => !conflict(card, nic));
      if (free) cards.push({ nic: nic.index, device: free.name });
      else
        missing.push(
          noCard(vm, nic, target, present, fitting[0], fitting[0] && conflict(fitting[0], nic)?.vm),
        );
    }
    return { cards, missing };
  }
}

function assertTaking({ name, cordoned }: HostEntity): void {
  if (!cordoned) return;
  throw new V3Error(
    'HOST_CORDONED',
    `host ${name} is cordoned: it gets no further VMs until it is uncordoned`,
  );
}

/** By the same name: the guest's connection goes on over it. */
function radiosMissing(vm: VmDefinition, host: HostEntity): V3Error[] {
  return vm.wifi.flatMap(({ index, radio }) => {
    const problem = radioProblem({ radio }, host);
    return problem ? [new V3Error('DEVICE_MISMATCH', `${vm.name}/wlan${index}: ${problem}`)] : [];
  });
}

function noCard(
  vm: VmDefinition,
  { index, model, network }: NicDefinition,
  target: string,
  present: PhysicalNic[],
  fitting: PhysicalNic | undefined,
  user: string | undefined,
): V3Error {
  if (fitting) {
    const alone = 'and a card that is passed through is one VM’s alone';
    return new V3Error('DEVICE_IN_USE', `${target}/${fitting.name} is used by VM ${user}, ${alone}`);
  }
  return new V3Error(
    'DEVICE_MISMATCH',
    `host ${target} has no ${model} on network ${network}, which ${vm.name}/net${index} uses; ` +
      `its physical NICs are: ${present.map(describeCard).join(', ') || 'none'}`,
  );
}

/** What each of the checks throws. */
async function collect(...checks: (() => unknown)[]): Promise<V3Error[]> {
  const thrown: V3Error[] = [];
  for (const check of checks) {
    try {
      await check();
    } catch (error) {
      // That the store is away says nothing of the VM.
      if (!(error instanceof V3Error) || error.code === 'SERVICE_UNAVAILABLE') throw error;
      thrown.push(error);
    }
  }
  return thrown;
}
