/** What routes and links refer to, and whether they can: for the gateway, and for a cluster file before it is sent. */
import { V3Error, type ErrorCode, type FieldError } from './errors';
import { defaultLinkPort, type LinkType, type VnetPlace } from './vnet';
import type { PlaceRef, RouteText } from './vnet-language';

export interface KnownNic {
  /** `a1/net0` */
  name: string;
  network: string;
}
export interface KnownLink {
  index: number;
  name: string;
  /** Canonical spelling. */
  remote: string;
  network: string;
}
/** What there is to refer to. */
export interface KnownPlaces {
  /** By MAC address, which is unique in a cluster. */
  nics: ReadonlyMap<string, KnownNic>;
  links: readonly KnownLink[];
}

export interface ResolvedRoute {
  network: string;
  to: VnetPlace;
  from: VnetPlace | null;
}

/** The part of a route that something is wrong with. */
export type RoutePart = 'to' | 'from' | 'network';

const SHOWN = 10;

/**
 * Finds the NICs and links that a route names, and its network, which is theirs. The original takes a route to an
 * interface that does not exist, and then frames vanish without a word; here it is refused.
 * @param network what the route must belong to; also tells links to one peer apart
 * @throws V3Error NIC_NOT_FOUND, VNET_LINK_NOT_FOUND, INVALID_REQUEST with the wrong part as the field's path
 */
export function resolveRoute(
  { to, from, network }: Pick<RouteText, 'to' | 'from'> & { network?: string },
  known: KnownPlaces,
): ResolvedRoute {
  const nicNetwork = (place: PlaceRef | null) =>
    place?.type === 'interface' ? known.nics.get(place.mac)?.network : undefined;
  const hint = network ?? nicNetwork(to) ?? nicNetwork(from);
  const end = findPlace(to, 'to', hint, known);
  const start = from && findPlace(from, 'from', hint ?? end.network, known);
  if (start && start.network !== end.network) {
    throw mistake(
      'INVALID_REQUEST',
      'from',
      `${start.name} is on network ${start.network}, but ${end.name} on ${end.network}; ` +
        'both ends of a route are on one network',
    );
  }
  if (network !== undefined && network !== end.network) {
    throw mistake(
      'INVALID_REQUEST',
      'network',
      `${end.name} is on network ${end.network}, not on ${network}`,
    );
  }
  return { network: end.network, to: end.place, from: start?.place ?? null };
}

interface Found {
  place: VnetPlace;
  name: string;
  network: string;
}

function findPlace(ref: PlaceRef, part: RoutePart, network: string | undefined, known: KnownPlaces): Found {
  if (ref.type === 'interface') {
    const nic = known.nics.get(ref.mac);
    if (nic) return { place: ref, name: `interface ${ref.mac} (${nic.name})`, network: nic.network };
    const list = [...known.nics].map(([mac, { name }]) => `${mac} (${name})`);
    throw mistake('NIC_NOT_FOUND', part, `no NIC has the address ${ref.mac}; NICs are: ${listed(list)}`);
  }
  const link = findLink(ref.link, part, network, known.links);
  return { place: { type: 'edge', link: link.index }, name: `link ${link.name}`, network: link.network };
}

function findLink(
  ref: string,
  part: RoutePart,
  network: string | undefined,
  links: readonly KnownLink[],
): KnownLink {
  const byName = links.find(({ name, index }) => name === ref || String(index) === ref);
  if (byName) return byName;
  const toPeer = links.filter(({ remote }) => remote === ref);
  const here = toPeer.length > 1 ? toPeer.filter(link => link.network === network) : toPeer;
  const [link, another] = here.length > 0 ? here : toPeer;
  if (link && !another) return link;
  if (link) {
    const names = listed(toPeer.map(({ name }) => name));
    throw mistake('INVALID_REQUEST', part, `several links lead to ${ref}; name one of them: ${names}`);
  }
  const list = links.map(({ name, remote }) => `${name} (${remote})`);
  throw mistake('VNET_LINK_NOT_FOUND', part, `there is no link ${ref}; links are: ${listed(list)}`);
}

const mistake = (code: ErrorCode, part: RoutePart, message: string): V3Error =>
  new V3Error(code, message, { fields: [{ path: part, message }] });

function listed(names: string[]): string {
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '';
  return names.length === 0 ? 'none' : `${names.slice(0, SHOWN).join(', ')}${more}`;
}

/** How a route names a link: by its peer's address, as the original does, where that tells it from all others. */
export function linkReference(link: KnownLink, links: readonly KnownLink[]): string {
  const alone = links.filter(({ remote }) => remote === link.remote).length === 1;
  return alone ? link.remote : link.name;
}

/** The ends of a link, as far as they are said. */
export interface LinkEnds {
  type: LinkType;
  remote: string;
  remotePort?: number;
  local?: string;
  localPort?: number;
  vni?: number;
}

/** What is wrong with a link that no single field shows; undefined when nothing is. */
export function linkProblem({ type, remote, local, vni, ...ports }: LinkEnds): FieldError | undefined {
  const family = (address: string) => (address.includes(':') ? 'IPv6' : 'IPv4');
  const isGroup = /^(22[4-9]|23\d|24\d|25[0-5])\.|^ff/.test(remote);
  if (isGroup || remote === '0.0.0.0' || remote === '::') {
    return { path: 'remote', message: `${remote} is no address of a single peer` };
  }
  if (local !== undefined && family(local) !== family(remote)) {
    return {
      path: 'local',
      message: `${local} is ${family(local)}, but the peer's address is ${family(remote)}`,
    };
  }
  if (vni !== undefined && type !== 'vxlan') {
    return { path: 'vni', message: `only a vxlan link has a number on the wire; this one is ${type}` };
  }
  const { remotePort = defaultLinkPort[type], localPort = defaultLinkPort[type] } = ports;
  if (type !== 'tcp' && remote === (local ?? loopback(remote)) && remotePort === localPort) {
    return {
      path: 'remote',
      message: 'this link leads to itself; give its ends different addresses or ports',
    };
  }
  return undefined;
}

/** Where a link listens unless it is said: the loopback address of its peer's family. */
export const loopback = (remote: string): string => (remote.includes(':') ? '::1' : '127.0.0.1');
