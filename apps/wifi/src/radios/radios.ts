import { Injectable } from '@nestjs/common';
import { V3Error, radioId, type RadioConfig } from '@v3vee/contracts';
import { Air, DedicatedRadio, Radio, systemClock, type HostRadio, type RadioContext } from '@v3vee/wifi';
import { decodeHwsim } from '@v3vee/wire';
import { Names } from '../names';

/** A VM's Wi-Fi NICs at a host. */
export interface Attachment {
  vmId: string;
  /** Its name. */
  vm: string;
  host: string;
  epoch: number;
  nics: { index: number; radio: string; address: string }[];
}

interface Attached extends Attachment {
  deliver: (message: Uint8Array) => void;
  /** By NIC. */
  radios: Map<number, HostRadio>;
}

/** The radios of all hosts, and the VMs that share them. */
@Injectable()
export class Radios {
  private readonly radios = new Map<string, { config: RadioConfig; radio: HostRadio }>();
  private readonly vms = new Map<string, Attached>();
  /** Messages of VMs that are not attached, and of an epoch that is over. */
  stale = 0;

  constructor(
    private readonly air: Air,
    private readonly names: Names,
  ) {}

  all(): { config: RadioConfig; radio: HostRadio }[] {
    return [...this.radios.values()];
  }
  attachments(): readonly Attachment[] {
    return [...this.vms.values()];
  }

  /** A radio that is to be another one is plugged in anew: who is at it goes on. One that only moves, moves. */
  converge(configs: readonly RadioConfig[]): void {
    const wanted = new Map(configs.map(config => [config.id, config]));
    const displaced = new Set<Attached>();
    for (const [id, { config, radio }] of this.radios) {
      if (isSame(config, wanted.get(id))) continue;
      for (const vm of this.vms.values()) if ([...vm.radios.values()].includes(radio)) displaced.add(vm);
    }
    const contexts = new Map([...displaced].map(vm => [vm, this.takeOff(vm)]));
    for (const [id, { config, radio }] of this.radios) {
      if (isSame(config, wanted.get(id))) continue;
      radio.stop();
      this.air.leave(radio);
      this.radios.delete(id);
    }
    for (const config of configs) {
      const { id, position } = config;
      const known = this.radios.get(id);
      if (known) known.config = config;
      else {
        const radio = this.make(config);
        this.radios.set(id, { config, radio });
        this.air.join(radio);
      }
      this.air.setPosition(id, position ?? undefined);
    }
    for (const [vm, context] of contexts) this.putOn(vm, context);
  }

  /**
   * A VM comes with its NICs, or is attached once more. One that comes from another host brings what its radio there
   * knew of it: the association goes on.
   * @throws V3Error RADIO_NOT_FOUND, DEVICE_IN_USE, MAC_IN_USE, VM_WRONG_STATE
   */
  attach(attachment: Attachment, deliver: (message: Uint8Array) => void): void {
    const { vmId, vm, host, epoch, nics } = attachment;
    const before = this.vms.get(vmId);
    if (before && before.epoch > epoch) {
      throw new V3Error('VM_WRONG_STATE', `VM ${vm} is attached in epoch ${before.epoch}; ${epoch} is over`);
    }
    for (const { radio } of nics) {
      const found = this.radios.get(radioId(host, radio));
      if (!found) throw new V3Error('RADIO_NOT_FOUND', `host ${host} has no radio "${radio}"`);
      if (!this.isOfAnother(found, vmId)) continue;
      throw new V3Error('DEVICE_IN_USE', `radio ${host}/${radio} is dedicated, and another VM has it`);
    }
    for (const other of this.vms.values()) {
      const taken =
        other.vmId !== vmId && nics.find(nic => other.nics.some(({ address }) => address === nic.address));
      if (taken) throw new V3Error('MAC_IN_USE', `VM ${other.vm} has the vMAC ${taken.address} already`);
    }
    const contexts = before ? this.takeOff(before).map(withoutUses) : [];
    const attached: Attached = { ...attachment, deliver, radios: new Map() };
    this.vms.set(vmId, attached);
    this.putOn(attached, contexts);
  }

