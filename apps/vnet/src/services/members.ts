import type { Member } from '@v3vee/overlay';
import type { VmDefinition, VmStatusEntity } from '@v3vee/store';
import { parseIpv4 } from '@v3vee/wire';

const withoutPrefix = (address: string): string => address.split('/')[0] as string;

/** The members of each network, by its id: NICs as they are defined, with what their guests report. */
export function membersByNetwork(
  vms: readonly VmDefinition[],
  statuses: ReadonlyMap<string, Pick<VmStatusEntity, 'ips'>>,
): Map<string, Member[]> {
  const networks = new Map<string, Member[]>();
  for (const { id, name, nics } of vms) {
    const ips = statuses.get(id)?.ips ?? [];
    for (const { index, networkId, mac, ip } of nics) {
      const member: Member = {
        name,
        mac,
        fixed: ip === null ? null : parseIpv4(withoutPrefix(ip)),
        reported: (ips[index] ?? []).map(withoutPrefix),
      };
      networks.set(networkId, [...(networks.get(networkId) ?? []), member]);
    }
  }
  return networks;
}
