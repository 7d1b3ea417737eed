import { isDeepStrictEqual } from 'node:util';
import { Injectable } from '@nestjs/common';
import {
  accessOf,
  DEFAULT_PROJECT,
  describeCard,
  radioProblem,
  V3Error,
  verbStates,
  type Vm,
  type VmPatch,
  type VmSpec,
} from '@v3vee/contracts';
import {
  HostRepository,
  VmRepository,
  VmStatusRepository,
  type VmChanges,
  type VmDefinition,
} from '@v3vee/store';
import { DiskPlanner, sameDisks } from '../disks/disk-planner';
import { changedPolicy, policyOf } from '../failover/policy';
import { HostDirectory } from '../hosts/host-directory';
import { PalaciosClient } from '../hosts/palacios-client';
import type { Caller } from '../http/endpoint';
import { ImageCatalogue } from '../images/image-catalogue';
import { OperationsService } from '../operations/operations.service';
import { NicPlanner, noNics } from './nic-planner';
import { NicSettingsService, settingsDifference } from './nic-settings.service';
import { VmViews } from './vm-view';
import { lockOf } from './vm-lock';
import { sameWifi } from './wifi-nics';

/** Definitions of VMs: what they are to be, not what they do. */
@Injectable()
export class VmDefinitions {
  constructor(
    private readonly vms: VmRepository,
    private readonly hosts: HostRepository,
    private readonly statuses: VmStatusRepository,
    private readonly images: ImageCatalogue,
    private readonly nics: NicPlanner,
    private readonly disks: DiskPlanner,
    private readonly settings: NicSettingsService,
    private readonly views: VmViews,
    private readonly operations: OperationsService,
    private readonly palacios: PalaciosClient,
    private readonly directory: HostDirectory,
  ) {}

  /** @throws V3Error VM_NOT_FOUND */
  async find(idOrName: string): Promise<VmDefinition> {
    const vm = await this.vms.find(idOrName);
    if (!vm) throw new V3Error('VM_NOT_FOUND', `there is no virtual machine "${idOrName}"`);
    return vm;
  }

  /** @throws V3Error HOST_NOT_FOUND, IMAGE_NOT_FOUND, NETWORK_NOT_FOUND, PROJECT_NOT_FOUND, QUOTA_EXCEEDED, VM_EXISTS, MAC_IN_USE, IP_IN_USE, DEVICE_MISMATCH, DEVICE_IN_USE */
  async create({ nics, wifi, disks, ...spec }: VmSpec, managed: boolean): Promise<VmDefinition> {
    await this.assertHost(spec.host);
    await this.images.get(spec.image);
    if (wifi.length > 0) await this.images.assertWifi(spec.image);
    const planned = { disks: await this.disks.plan(disks) };
    const project = spec.project ?? DEFAULT_PROJECT;
    return this.nics.planning({ project, nics, wifi }, spec.host, noNics, cards =>
      this.vms.create({ ...spec, ...policyOf(spec), managed, nics: [], ...planned, ...cards }),
    );
  }

  /**
   * Changes a definition. What the running machine is made of can be changed only while it does not run.
   * @throws V3Error VM_NOT_FOUND, VM_BUSY, VM_CHANGE_NEEDS_STOP, and those of `create`
   */
  async update(idOrName: string, patch: VmPatch, caller: Caller): Promise<Vm> {
    const { id, name } = await this.find(idOrName);
    return this.operations.run({
      verb: 'update',
      target: `vms/${name}`,
      caller,
      locks: [lockOf({ id, name })],
      work: async () => {
        const vm = await this.find(id);
        await this.assertChangeable(vm, patch);
        const changed = await this.change(vm, patch);
        for (const nic of changed.nics) {
          const before = vm.nics[nic.index]?.settings;
          if (before && settingsDifference(before, nic.settings)) await this.settings.putIntoForce(vm, nic);
        }
        return this.views.view(changed);
      },
    });
  }

  /** Of a VM that its caller holds and that does not run, if the change needs that. */
  async change(vm: VmDefinition, { nics, wifi, disks: specs, ...rest }: VmPatch): Promise<VmDefinition> {
    const patch = { ...rest, ...changedPolicy(vm, rest) };
    const { host = vm.ownerHost, image } = patch;
    if (host !== vm.ownerHost) await this.assertHost(host);
    if (image !== undefined) await this.images.get(image);
    const drivers = wifi !== undefined || image !== undefined;
    if (drivers && (wifi ?? vm.wifi).length > 0) await this.images.assertWifi(image ?? vm.image);
    // What it has with its present host is given up only when the new definition is known to be possible.
    if (nics === undefined) await this.assertCards(vm, host);
    if (wifi === undefined) await this.assertRadios(vm, host);
    const disks = await this.disks.plan(specs, vm.disks);
    return this.nics.planning({ project: vm.project, nics, wifi }, host, vm, async planned => {
      await this.leaveHost(vm, host);
      return this.vms.update(vm.id, { ...patch, ...planned, ...(disks && { disks }) });
    });
  }

