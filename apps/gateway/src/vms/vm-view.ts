import { Injectable } from '@nestjs/common';
import { isLive, securityOf, type Vm, type VmState } from '@v3vee/contracts';
import { ReadCache, VmStatusRepository, type VmDefinition, type VmStatusEntity } from '@v3vee/store';
import type { EntityManager } from 'typeorm';
import { FailoverNotes } from '../failover/failover-notes';
import { HostDirectory } from '../hosts/host-directory';

export interface VmCondition {
  state: VmState;
  reason: string;
  /** No Palacios has had it yet, in this epoch. */
  fresh: boolean;
}

/** Puts together what a VM is (its definition), what it does (its Palacios's word) and whether that can be so. */
@Injectable()
export class VmViews {
  constructor(
    private readonly statuses: VmStatusRepository,
    private readonly directory: HostDirectory,
    private readonly notes: FailoverNotes,
    private readonly cache: ReadCache,
  ) {}

  async view(vm: VmDefinition): Promise<Vm> {
    return this.combine(vm, await this.statuses.get(vm.id));
  }

  /**
   * For readings that many clients ask for again and again: definitions and states are read anew only when the store has
   * changed; whether a state can be so is told by what is heard now.
   * @param key that says what `read` reads, whole
   */
  async viewRead(key: readonly unknown[], read: () => Promise<VmDefinition[]>): Promise<Vm[]> {
    const rows = await this.cache.get(JSON.stringify(['vms', ...key]), async () => {
      const vms = await read();
      const statuses = await this.statuses.getMany(vms.map(({ id }) => id));
      return vms.map(vm => ({ vm, status: statuses.get(vm.id) ?? null }));
    });
    return rows.map(({ vm, status }) => this.combine(vm, status));
  }

  async viewAll(vms: VmDefinition[]): Promise<Vm[]> {
    const statuses = await this.statuses.getMany(vms.map(({ id }) => id));
    return vms.map(vm => this.combine(vm, statuses.get(vm.id) ?? null));
  }

  async condition(vm: VmDefinition, manager?: EntityManager): Promise<VmCondition> {
    return this.conditionOf(vm, await this.statuses.get(vm.id, manager));
  }

  async conditions(vms: VmDefinition[]): Promise<VmCondition[]> {
    const statuses = await this.statuses.getMany(vms.map(({ id }) => id));
    return vms.map(vm => this.conditionOf(vm, statuses.get(vm.id) ?? null));
  }

  private combine(vm: VmDefinition, status: VmStatusEntity | null): Vm {
    const { state, reason } = this.conditionOf(vm, status);
    const live = isLive(state);
    return {
      id: vm.id,
      name: vm.name,
      project: vm.project,
      host: vm.ownerHost,
      epoch: vm.epoch,
      state,
      reason,
      image: vm.image,
      memoryMiB: vm.memoryMiB,
      autostart: vm.autostart,
      boot: vm.boot,
      failover: vm.failover,
      checkpointEvery: vm.checkpointEvery,
      agent: live && status !== null && status.agent,
      core: this.coreOf(vm),
      nics: vm.nics.map(({ index, network, mac, ip, settings, device, access, model }) => ({
        name: `eth${index}`,
        model: model ?? 'virtio-net',
        device,
        access,
        network,
        mac,
        ips: (live ? status?.ips[index] : undefined) ?? (ip === null ? [] : [ip]),
        settings,
      })),
      wifi: vm.wifi.map(({ index, radio, ssid, passphrase, mac, ip, dhcp }) => ({
        name: `wlan${index}`,
        radio,
        ssid,
        security: ssid === null ? null : securityOf(passphrase),
        mac,
        ip: dhcp ? 'dhcp' : ip,
        // What the guest reports of them comes after the NICs.
        ips: (live ? status?.ips[vm.nics.length + index] : undefined) ?? (ip === null ? [] : [ip]),
      })),
      yield: vm.yield,
      devices: vm.devices,
      disks: vm.disks.map(({ index, name, bytes, image, readOnly, cdrom, mount, root }) => ({
        ...{ name, bytes, image, readOnly, cdrom, root },
        device: cdrom
          ? 'sr0'
          : `vd${'abcd'[vm.disks.filter(disk => !disk.cdrom && disk.index < index).length]}`,
        mount: cdrom ? '' : (mount ?? `/mnt/${name}`),
      })),
      createdAt: vm.createdAt.toISOString(),
      startedAt: live ? (status?.startedAt?.toISOString() ?? null) : null,
    };
  }

  private coreOf({ id, ownerHost }: VmDefinition): number | null {
    const held = this.directory.inventory(ownerHost)?.allocations;
    return held?.find(({ task }) => task === `vm/${id}`)?.core ?? null;
  }

  /** A row that says there is a live guest is believed only while the Palacios that wrote it is heard. */
  private conditionOf(vm: VmDefinition, status: VmStatusEntity | null): VmCondition {
    if (status && status.epoch < vm.epoch && vm.failover !== 'none' && status.desired !== 'stopped') {
      const reason = `${vm.ownerHost} is to go on with it; it was ${status.state} on ${status.host}`;
      return { state: 'ERROR', reason: this.noted(vm, reason), fresh: false };
    }
    if (!status || status.epoch < vm.epoch) {
      return { state: 'STOPPED', reason: 'not started yet', fresh: true };
    }
    const fresh = false;
    const { state, reason } = status;
    if (state === 'STOPPED' || state === 'ERROR') return { state, reason, fresh };
    const before = `it was ${state} when last heard of`;
    const silence = this.directory.palaciosSilence(vm.ownerHost);
    if (silence) return { state: 'ERROR', reason: this.noted(vm, `${silence}; ${before}`), fresh };
    if (this.directory.palaciosIncarnation(vm.ownerHost) !== status.incarnation) {
      const restarted = `the palacios of ${vm.ownerHost} was restarted and has not taken it up again`;
      return { state: 'ERROR', reason: this.noted(vm, `${restarted}; ${before}`), fresh };
    }
    return { state, reason, fresh };
  }

  /** With what keeps it from being started elsewhere. */
  private noted({ id }: VmDefinition, reason: string): string {
    const note = this.notes.get(id);
    return note === undefined ? reason : `${reason}; fail-over: ${note}`;
  }
}
