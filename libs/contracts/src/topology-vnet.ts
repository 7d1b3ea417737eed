/** The overlay in a cluster file: links by name, and routes, as objects or as lines of the VNET language. */
import { z } from 'zod';
import { V3Error } from './errors';
import { impairment, linkName, vnetLinkSpec, vnetRouteSpec, type VnetRouteSpec } from './vnet';
import { formatPlace, parsePlace, parseRoute } from './vnet-language';
import { linkProblem, resolveRoute, type KnownLink, type KnownNic } from './vnet-resolve';

/** What is not said of `mtu`, `up` and `impairment` stays as it is, as with the settings of NICs. */
const linkEntry = vnetLinkSpec.omit({ name: true }).extend({
  up: z.boolean().optional(),
  impairment: impairment.nullable().optional(),
});
export type LinkEntry = z.infer<typeof linkEntry>;

const routeEntry = z.preprocess((input, ctx) => {
  if (typeof input !== 'string') return input;
  try {
    const { source, destination, to, from } = parseRoute(input);
    return { source, destination, to: formatPlace(to), from: formatPlace(from) };
  } catch (thrown) {
    const [mistake] = V3Error.from(thrown).fields ?? [];
    ctx.addIssue(
      `${mistake?.message ?? 'this is not a route'} (at character ${mistake?.column ?? 1} of the route)`,
    );
    return z.NEVER;
  }
}, vnetRouteSpec);

export const vnetEntry = z
  .strictObject({
    links: z.record(linkName, linkEntry).default({}),
    routes: z.array(routeEntry).default([]),
  })
  .default({ links: {}, routes: [] });

interface Declared {
  networks: Record<string, unknown>;
  vms: Record<string, { nics: { network: string; mac?: string }[] }>;
  vnet: z.infer<typeof vnetEntry>;
}

/** The network that a link joins: the one it names, or the only one. */
export const networkOfLink = ({ network }: LinkEntry, networks: readonly string[]): string | undefined =>
  network ?? (networks.length === 1 ? networks[0] : undefined);

/** A route's parts as the language has them. */
export const routeOf = ({ to, from, ...rest }: VnetRouteSpec) => ({
  ...rest,
  to: parsePlace(to),
  from: from === 'any' ? null : parsePlace(from),
});

/** References and duplicates. @param complain is told where, below `vnet`, something is wrong */
export function checkOverlay(
  { networks, vms, vnet }: Declared,
  complain: (path: (string | number)[], message: string) => void,
): void {
  const names = Object.keys(networks);
  const links: KnownLink[] = [];
  const peers = new Map<string, string>();
  for (const [name, link] of Object.entries(vnet.links)) {
    const network = networkOfLink(link, names);
    if (network === undefined || !names.includes(network)) {
      const which = network === undefined ? 'say which network it joins' : `there is no network "${network}"`;
      complain(['links', name, 'network'], `${which}; networks are: ${names.join(', ') || 'none'}`);
    }
    const problem = linkProblem(link);
    if (problem) complain(['links', name, problem.path], problem.message);
    const { type, remote, remotePort = '', local = '', localPort = '', vni = network } = link;
    const peer = [type, remote, remotePort, local, localPort, type === 'vxlan' ? vni : ''].join(' ');
    const other = peers.get(peer);
    if (other) complain(['links', name], `leads to the same peer as ${other}; give it another port`);
    peers.set(peer, name);
    // Numbers are given when links are made: a file cannot know them.
    links.push({ index: 0, name, remote, network: network ?? '' });
  }

  const nics = new Map<string, KnownNic>();
  for (const [vm, { nics: all }] of Object.entries(vms)) {
    all.forEach(({ mac, network }, index) => mac && nics.set(mac, { name: `${vm}/net${index}`, network }));
  }
  const routes = new Map<string, number>();
  for (const [index, route] of vnet.routes.entries()) {
    const { network: _, ...same } = route;
    const key = JSON.stringify(same);
    const other = routes.get(key);
    if (other !== undefined) complain(['routes', index], `is the same as routes[${other}]`);
    routes.set(key, index);
    try {
      resolveRoute(routeOf(route), { nics, links });
    } catch (thrown) {
      const [{ path, message } = { path: 'to', message: String(thrown) }] = V3Error.from(thrown).fields ?? [];
      complain(['routes', index, path], message);
    }
  }
}
