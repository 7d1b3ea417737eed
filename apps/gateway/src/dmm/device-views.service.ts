import { Injectable } from '@nestjs/common';
import { Bus } from '@v3vee/bus';
import {
  defaultDmmPolicy,
  palaciosVpioCalls,
  V3Error,
  type DeviceInventory,
  type DmmDevice,
  type HookRule,
} from '@v3vee/contracts';
import {
  DmmContextRepository,
  DmmPolicyRepository,
  DmmViolationRepository,
  VmRepository,
} from '@v3vee/store';
import { HostDirectory } from '../hosts/host-directory';
import type { DeclaredDevice } from './device-directory';
import { DmmClient } from './dmm-client';

/** What a host says of its cards, or why it says nothing. */
type HostAnswer = { devices: DeviceInventory[] } | { silence: string };

/** Puts together what a device is (its host's definition), what its host's VMM counts, and what the DMM and the store know. */
@Injectable()
export class DeviceViews {
  constructor(
    private readonly bus: Bus,
    private readonly directory: HostDirectory,
    private readonly dmm: DmmClient,
    private readonly vms: VmRepository,
    private readonly policies: DmmPolicyRepository,
    private readonly contexts: DmmContextRepository,
    private readonly violations: DmmViolationRepository,
  ) {}

  async view(device: DeclaredDevice): Promise<DmmDevice> {
    return (await this.viewAll([device]))[0] as DmmDevice;
  }

  /** Each host and the DMM are asked at the same time, each no longer than its call may take. */
  async viewAll(devices: DeclaredDevice[]): Promise<DmmDevice[]> {
    const hosts = [...new Set(devices.map(({ host }) => host))];
    const [answers, hooks, vms, policies, contexts, violations] = await Promise.all([
      Promise.all(hosts.map(host => this.ask(host))),
      Promise.all(devices.map(({ host, nic }) => this.dmm.hooks(host, nic.name))),
      this.vms.all(),
      this.policies.all(),
      this.contexts.countByDevice(),
      this.violations.countByDevice(),
    ]);
    const byHost = new Map(hosts.map((host, index) => [host, answers[index] as HostAnswer]));
    const names = new Map(vms.map(({ id, name }) => [id, name]));
    return devices.map((device, index) => ({
      ...fromHost(device, byHost.get(device.host) as HostAnswer, hooks[index] ?? null, names),
      policy: policies.get(device.name) ?? defaultDmmPolicy,
      contexts: contexts.get(device.name) ?? 0,
      violations: violations.get(device.name) ?? 0,
    }));
  }

  private async ask(host: string): Promise<HostAnswer> {
    try {
      return await this.directory.watching(host, signal =>
        this.bus.call(palaciosVpioCalls.inventory, host, {}, { signal }),
      );
    } catch (thrown) {
      return { silence: V3Error.from(thrown).message };
    }
  }
}

/** @param names of VMs by id @param hooks null: the DMM does not answer */
function fromHost(
  { name, host, nic }: DeclaredDevice,
  answer: HostAnswer,
  hooks: HookRule[] | null,
  names: ReadonlyMap<string, string>,
): Omit<DmmDevice, 'policy' | 'contexts' | 'violations'> {
  const inventory = 'devices' in answer ? answer.devices.find(device => device.nic === nic.name) : undefined;
  const vm = ({ vmId }: { vmId: string }) => names.get(vmId) ?? vmId;
  const complaint = complaintOf(host, answer, inventory, hooks);
  return {
    name,
    host,
    nic: nic.name,
    model: nic.model,
    network: nic.network ?? null,
    state: complaint ? 'NOT_READY' : 'READY',
    reason: complaint ?? 'its host and the dmm service answer',
    holder: inventory?.holder ? vm(inventory.holder) : null,
    waiting: (inventory?.waiting ?? []).map(({ why, waitedMs, ...guest }) => ({
      vm: vm(guest),
      why,
      waitedMs,
    })),
    guests: (inventory?.guests ?? []).map(({ access, heldMs, ...guest }) => ({
      vm: vm(guest),
      access,
      heldMs,
    })),
    hooks: hooks ?? [],
    account: inventory?.account ?? null,
  };
}

function complaintOf(
  host: string,
  answer: HostAnswer,
  inventory: DeviceInventory | undefined,
  hooks: HookRule[] | null,
): string | undefined {
  if ('silence' in answer) return answer.silence;
  if (!inventory) return `the palacios of ${host} has no such card`;
  return hooks ? undefined : 'the dmm service does not answer';
}
