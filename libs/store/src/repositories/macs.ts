import { V3Error } from '@v3vee/contracts';
import type { EntityManager } from 'typeorm';

/** Any constant that no other lock has: 'V3MA' in ASCII. */
const MAC_LOCK = 0x56334d41;

/**
 * That a MAC address is of one NIC, Wi-Fi NIC or access point only. The last look of a transaction that wrote one; of two
 * such transactions, one waits here until the other has ended, and so sees it.
 * @throws V3Error MAC_IN_USE
 */
export async function assertMacs(manager: EntityManager): Promise<void> {
  await manager.query('SELECT pg_advisory_xact_lock($1)', [MAC_LOCK]);
  const [twice]: { mac: string; users: string }[] = await manager.query(
    `SELECT mac, string_agg(name, ' and ' ORDER BY name) AS users FROM (
       SELECT mac, vm.name || '/net' || nic.index AS name FROM nic JOIN vm ON vm.id = nic.vm_id
       UNION ALL
       SELECT mac, vm.name || '/wlan' || nic.index FROM wifi_nic AS nic JOIN vm ON vm.id = nic.vm_id
       UNION ALL
       SELECT bssid, 'access point ' || name FROM access_point) AS used
     GROUP BY mac HAVING count(*) > 1 ORDER BY mac LIMIT 1`,
  );
  if (!twice) return;
  throw new V3Error('MAC_IN_USE', `MAC ${twice.mac} would be of ${twice.users}; each NIC needs its own`);
}