  /**
   * Several changes at once, so that VMs may swap MACs and addresses.
   * @param leaving hosts that are no longer declared: what a silent one keeps of a VM is lost with it
   */
  async changeAll(
    changes: { vm: VmDefinition; patch: VmPatch & { managed?: boolean } }[],
    leaving: ReadonlySet<string>,
  ): Promise<void> {
    const planned = new Map<string, VmChanges>();
    for (const { vm, patch } of changes) {
      const { nics, wifi, disks: specs, ...others } = patch;
      const rest = { ...others, ...changedPolicy(vm, others) };
      const { host = vm.ownerHost } = rest;
      const disks = await this.disks.plan(specs, vm.disks);
      const cards = await this.nics.plan({ project: vm.project, nics, wifi }, host, vm);
      planned.set(vm.id, { ...rest, ...cards, ...(disks && { disks }) });
      const lost = leaving.has(vm.ownerHost) && this.directory.palaciosSilence(vm.ownerHost) !== '';
      if (!lost) await this.leaveHost(vm, host);
    }
    await this.vms.updateAll(planned);
  }

  private async assertHost(name: string): Promise<void> {
    const hosts = (await this.hosts.all()).map(host => host.name);
    if (hosts.includes(name)) return;
    throw new V3Error(
      'HOST_NOT_FOUND',
      `there is no host "${name}"; hosts are: ${hosts.join(', ') || 'none yet, apply a cluster file'}`,
    );
  }

  /** A VM that moves leaves nothing with the Palacios it was with. */
  private async leaveHost(vm: VmDefinition, host: string): Promise<void> {
    if (host === vm.ownerHost) return;
    if (await this.statuses.get(vm.id)) await this.palacios.call('forget', vm.ownerHost, { vmId: vm.id });
  }

  /** NICs that stay as they are need cards of the same name, model and network where the VM goes. */
  private async assertCards(vm: VmDefinition, host: string): Promise<void> {
    if (host === vm.ownerHost || vm.nics.every(({ device }) => device === null)) return;
    const cards = (await this.hosts.find(host))?.nics ?? [];
    for (const { index, device, model, network } of vm.nics) {
      if (device === null) continue;
      const same = cards.find(
        card => card.name === device && card.model === model && card.network === network,
      );
      if (same) continue;
      throw new V3Error(
        'DEVICE_MISMATCH',
        `host ${host} has no ${model} named ${device} on network ${network}, which ${vm.name}/net${index} uses; ` +
          `its physical NICs are: ${cards.map(describeCard).join(', ') || 'none'}; give the VM other NICs with the move`,
      );
    }
  }

  /** Wi-Fi NICs that stay as they are need radios of the same name where the VM goes. */
  private async assertRadios(vm: VmDefinition, host: string): Promise<void> {
    if (host === vm.ownerHost || vm.wifi.length === 0) return;
    const radios = (await this.hosts.find(host))?.radios ?? [];
    for (const { index, radio } of vm.wifi) {
      const problem = radioProblem({ radio }, { name: host, radios });
      if (problem) {
        const remedy = 'give the VM other Wi-Fi NICs with the move';
        throw new V3Error('DEVICE_MISMATCH', `${vm.name}/wlan${index}: ${problem}; ${remedy}`);
      }
    }
  }

  private async assertChangeable(vm: VmDefinition, patch: VmPatch): Promise<void> {
    const needing = changesOfMachine(vm, patch);
    if (needing.length === 0) return;
    const { state } = await this.views.condition(vm);
    const allowed: readonly string[] = verbStates.delete;
    if (allowed.includes(state)) return;
    throw new V3Error(
      'VM_CHANGE_NEEDS_STOP',
      `${vm.name} is ${state}; a change of ${needing.join(', ')} needs it to be ${allowed.join(' or ')}: stop it first`,
    );
  }
}

/** What a patch changes that the running machine is made of. */
export function changesOfMachine(vm: VmDefinition, patch: VmPatch): string[] {
  const changed: string[] = [];
  if (patch.host !== undefined && patch.host !== vm.ownerHost) changed.push('host');
  if (patch.memoryMiB !== undefined && patch.memoryMiB !== vm.memoryMiB) changed.push('memoryMiB');
  if (patch.image !== undefined && patch.image !== vm.image) changed.push('image');
  if (patch.nics !== undefined && !sameNics(vm, patch.nics)) changed.push('nics');
  if (patch.wifi !== undefined && !sameWifi(vm, patch.wifi)) changed.push('wifi');
  // The store keeps an object's members in an order of its own.
  for (const name of ['devices', 'yield'] as const)
    if (patch[name] !== undefined && !isDeepStrictEqual(patch[name], vm[name])) changed.push(name);
  if (patch.disks !== undefined && !sameDisks(vm, patch.disks)) changed.push('disks');
  return changed;
}

/** Where no MAC is asked for, the present one is right. */
function sameNics(vm: VmDefinition, specs: NonNullable<VmPatch['nics']>): boolean {
  return (
    specs.length === vm.nics.length &&
    specs.every((spec, index) => {
      const { network, mac, ip, device } = spec;
      const nic = vm.nics[index];
      return (
        nic?.network === network &&
        (mac ?? nic.mac) === nic.mac &&
        (ip ?? null) === nic.ip &&
        (device ?? null) === nic.device &&
        accessOf(spec) === nic.access
      );
    })
  );
}
