import type { VnetInterface, VnetLink, VnetRoute } from '@v3vee/contracts';

/** Where a route can lead, in the words of the VNET language, and what is there. */
export const placesOf = (
  links: readonly Pick<VnetLink, 'name' | 'type' | 'remote'>[],
  interfaces: readonly Pick<VnetInterface, 'vm' | 'name' | 'mac'>[],
): { value: string; label: string }[] => [
  ...links.map(({ name, type, remote }) => ({ value: `edge ${name}`, label: `link, ${type} to ${remote}` })),
  ...interfaces.map(({ vm, name, mac }) => ({ value: `interface ${mac}`, label: `${vm}/${name}` })),
];

/** What a place or an address of a route is called by people; undefined: nothing else. */
export function nameOf(
  place: string,
  interfaces: readonly Pick<VnetInterface, 'vm' | 'name' | 'mac'>[],
): string | undefined {
  const mac = place.replace(/^(interface |not-)/, '');
  const nic = interfaces.find(each => each.mac === mac);
  return nic && `${nic.vm}/${nic.name}`;
}

/** Routes that somebody made, by network. */
export function madeRoutes(routes: readonly Pick<VnetRoute, 'automatic' | 'network'>[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { automatic, network } of routes) {
    if (!automatic) counts.set(network, (counts.get(network) ?? 0) + 1);
  }
  return counts;
}
