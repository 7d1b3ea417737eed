import { Injectable } from '@nestjs/common';
import { conflictingUse, describeCard, V3Error, type Operation } from '@v3vee/contracts';
import { HostRepository, VmRepository, type NewNic, type VmDefinition } from '@v3vee/store';
import { HostDirectory } from '../hosts/host-directory';
import { PalaciosClient } from '../hosts/palacios-client';
import type { Caller } from '../http/endpoint';
import { operationView } from '../operations/operation-view';
import { OperationsService } from '../operations/operations.service';
import { VmDefinitions } from './vm-definitions.service';
import { lockOf } from './vm-lock';
import { VmVerbs } from './vm-verbs.service';
import { VmViews } from './vm-view';

/**
 * Moves a VM to another host by stop and copy: its state is saved, the store gives it to the other host under a new
 * epoch, that host goes on from the state. All that can keep it from arriving is looked at before it is stopped; should
 * it not arrive all the same, its first host has it back.
 */
@Injectable()
export class VmMigration {
  constructor(
    private readonly definitions: VmDefinitions,
    private readonly verbs: VmVerbs,
    private readonly vms: VmRepository,
    private readonly hosts: HostRepository,
    private readonly views: VmViews,
    private readonly operations: OperationsService,
    private readonly palacios: PalaciosClient,
    private readonly directory: HostDirectory,
  ) {}

  async begin(idOrName: string, target: string, caller: Caller): Promise<Operation> {
    const vm = await this.definitions.find(idOrName);
    await this.plan(vm, target);
    const operation = await this.operations.begin({
      verb: 'migrate',
      target: `vms/${vm.name}`,
      caller,
      locks: [lockOf(vm)],
      check: manager => this.verbs.assertState('migrate', vm, manager),
      work: async ({ signal }) => {
        // Read and planned again: both may have changed before the operation held it.
        const now = await this.definitions.find(vm.id);
        await this.move(now, target, await this.plan(now, target), signal);
        return this.views.view(await this.definitions.find(vm.id));
      },
    });
    return operationView(operation);
  }

  private async move(vm: VmDefinition, target: string, nics: NewNic[], signal: AbortSignal): Promise<void> {
    const request = { vmId: vm.id };
    const source = vm.ownerHost;
    await this.palacios.call('send', source, request, { signal });
    try {
      await this.vms.update(vm.id, { host: target, nics });
      await this.palacios.call('receive', target, request, { signal });
    } catch (thrown) {
      const why = V3Error.from(thrown);
      await this.vms.update(vm.id, { host: source, nics: asTheyWere(vm) });
      await this.palacios.call('receive', source, request);
      throw new V3Error(
        why.code,
        `${vm.name} did not arrive on ${target} and goes on on ${source}: ${why.message}`,
        { cause: thrown },
      );
    }
  }

  /**
   * The NICs that it has there.
   * @throws V3Error HOST_NOT_FOUND, HOST_NOT_READY, HOST_MEMORY_EXHAUSTED, HOST_CORES_EXHAUSTED, DEVICE_MISMATCH, DEVICE_IN_USE
   */
  private async plan(vm: VmDefinition, target: string): Promise<NewNic[]> {
    if (target === vm.ownerHost) throw new V3Error('INVALID_REQUEST', `${vm.name} is on ${target} already`);
    const host = await this.hosts.find(target);
    if (!host) {
      const names = (await this.hosts.all()).map(({ name }) => name).join(', ');
      throw new V3Error('HOST_NOT_FOUND', `there is no host "${target}"; hosts are: ${names}`);
    }
    this.directory.assertReady(target);
    this.assertRoom(vm, target);
    const uses = (await this.vms.ofHost(target)).flatMap(other =>
      other.nics.map(nic => ({ vm: other.name, ...nic })),
    );
    return asTheyWere(vm).map((nic, index) => {
      const { device, model, network, access } = vm.nics[index]!;
      if (device === null || access === null) return nic;
      const fitting = host.nics.filter(card => card.model === model && card.network === network);
      const card = fitting.find(({ name }) => name === device) ?? fitting[0];
      if (!card) {
        throw new V3Error(
          'DEVICE_MISMATCH',
          `host ${target} has no ${model} on network ${network}, which ${vm.name}/net${index} uses; ` +
            `its physical NICs are: ${host.nics.map(describeCard).join(', ') || 'none'}`,
        );
      }
      const there = uses.flatMap(use =>
        use.device === card.name && use.access !== null ? [{ vm: use.vm, access: use.access }] : [],
      );
      const conflict = conflictingUse([...there, { vm: vm.name, access }]);
      if (conflict) {
        throw new V3Error(
          'DEVICE_IN_USE',
          `${target}/${card.name} is used by VM ${conflict.other.vm}, and a card that is passed through is one VM's alone`,
        );
      }
      return { ...nic, device: card.name };
    });
  }

  private assertRoom({ name, memoryMiB }: VmDefinition, target: string): void {
    const inventory = this.directory.inventory(target);
    if (!inventory) return; // its Kitten has the last word
    if (inventory.memoryLargestHoleMiB < memoryMiB) {
      throw new V3Error(
        'HOST_MEMORY_EXHAUSTED',
        `${name} needs ${memoryMiB} MiB in one piece; the largest free piece of ${target} has ${inventory.memoryLargestHoleMiB} MiB`,
      );
    }
    if (inventory.coresFree < 1) {
      throw new V3Error(
        'HOST_CORES_EXHAUSTED',
        `${name} needs a core; all ${inventory.cores} of ${target} are taken`,
      );
    }
  }
}

const asTheyWere = ({ nics }: VmDefinition): NewNic[] =>
  nics.map(({ networkId, mac, ip, settings, device, access }) => ({
    ...{ networkId, mac, ip, settings, device, access },
  }));
