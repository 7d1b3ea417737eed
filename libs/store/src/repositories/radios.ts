import { V3Error, type ErrorCode } from '@v3vee/contracts';
import type { EntityManager } from 'typeorm';
import { lockHosts } from './cards';

/**
 * That some hosts have the radios which their VMs use, looked at when the transaction has written and before it commits.
 * @param missing what it is called that a host has not (any more) a radio that a VM uses
 */
export async function assertRadios(
  manager: EntityManager,
  hosts: readonly string[],
  missing: ErrorCode,
): Promise<void> {
  await lockHosts(manager, hosts);
  const [lost]: { host: string; radio: string; nic: string }[] = await manager.query(
    `SELECT host.name AS host, nic.radio, vm.name || '/wlan' || nic.index AS nic
     FROM wifi_nic AS nic JOIN vm ON vm.id = nic.vm_id JOIN host ON host.name = vm.owner_host
     WHERE host.name = ANY ($1) AND NOT EXISTS
       (SELECT FROM jsonb_array_elements(host.radios) AS declared WHERE declared ->> 'name' = nic.radio)
     ORDER BY host.name, nic.radio, vm.created_at, vm.id LIMIT 1`,
    [hosts],
  );
  if (lost)
    throw new V3Error(missing, `host ${lost.host} has no radio "${lost.radio}", and ${lost.nic} uses it`);
}

/** When radios or access points may have gone: an SNR that was set for one of them means nothing any more. */
export async function forgetLostSnrs(manager: EntityManager): Promise<void> {
  await manager.query(
    `WITH antenna AS (
       SELECT 'ap/' || name AS id FROM access_point
       UNION ALL
       SELECT host.name || '/' || (radio ->> 'name') FROM host, jsonb_array_elements(host.radios) AS radio)
     DELETE FROM wifi_snr WHERE a NOT IN (SELECT id FROM antenna) OR b NOT IN (SELECT id FROM antenna)`,
  );
}
