import { randomUUID } from 'node:crypto';
import {
  DEFAULT_PROJECT,
  V3Error,
  type CardAccess,
  type DeviceSpec,
  type ErrorCode,
  type FailoverPolicy,
  type NicSettingsPatch,
  type YieldSettings,
} from '@v3vee/contracts';
import { DataSource, In, Not, type EntityManager } from 'typeorm';
import type { QueryDeepPartialEntity } from 'typeorm/query-builder/QueryPartialEntity';
import { translating } from '../constraints';
import { NicEntity, VmDiskEntity, VmEntity, WifiNicEntity } from '../entities';
import { isUuid, type PageOf } from '../page';
import { assertCards } from './cards';
import { assertMacs } from './macs';
import { assertVmQuotas } from './quotas';
import { assertRadios } from './radios';
import type { NicDefinition, VmDefinition } from '../vm-definition';
import { readVms } from './vm-reading';

export interface NewNic {
  networkId: string;
  mac: string;
  ip: string | null;
  /** What differs from the defaults. */
  settings?: NicSettingsPatch;
  /** A physical NIC of the host; both or none. */
  device?: string | null;
  access?: CardAccess | null;
}

export interface NewWifiNic {
  /** Of the host, by name. */
  radio: string;
  ssid: string | null;
  passphrase: string | null;
  mac: string;
  /** With its prefix length; null if `dhcp`. */
  ip: string | null;
  dhcp: boolean;
}

export type NewDisk = Omit<VmDiskEntity, 'vmId' | 'index'>;

export interface NewVm {
  id?: string;
  name: string;
  /** Absent: the default one. */
  project?: string;
  host: string;
  memoryMiB: number;
  image: string;
  autostart: boolean;
  boot: 'template' | 'cold';
  managed: boolean;
  /** Both or none. */
  failover?: FailoverPolicy;
  checkpointEvery?: number | null;
  /** Absent: as by default. */
  yield?: YieldSettings;
  devices?: DeviceSpec[];
  nics: NewNic[];
  wifi?: NewWifiNic[];
  disks?: NewDisk[];
}

/**
 * A new host becomes the owner, under a new epoch; new NICs replace all old ones, and so do new Wi-Fi NICs and disks. What
 * is on a disk stays where it is named by its id.
 */
export type VmChanges = Partial<Omit<NewVm, 'id' | 'name' | 'project'>>;

