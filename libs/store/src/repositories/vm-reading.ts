import type { EntityManager } from 'typeorm';
import { toDefinition, type VmDefinition, type VmRow } from '../vm-definition';

/** All that is named has to hold. */
export interface VmFilter {
  id?: string;
  name?: string;
  ownerHost?: string;
  /** By name: those behind it. */
  after?: string;
  limit?: number;
}

/** A VM with all that is its own, as one row: entities by joins cost several times as much (docs/labs/control.md). */
const SELECT = `
  SELECT vm.id, vm.name, vm.project, vm.host, vm.owner_host AS "ownerHost", vm.epoch, vm.memory_mib AS "memoryMiB",
         vm.image, vm.autostart, vm.boot, vm.yield, vm.devices, vm.managed, vm.failover,
         vm.checkpoint_every AS "checkpointEvery", vm.created_at AS "createdAt", vm.updated_at AS "updatedAt",
         owner.nics AS "ownerNics",
         coalesce((
           SELECT jsonb_agg(jsonb_build_object(
                    'index', nic.index, 'networkId', nic.network_id, 'mac', nic.mac, 'ip', nic.ip,
                    'settings', nic.settings, 'device', nic.device, 'access', nic.access,
                    'network', jsonb_build_object('name', network.name, 'vni', network.vni, 'subnet', network.subnet,
                                                  'dhcp', network.dhcp, 'dns', network.dns))
                  ORDER BY nic.index)
           FROM nic JOIN network ON network.id = nic.network_id WHERE nic.vm_id = vm.id), '[]') AS nics,
         coalesce((
           SELECT jsonb_agg(jsonb_build_object(
                    'index', wifi.index, 'radio', wifi.radio, 'ssid', wifi.ssid, 'passphrase', wifi.passphrase,
                    'mac', wifi.mac, 'ip', wifi.ip, 'dhcp', wifi.dhcp)
                  ORDER BY wifi.index)
           FROM wifi_nic wifi WHERE wifi.vm_id = vm.id), '[]') AS wifi,
         coalesce((
           SELECT jsonb_agg(jsonb_build_object(
                    'id', disk.id, 'index', disk.index, 'name', disk.name, 'bytes', disk.bytes,
                    'readOnly', disk.read_only, 'cdrom', disk.cdrom, 'mount', disk.mount, 'root', disk.root,
                    'image', disk.image, 'base', disk.base)
                  ORDER BY disk.index)
           FROM vm_disk disk WHERE disk.vm_id = vm.id), '[]') AS disks
  FROM vm JOIN host owner ON owner.name = vm.owner_host`;

/** By name. */
export async function readVms(manager: EntityManager, filter: VmFilter = {}): Promise<VmDefinition[]> {
  const { id, name, ownerHost, after, limit } = filter;
  const values: unknown[] = [];
  const given = (value: unknown) => `$${values.push(value)}`;
  const where = [
    ...(id === undefined ? [] : [`vm.id = ${given(id)}`]),
    ...(name === undefined ? [] : [`vm.name = ${given(name)}`]),
    ...(ownerHost === undefined ? [] : [`vm.owner_host = ${given(ownerHost)}`]),
    ...(after === undefined ? [] : [`vm.name > ${given(after)}`]),
  ];
  const rows = (await manager.query(
    `${SELECT}${where.length > 0 ? ` WHERE ${where.join(' AND ')}` : ''} ORDER BY vm.name` +
      (limit === undefined ? '' : ` LIMIT ${given(limit)}`),
    values,
  )) as VmRow[];
  return rows.map(toDefinition);
}
