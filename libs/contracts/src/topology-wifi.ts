/** Wi-Fi in a cluster file: radios of hosts, access points, and the Wi-Fi NICs of VMs. */
import { z } from 'zod';
import { isServiceMac, serviceAddressProblem } from './network-services';
import { inSubnet, resourceName } from './quantities';
import type { NetworkSpec } from './resources';
import { ACCESS_POINTS, accessPointSpec, type Radio, type WifiNicSpec } from './wifi';

/** What is not said of position, power, beacon interval and hiding stays as it is, as with links of the overlay. */
const accessPointEntry = accessPointSpec.omit({ name: true });
export type AccessPointEntry = z.infer<typeof accessPointEntry>;
export const accessPointEntries = z.record(resourceName, accessPointEntry).default({});

type Path = (string | number)[];
type Complain = (path: Path, message: string) => void;
interface Declared {
  hosts: Record<string, { radios: Radio[] }>;
  networks: Record<string, Omit<NetworkSpec, 'name'>>;
  accessPoints: Record<string, AccessPointEntry>;
  vms: Record<string, { host: string; wifi: WifiNicSpec[] }>;
}
/** Where each is used already: MAC addresses, and `network/address`. */
export interface Taken {
  macs: Map<string, string>;
  ips: Map<string, string>;
}

const names = (known: object) => Object.keys(known).join(', ') || 'none';

/** References and duplicates. @param complain is told where something is wrong */
export function checkWifi(cluster: Declared, taken: Taken, complain: Complain): void {
  const { hosts, networks, accessPoints, vms } = cluster;
  for (const [host, { radios }] of Object.entries(hosts)) {
    if (host === ACCESS_POINTS && radios.length > 0) {
      const message = `a host with radios cannot be called "${host}", since ${host}/NAME is an access point`;
      complain(['hosts', host, 'radios'], message);
    }
    radios.forEach(({ name }, index) => {
      if (radios.findIndex(other => other.name === name) === index) return;
      const message = `host ${host} has a radio ${name} already; each needs its own name`;
      complain(['hosts', host, 'radios', index, 'name'], message);
    });
    checkDedicated(host, radios, vms, complain);
  }
  for (const [name, { network }] of Object.entries(accessPoints)) {
    if (Object.hasOwn(networks, network)) continue;
    const message = `there is no network "${network}"; networks are: ${names(networks)}`;
    complain(['accessPoints', name, 'network'], message);
  }
  for (const [name, { host, wifi }] of Object.entries(vms)) {
    const owner = Object.hasOwn(hosts, host) ? hosts[host] : undefined;
    wifi.forEach((nic, index) => {
      const at: Path = ['vms', name, 'wifi', index];
      const problem = owner && radioProblem(nic, { name: host, radios: owner.radios });
      if (problem) complain([...at, 'radio'], problem);
      checkAddresses(nic, `vms.${name}.wifi[${index}]`, cluster, taken, (path, message) =>
        complain([...at, ...path], message),
      );
    });
  }
}

/** Who is told is whoever comes second. */
function checkDedicated(
  host: string,
  radios: readonly Radio[],
  vms: Declared['vms'],
  complain: Complain,
): void {
  for (const { name } of radios.filter(({ dedicated }) => dedicated)) {
    const nics = Object.entries(vms).flatMap(([vm, { host: at, wifi }]) =>
      at === host ? wifi.flatMap(({ radio }, index) => (radio === name ? [{ vm, index }] : [])) : [],
    );
    const [first] = nics;
    for (const { vm, index } of nics) {
      if (vm === first?.vm) continue;
      const message = `radio ${name} of host ${host} is dedicated, and VM ${first?.vm} has it already`;
      complain(['vms', vm, 'wifi', index, 'radio'], message);
    }
  }
}

/** Why a VM of a host cannot have a Wi-Fi NIC there; undefined: it can. */
export function radioProblem(
  { radio }: Pick<WifiNicSpec, 'radio'>,
  host: { name: string; radios: readonly Pick<Radio, 'name'>[] },
): string | undefined {
  if (host.radios.some(({ name }) => name === radio)) return undefined;
  return `host ${host.name} has no radio "${radio}"; its radios are: ${radioNames(host.radios)}`;
}

export const radioNames = (radios: readonly Pick<Radio, 'name'>[]): string =>
  radios.map(({ name }) => name).join(', ') || 'none';

function checkAddresses(
  { mac, ip, ssid }: WifiNicSpec,
  where: string,
  { networks, accessPoints }: Declared,
  { macs, ips }: Taken,
  complain: Complain,
): void {
  if (mac !== undefined) {
    if (isServiceMac(mac)) {
      const message = `${mac} is of the range of network services; choose for example one that begins with 02`;
      complain(['mac'], message);
    }
    const other = macs.get(mac);
    if (other) complain(['mac'], `MAC ${mac} is already used by ${other}; each NIC needs its own`);
    macs.set(mac, where);
  }
  if (ip === undefined || ip === 'dhcp') return;
  // Which network that is can be told only where all access points of the SSID bridge into the same one.
  const bridged = new Set(
    Object.values(accessPoints)
      .filter(accessPoint => accessPoint.ssid === ssid)
      .map(({ network }) => network),
  );
  const [name, another] = bridged;
  if (name === undefined || another !== undefined || !Object.hasOwn(networks, name)) return;
  const key = `${name}/${ip.split('/')[0]}`;
  const other = ips.get(key);
  if (other) complain(['ip'], `IP ${ip} is already used by ${other} on network ${name}`);
  ips.set(key, where);
  const network = networks[name];
  const service = network && serviceAddressProblem(ip, network);
  if (service) complain(['ip'], service);
  if (network?.subnet && !inSubnet(ip, network.subnet)) {
    complain(
      ['ip'],
      `IP ${ip} is not in network ${name}'s subnet ${network.subnet}, where SSID ${ssid} leads`,
    );
  }
}