export class VmRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** By id. */
  async get(id: string, manager = this.dataSource.manager): Promise<VmDefinition | null> {
    if (!isUuid(id)) return null;
    const [vm] = await readVms(manager, { id });
    return vm ?? null;
  }

  /** By id or name. */
  async find(idOrName: string, manager = this.dataSource.manager): Promise<VmDefinition | null> {
    const byId = await this.get(idOrName, manager);
    return byId ?? (await readVms(manager, { name: idOrName }))[0] ?? null;
  }

  /** Those a host owns, by name: what its Palacios is responsible for. */
  ofHost(host: string): Promise<VmDefinition[]> {
    return readVms(this.dataSource.manager, { ownerHost: host });
  }

  all(): Promise<VmDefinition[]> {
    return readVms(this.dataSource.manager);
  }

  /** By name, all or those of one owner host. */
  list({ after, limit, host }: PageOf<string> & { host?: string }): Promise<VmDefinition[]> {
    return readVms(this.dataSource.manager, { after, limit, ownerHost: host });
  }

  /** Whether any definition uses an image. */
  async usingImage(image: string): Promise<string[]> {
    const rows = await this.dataSource
      .getRepository(VmEntity)
      .find({ where: { image }, select: { name: true }, order: { name: 'ASC' } });
    return rows.map(({ name }) => name);
  }

  /** @throws V3Error VM_EXISTS, MAC_IN_USE, IP_IN_USE, HOST_NOT_FOUND, NETWORK_NOT_FOUND, PROJECT_NOT_FOUND, QUOTA_EXCEEDED, DEVICE_MISMATCH, DEVICE_IN_USE */
  create({ nics, wifi = [], disks = [], ...vm }: NewVm): Promise<VmDefinition> {
    return this.writing(vm.name, async manager => {
      const { id = randomUUID(), project = DEFAULT_PROJECT, ...definition } = vm;
      await manager
        .getRepository(VmEntity)
        .insert(columns({ id, project, ...definition, ownerHost: definition.host, epoch: 1 }));
      await assertVmQuotas(manager, project);
      await this.putNics(manager, id, nics);
      await this.putWifi(manager, id, wifi);
      await this.putDisks(manager, id, disks);
      return id;
    });
  }

  /** @throws V3Error VM_NOT_FOUND, MAC_IN_USE, IP_IN_USE, HOST_NOT_FOUND, NETWORK_NOT_FOUND, DEVICE_MISMATCH, DEVICE_IN_USE */
  update(id: string, changes: VmChanges): Promise<VmDefinition> {
    return this.writing(id, async manager => {
      await this.change(manager, id, changes);
      return id;
    });
  }

  /**
   * Makes another host the owner, if the VM still is at `epoch` of `from`: the one step that decides who may run it.
   * @param cards by index of the NIC: which card of the new host it is
   * @param outer a transaction that it is to be a part of
   * @param known the VM as it was read a moment ago: it need not be read again, if it has no cards to change
   * @returns the VM as it is now, null when it is not at that epoch any more
   * @throws V3Error DEVICE_MISMATCH, DEVICE_IN_USE
   */
  async swapOwner(
    id: string,
    { from, epoch, to }: { from: string; epoch: number; to: string },
    cards: ReadonlyMap<number, string> = new Map(),
    outer: EntityManager = this.dataSource.manager,
    known?: VmDefinition,
  ): Promise<VmDefinition | null> {
    const swap = async (manager: EntityManager, condition = ''): Promise<boolean> => {
      const [, swapped]: [unknown, number] = await manager.query(
        `UPDATE vm SET host = $4, owner_host = $4, epoch = epoch + 1, updated_at = now()
         WHERE id = $1 AND owner_host = $2 AND epoch = $3 ${condition}`,
        [id, from, epoch, to],
      );
      return swapped === 1;
    };
    return translating(violations(id), async () => {
      // One that needs nothing of its new host: a single statement, for whose end the guest waits when it moves.
      const freely = 'AND NOT EXISTS (SELECT FROM wifi_nic WHERE vm_id = vm.id)';
      if (cards.size === 0 && (await swap(outer, freely))) {
        return known ? { ...known, host: to, ownerHost: to, epoch: epoch + 1 } : this.get(id, outer);
      }
      return outer.transaction(async manager => {
        if (!(await swap(manager))) return null;
        for (const [index, device] of cards)
          await manager.getRepository(NicEntity).update({ vmId: id, index }, { device });
        if (cards.size > 0) await assertCards(manager, [to], 'DEVICE_MISMATCH');
        const vm = await this.get(id, manager);
        if (vm && vm.wifi.length > 0) await assertRadios(manager, [to], 'DEVICE_MISMATCH');
        return vm;
      });
    });
  }

  /**
   * Changes several VMs at once, all or none: what is one VM's alone (MACs, addresses, cards that are passed through)
   * need be so only afterwards, so VMs may swap it.
   * @throws V3Error like `update`
   */
  async updateAll(changes: ReadonlyMap<string, VmChanges>): Promise<void> {
    await translating(violations(''), () =>
      this.dataSource.transaction(async manager => {
        await manager.query('SET CONSTRAINTS nic_mac_unique, nic_ip_unique, wifi_nic_mac_unique DEFERRED');
        const hosts = new Set<string>();
        for (const [id, change] of changes) hosts.add(await this.change(manager, id, change));
        await assertCards(manager, [...hosts], 'DEVICE_MISMATCH');
        await assertRadios(manager, [...hosts], 'DEVICE_MISMATCH');
        await assertMacs(manager);
      }),
    );
  }

  /**
   * Changes what is named of a NIC's settings.
   * @throws V3Error NIC_NOT_FOUND
   */
  async setNic(vm: VmDefinition, index: number, settings: NicSettingsPatch): Promise<NicDefinition> {
    // `||` of jsonb: keys of the right replace those of the left, in one step also beside another change.
    await this.dataSource.query(
      'UPDATE nic SET settings = settings || $3::jsonb WHERE vm_id = $1 AND index = $2',
      [vm.id, index, JSON.stringify(settings)],
    );
    const nic = (await this.get(vm.id))?.nics[index];
    if (!nic) throw new V3Error('NIC_NOT_FOUND', `${vm.name} has no NIC ${index}`);
    return nic;
  }

  /** Its NICs and its status go with it; its snapshots stay. */
  async remove(id: string): Promise<void> {
    await this.dataSource.getRepository(VmEntity).delete({ id });
  }

  /** @returns its owner host */
  private async change(
    manager: EntityManager,
    id: string,
    { nics, wifi, disks, ...changes }: VmChanges,
  ): Promise<string> {
    const repository = manager.getRepository(VmEntity);
    const lock = { mode: 'pessimistic_write' } as const;
    const vm = await repository.findOne({ where: { id }, lock });
    if (!vm) throw new V3Error('VM_NOT_FOUND', `there is no virtual machine ${id}`);
    const moved = changes.host !== undefined && changes.host !== vm.ownerHost;
    const owner: { ownerHost?: string; epoch?: number } = moved
      ? { ownerHost: changes.host, epoch: vm.epoch + 1 }
      : {};
    await repository.update({ id }, columns({ ...changes, ...owner, updatedAt: new Date() }));
    if ((changes.memoryMiB ?? 0) > vm.memoryMiB) await assertVmQuotas(manager, vm.project);
    if (nics) await this.putNics(manager, id, nics);
    if (wifi) await this.putWifi(manager, id, wifi);
    if (disks) await this.putDisks(manager, id, disks);
    return owner.ownerHost ?? vm.ownerHost;
  }

  private async putNics(manager: EntityManager, vmId: string, nics: NewNic[]): Promise<void> {
    await manager.getRepository(NicEntity).delete({ vmId });
    if (nics.length === 0) return;
    await manager.getRepository(NicEntity).insert(nics.map((nic, index) => ({ vmId, index, ...nic })));
  }

  private async putWifi(manager: EntityManager, vmId: string, nics: NewWifiNic[]): Promise<void> {
    await manager.getRepository(WifiNicEntity).delete({ vmId });
    if (nics.length === 0) return;
    await manager.getRepository(WifiNicEntity).insert(nics.map((nic, index) => ({ vmId, index, ...nic })));
  }

  private async putDisks(manager: EntityManager, vmId: string, disks: NewDisk[]): Promise<void> {
    const repository = manager.getRepository(VmDiskEntity);
    const kept = disks.map(({ id }) => id);
    await repository.delete({ vmId, ...(kept.length > 0 ? { id: Not(In(kept)) } : {}) });
    await manager.query('SET CONSTRAINTS vm_disk_index_unique DEFERRED');
    if (disks.length > 0)
      await repository.upsert(
        disks.map((disk, index) => ({ vmId, index, ...disk })),
        ['id'],
      );
  }

  private writing(vm: string, write: (manager: EntityManager) => Promise<string>): Promise<VmDefinition> {
    return translating(violations(vm), () =>
      this.dataSource.transaction(async manager => {
        const definition = (await this.get(await write(manager), manager)) as VmDefinition;
        await assertCards(manager, [definition.ownerHost], 'DEVICE_MISMATCH');
        await assertRadios(manager, [definition.ownerHost], 'DEVICE_MISMATCH');
        await assertMacs(manager);
        return definition;
      }),
    );
  }
}

