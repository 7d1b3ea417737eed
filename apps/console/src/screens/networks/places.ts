import type { AccessPoint, VnetInterface, VnetLink, VnetRoute } from '@v3vee/contracts';

/** Where a route can lead, in the words of the VNET language, and what is there. */
export const placesOf = (
  links: readonly Pick<VnetLink, 'name' | 'type' | 'remote'>[],
  interfaces: readonly Pick<VnetInterface, 'vm' | 'name' | 'mac'>[],
): { value: string; label: string }[] => [
  ...links.map(({ name, type, remote }) => ({ value: `edge ${name}`, label: `link, ${type} to ${remote}` })),
  ...interfaces.map(({ vm, name, mac }) => ({ value: `interface ${mac}`, label: `${vm}/${name}` })),
];

/** What addresses and places of routes are called by people. */
export class Names {
  private readonly names = new Map<string, string>();

  constructor(
    interfaces: readonly Pick<VnetInterface, 'vm' | 'name' | 'mac'>[],
    links: readonly Pick<VnetLink, 'name' | 'remote'>[],
    accessPoints: readonly Pick<AccessPoint, 'name' | 'bssid'>[],
    private readonly serviceMacPrefix: string,
  ) {
    for (const { vm, name, mac } of interfaces) this.names.set(mac, `${vm}/${name}`);
    for (const { name, remote } of links) this.names.set(`edge ${remote}`, name);
    for (const { name, bssid } of accessPoints) this.names.set(bssid, `ap/${name}`);
  }

  /** @param place `interface 02:…`, `edge 192.0.2.1`, `not-02:…`; undefined: it has no other name */
  of(place: string): string | undefined {
    const key = place.replace(/^(interface |not-)/, '');
    return this.names.get(key) ?? (key.startsWith(this.serviceMacPrefix) ? 'DHCP and DNS' : undefined);
  }
}

/** Routes that somebody made, by network. */
export function madeRoutes(routes: readonly Pick<VnetRoute, 'automatic' | 'network'>[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { automatic, network } of routes) {
    if (!automatic) counts.set(network, (counts.get(network) ?? 0) + 1);
  }
  return counts;
}
