import { conflictingUse, V3Error, type CardAccess, type ErrorCode } from '@v3vee/contracts';
import type { EntityManager } from 'typeorm';

interface Use {
  host: string;
  /** `a1/net1` */
  nic: string;
  device: string;
  access: CardAccess;
  /** Whether the host has the card. */
  present: boolean;
}

/** Until the transaction ends: of two that write what concerns a host's hardware, one sees the other. */
export async function lockHosts(manager: EntityManager, hosts: readonly string[]): Promise<void> {
  // Not FOR UPDATE: rows of `vm` that other transactions add hold their host's key.
  await manager.query(`SELECT FROM host WHERE name = ANY ($1) ORDER BY name FOR NO KEY UPDATE`, [hosts]);
}

/**
 * What must hold of the cards of some hosts, looked at when the transaction has written and before it commits.
 * @param missing what it is called that a host has not (any more) a card that a VM uses
 * @throws V3Error DEVICE_IN_USE when one VM has a card by passthrough and another has it too
 */
export async function assertCards(
  manager: EntityManager,
  hosts: readonly string[],
  missing: ErrorCode,
): Promise<void> {
  await lockHosts(manager, hosts);
  const uses: Use[] = await manager.query(
    `SELECT host.name AS host, vm.name || '/net' || nic.index AS nic, nic.device, nic.access,
       EXISTS (SELECT FROM jsonb_array_elements(host.nics) AS card WHERE card ->> 'name' = nic.device) AS present
     FROM nic JOIN vm ON vm.id = nic.vm_id JOIN host ON host.name = vm.owner_host
     WHERE host.name = ANY ($1) AND nic.device IS NOT NULL
     ORDER BY host.name, nic.device, vm.created_at, vm.id`,
    [hosts],
  );
  const lost = uses.find(({ present }) => !present);
  if (lost) {
    const { host, device, nic } = lost;
    throw new V3Error(missing, `host ${host} has no physical NIC "${device}", and ${nic} uses it`);
  }
  const byCard = new Map<string, Use[]>();
  for (const use of uses) {
    const card = `${use.host}/${use.device}`;
    byCard.set(card, [...(byCard.get(card) ?? []), use]);
  }
  for (const [card, ofCard] of byCard) {
    const conflict = conflictingUse(ofCard);
    if (!conflict) continue;
    const { use, other } = conflict;
    const alone = use.access === 'passthrough' ? use : other;
    throw new V3Error(
      'DEVICE_IN_USE',
      `${card} cannot be used by ${use.nic} and ${other.nic}: ${alone.nic} has it by passthrough, for itself alone`,
    );
  }
}
