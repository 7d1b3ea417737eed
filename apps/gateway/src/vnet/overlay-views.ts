import {
  formatLink,
  formatPlace,
  formatRoute,
  linkReference,
  type KnownLink,
  type PlaceRef,
  type VnetLink,
  type VnetPlace,
  type VnetRoute,
} from '@v3vee/contracts';
import type { LinkRecord, RouteRecord } from '@v3vee/store';
import type { VnetStatus } from './vnet-client';

/** A place as a route names it. */
function reference(place: VnetPlace, links: readonly KnownLink[]): PlaceRef {
  if (place.type === 'interface') return place;
  const link = links.find(({ index }) => index === place.link);
  return { type: 'edge', link: link ? linkReference(link, links) : String(place.link) };
}

/** What ADD takes. */
export function routeWords(
  { to, from, source, destination }: RouteRecord,
  links: readonly KnownLink[],
): string {
  return formatRoute({
    source,
    destination,
    to: reference(to, links),
    from: from && reference(from, links),
  });
}

export function routeView(route: RouteRecord, links: readonly KnownLink[]): VnetRoute {
  const { index, network, source, destination, to, from, createdAt } = route;
  return {
    ...{ index, network, source, destination },
    to: formatPlace(reference(to, links)),
    from: formatPlace(from && reference(from, links)),
    text: `ADD ${routeWords(route, links)}`,
    automatic: false,
    createdAt: createdAt.toISOString(),
  };
}

type AutomaticRoute = VnetStatus['automatic'][number];

/** Frames to an attached NIC, or to an address seen behind a link, go there. */
export function automaticView(
  { mac, to }: AutomaticRoute,
  network: string,
  links: readonly KnownLink[],
): VnetRoute {
  const route = { source: 'any', destination: mac, to: reference(to, links), from: null };
  return {
    ...{ index: null, network, source: 'any', destination: mac, from: 'any' },
    to: formatPlace(route.to),
    text: `ADD ${formatRoute(route)}`,
    automatic: true,
    createdAt: null,
  };
}

/** What ADD takes. */
export const linkWords = ({ remote, type }: LinkRecord): string =>
  formatLink({ remote: remote.address, remotePort: remote.port, type });

/** @param status null: the vnet service does not answer */
export function linkView(link: LinkRecord, status: VnetStatus | null): VnetLink {
  const { index, name, type, remote, local, network, wireVni, mtu, up, impairment, createdAt } = link;
  const seen = status?.links.find(other => other.index === index);
  return {
    ...{ index, name, type, network, mtu, up, impairment },
    remote: remote.address,
    remotePort: remote.port,
    local: local.address,
    localPort: local.port,
    vni: wireVni,
    state: seen?.state ?? 'UNKNOWN',
    reason:
      seen?.reason ??
      (status ? 'the vnet service has not taken it up yet' : 'the vnet service does not answer'),
    learned: seen?.learned ?? [],
    counters: seen?.counters ?? null,
    text: `ADD ${linkWords(link)}`,
    createdAt: createdAt.toISOString(),
  };
}
