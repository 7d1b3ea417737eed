import { Injectable } from '@nestjs/common';
import {
  cardSettingsProblems,
  V3Error,
  type NicSettings,
  type NicSettingsPatch,
  type VnetInterface,
} from '@v3vee/contracts';
import { VmRepository, type NicDefinition, type VmDefinition } from '@v3vee/store';
import { HostDirectory } from '../hosts/host-directory';
import { PalaciosClient } from '../hosts/palacios-client';
import type { Caller } from '../http/endpoint';
import { OperationsService } from '../operations/operations.service';
import { lockOf } from './vm-lock';
import { VmViews } from './vm-view';

/** What can be changed of a NIC while its VM runs. */
@Injectable()
export class NicSettingsService {
  constructor(
    private readonly vms: VmRepository,
    private readonly views: VmViews,
    private readonly operations: OperationsService,
    private readonly palacios: PalaciosClient,
    private readonly directory: HostDirectory,
  ) {}

  /**
   * @param nic `net0`, `eth0` or `0`
   * @throws V3Error NIC_NOT_FOUND, INVALID_REQUEST, VM_BUSY, HOST_NOT_READY
   */
  async patch(
    vm: VmDefinition,
    nic: string,
    patch: NicSettingsPatch,
    caller: Caller,
  ): Promise<NicDefinition> {
    const { index, device } = nicOf(vm, nic);
    if (device !== null) assertOfCard(patch);
    return this.operations.run({
      verb: 'set-nic',
      target: `vms/${vm.name}/nics/net${index}`,
      caller,
      locks: [lockOf(vm)],
      work: () => this.change(vm, index, patch),
    });
  }

  /** Of a VM that its caller holds. What is not named stays as it is. @throws V3Error HOST_NOT_READY */
  async change(vm: VmDefinition, index: number, patch: NicSettingsPatch): Promise<NicDefinition> {
    await this.assertReachable(vm);
    const nic = await this.vms.setNic(vm, index, patch);
    await this.putIntoForce(vm, nic);
    return nic;
  }

  /** Tells the machine of the settings, if there is a machine; one that starts later reads them itself. */
  async putIntoForce(vm: VmDefinition, { index, settings }: NicDefinition): Promise<void> {
    const { state } = await this.views.condition(vm);
    if (state === 'STOPPED' || state === 'ERROR') return;
    await this.palacios.call('setNic', vm.ownerHost, { vmId: vm.id, nic: index, settings });
  }

  /** A guest that may run on a host that is cut off would keep its old settings and nobody would know. */
  private async assertReachable(vm: VmDefinition): Promise<void> {
    const { state, fresh } = await this.views.condition(vm);
    const silence = this.directory.palaciosSilence(vm.ownerHost);
    if (fresh || state === 'STOPPED' || !silence) return;
    throw new V3Error('HOST_NOT_READY', `host ${vm.ownerHost} is not ready: ${silence}`);
  }
}

/** @throws V3Error NIC_NOT_FOUND */
function nicOf(vm: VmDefinition, nic: string): NicDefinition {
  const found = vm.nics[Number(/^(?:net|eth)?([0-3])$/.exec(nic)?.[1] ?? NaN)];
  if (found) return found;
  const names = vm.nics.map(({ index }) => `net${index}`).join(', ') || 'none';
  throw new V3Error('NIC_NOT_FOUND', `${vm.name} has no NIC "${nic}"; its NICs are: ${names}`);
}

/** @throws V3Error INVALID_REQUEST when something is set that only virtio NICs have */
function assertOfCard(patch: NicSettingsPatch): void {
  const fields = cardSettingsProblems(patch).map(({ key, message }) => ({ path: key, message }));
  const [first] = fields;
  if (first) throw new V3Error('INVALID_REQUEST', `${first.path}: ${first.message}`, { fields });
}

/** The named settings that differ, and how in words; nothing when all are so already. */
export function settingsDifference(
  present: NicSettings,
  patch: NicSettingsPatch | undefined,
): { patch: NicSettingsPatch; detail: string } | undefined {
  const changed = Object.entries(patch ?? {}).filter(
    ([key, value]) =>
      value !== undefined && JSON.stringify(value) !== JSON.stringify(present[key as keyof NicSettings]),
  );
  if (changed.length === 0) return undefined;
  const words = changed.map(([key, value]) =>
    key === 'impairment' ? key : `${key} ${String(present[key as keyof NicSettings])} → ${String(value)}`,
  );
  return { patch: Object.fromEntries(changed) as NicSettingsPatch, detail: words.join(', ') };
}

/** @param attached whether the overlay has it now; null: unknown */
export function interfaceView(vm: VmDefinition, nic: NicDefinition, attached: boolean | null): VnetInterface {
  const { index, mac, network, settings } = nic;
  return { vm: vm.name, name: `net${index}`, mac, network, host: vm.ownerHost, attached, settings };
}
