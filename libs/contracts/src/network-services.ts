/** What a network's DHCP and DNS service is called and where it answers: known alike to gateway, Palacios and vnet. */
import { parseCidr } from './quantities';

/** Private-use top-level domain (reserved by ICANN in 2024): a VM is `NAME.NETWORK.internal`. */
export const SERVICE_TOP_DOMAIN = 'internal';

/** Locally administered; the gateway makes up addresses that begin with 02, and users may not use this range. */
const SERVICE_MAC_PREFIX = '0a:56:33';

/** From 4 addresses, two of them for hosts, to those of 10.0.0.0/8. */
const PREFIXES = { min: 8, max: 30 };

/** The MAC address of a network's service: the network's 24-bit number is its lower half. */
export function serviceMac(vni: number): string {
  const octets = [16, 8, 0].map(shift => ((vni >>> shift) & 0xff).toString(16).padStart(2, '0'));
  return [SERVICE_MAC_PREFIX, ...octets].join(':');
}

/** Whether an address lies in the range that services take theirs from. */
export function isServiceMac(mac: string): boolean {
  return mac.toLowerCase().startsWith(`${SERVICE_MAC_PREFIX}:`);
}

/** `10.10.0.0/24` → `10.10.0.1`: the subnet's first host address, where DHCP and DNS answer. */
export function serviceAddress(subnet: string): string {
  const { address, mask } = parseCidr(subnet);
  const first = (address & mask) + 1;
  return [24, 16, 8, 0].map(shift => (first >>> shift) & 0xff).join('.');
}

export function serviceDomain(network: string): string {
  return `${network}.${SERVICE_TOP_DOMAIN}`;
}

/** Why a network cannot have the services that it asks for; undefined when it can, or asks for none. */
export function serviceProblem(network: {
  subnet?: string | null;
  dhcp: boolean;
  dns: boolean;
}): string | undefined {
  if (!network.dhcp && !network.dns) return undefined;
  const service = network.dhcp ? 'DHCP' : 'DNS';
  const { subnet } = network;
  if (!subnet) return `${service} needs a subnet, for example 10.10.0.0/24`;
  const { prefix } = parseCidr(subnet);
  if (prefix >= PREFIXES.min && prefix <= PREFIXES.max) return undefined;
  return `${service} needs a subnet with a prefix from /${PREFIXES.min} to /${PREFIXES.max}, not ${subnet}`;
}

/**
 * Why a NIC cannot have this address (with its prefix, `10.10.0.11/24`) on such a network; undefined when it can.
 * The network's and the broadcast address are nobody's; its first address may be its service's.
 */
export function serviceAddressProblem(
  ip: string,
  network: { subnet?: string | null; dhcp: boolean; dns: boolean },
): string | undefined {
  if (!(network.dhcp || network.dns) || !network.subnet) return undefined;
  const address = ip.split('/')[0] as string;
  if (address !== serviceAddress(network.subnet)) return undefined;
  return `${address} is where DHCP and DNS of this network answer; choose another address of ${network.subnet}`;
}