/** TypeORM's own type looks for columns inside of JSON. */
const columns = (vm: Partial<VmEntity>) => vm as QueryDeepPartialEntity<VmEntity>;

/** What each constraint means to whoever wrote; `Key (mac)=(02:…) already exists.` carries the value. */
export function violations(vm: string): Record<string, [ErrorCode, string | ((failure: string) => string)]> {
  const value = (failure: string) => /=\((?:[0-9a-f-]{36}, )?([^)]*)\)/.exec(failure)?.[1] ?? 'given';
  return {
    vm_name_unique: ['VM_EXISTS', `a virtual machine named "${vm}" exists; choose another name`],
    vm_host_exists: ['HOST_NOT_FOUND', failure => `there is no host "${value(failure)}"`],
    vm_owner_host_exists: ['HOST_NOT_FOUND', failure => `there is no host "${value(failure)}"`],
    vm_project_exists: ['PROJECT_NOT_FOUND', failure => `there is no project "${value(failure)}"`],
    nic_network_exists: ['NETWORK_NOT_FOUND', 'a network of these NICs was deleted meanwhile'],
    nic_mac_unique: [
      'MAC_IN_USE',
      failure => `MAC ${value(failure)} belongs to another NIC; each NIC needs its own`,
    ],
    wifi_nic_mac_unique: [
      'MAC_IN_USE',
      failure => `MAC ${value(failure)} belongs to another NIC; each NIC needs its own`,
    ],
    nic_ip_unique: [
      'IP_IN_USE',
      failure => `address ${value(failure)} belongs to another NIC on this network; choose a free one`,
    ],
  };
}