  /** The VM is gone: its stations take leave. Nothing happens in another epoch, or at another host. */
  detach(host: string, vmId: string, epoch: number): void {
    const vm = this.vms.get(vmId);
    if (vm?.epoch !== epoch || vm.host !== host) return;
    this.vms.delete(vmId);
    for (const radio of new Set(vm.radios.values())) radio.removeVm(vmId);
    for (const { address } of vm.nics) this.names.removeNic(address);
  }

  /** A hwsim message of a guest's driver, from the host that says so. */
  fromVm(host: string, vmId: string, epoch: number, message: Uint8Array): void {
    const vm = this.vms.get(vmId);
    if (vm?.epoch !== epoch || vm.host !== host) {
      this.stale++;
      return;
    }
    radioOf(vm, message)?.fromVm(vmId, epoch, message);
  }

  stopAll(): void {
    for (const { radio } of this.radios.values()) {
      radio.stop();
      this.air.leave(radio);
    }
    this.radios.clear();
    this.vms.clear();
  }

  private make({ id, txPower, channels, dedicated }: RadioConfig): HostRadio {
    const { air } = this;
    if (dedicated) return new DedicatedRadio({ id, txPower, air });
    return new Radio({ id, txPower, channels, clock: systemClock, air });
  }

  /** Whether the radio is dedicated and a VM besides this one is at it. */
  private isOfAnother({ config, radio }: { config: RadioConfig; radio: HostRadio }, vmId: string): boolean {
    return config.dedicated && radio.vms().some(vm => vm.vmId !== vmId);
  }

  private takeOff(vm: Attached): RadioContext[] {
    const contexts = [...new Set(vm.radios.values())].map(radio => radio.detachVm(vm.vmId));
    vm.radios.clear();
    for (const { address } of vm.nics) this.names.removeNic(address);
    return contexts.filter(context => context !== undefined);
  }

  private putOn(vm: Attached, contexts: readonly RadioContext[]): void {
    const { vmId, epoch, host, nics } = vm;
    for (const name of new Set(nics.map(nic => nic.radio))) {
      const found = this.radios.get(radioId(host, name));
      // Its radio is gone from the definition, or became another VM's: deaf until it is attached elsewhere.
      if (!found || this.isOfAnother(found, vmId)) continue;
      const { radio } = found;
      const own = nics.filter(nic => nic.radio === name);
      const addresses = own.map(({ address }) => address);
      radio.addVm({ vmId, epoch, addresses }, vm.deliver, partOf(contexts, addresses));
      for (const { index } of own) vm.radios.set(index, radio);
    }
    for (const { address, index } of nics) this.names.addNic(address, vm.vm, index);
  }
}

/** Of a VM whose NICs are at several radios the message says which NIC it is of: 42:00:00:00:nn:00. */
function radioOf({ radios }: Attached, message: Uint8Array): HostRadio | undefined {
  const [first] = radios.values();
  if (new Set(radios.values()).size < 2) return first;
  try {
    return radios.get(decodeHwsim(message).radio[4] as number);
  } catch {
    // Whoever gets it counts it.
    return first;
  }
}

/** Whether the radio of the one can go on as that of the other, wherever it is. */
const isSame = (one: RadioConfig, other: RadioConfig | undefined): boolean =>
  (['txPower', 'channels', 'dedicated'] as const).every(key => one[key] === other?.[key]);

/** Of a VM that is attached: its driver tells the uses of its addresses anew, and they are counted then. */
const withoutUses = (context: RadioContext): RadioContext => ({
  ...context,
  stations: context.stations.map(station => ({ ...station, refs: 0 })),
});

/** What of the contexts is of these addresses. */
function partOf(contexts: readonly RadioContext[], addresses: readonly string[]): RadioContext | undefined {
  if (contexts.length === 0) return undefined;
  return {
    version: 1,
    stations: contexts.flatMap(({ stations }) =>
      stations.filter(({ address }) => addresses.includes(address)),
    ),
    frames: contexts.flatMap(({ frames }) => frames.filter(({ address }) => addresses.includes(address))),
  };
}
