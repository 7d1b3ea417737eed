import type { Member } from '@v3vee/overlay';
import type { VmDefinition, VmStatusEntity } from '@v3vee/store';
import { parseIpv4 } from '@v3vee/wire';

const withoutPrefix = (address: string): string => address.split('/')[0] as string;

/** The members of each network, by its id: NICs as they are defined, with what their guests report. */
export function membersByNetwork(
  vms: readonly Pick<VmDefinition, 'id' | 'name' | 'nics' | 'wifi'>[],
  statuses: ReadonlyMap<string, Pick<VmStatusEntity, 'ips'>>,
  accessPoints: readonly { ssid: string; networkId: string }[],
): Map<string, Member[]> {
  const networks = new Map<string, Member[]>();
  for (const { id, name, nics, wifi } of vms) {
    const ips = statuses.get(id)?.ips ?? [];
    const add = (networkId: string, place: number, { mac, ip }: { mac: string; ip: string | null }) => {
      const member: Member = {
        name,
        mac,
        fixed: ip === null ? null : parseIpv4(withoutPrefix(ip)),
        reported: (ips[place] ?? []).map(withoutPrefix),
      };
      networks.set(networkId, [...(networks.get(networkId) ?? []), member]);
    };
    for (const nic of nics) add(nic.networkId, nic.index, nic);
    // Its SSID says where it will be; several access points may offer it.
    for (const nic of wifi) {
      const offered = accessPoints.filter(({ ssid }) => ssid === nic.ssid);
      for (const networkId of new Set(offered.map(ap => ap.networkId)))
        add(networkId, nics.length + nic.index, nic);
    }
  }
  return networks;
}
