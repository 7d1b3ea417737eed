import { Injectable } from '@nestjs/common';
import {
  impairment,
  networkOfLink,
  resolveRoute,
  routeOf,
  V3Error,
  type ApplyResult,
  type LinkEntry,
  type Topology,
  type VnetPlace,
} from '@v3vee/contracts';
import {
  VnetLinkRepository,
  VnetRouteRepository,
  type LinkRecord,
  type NetworkEntity,
  type NewLink,
} from '@v3vee/store';
import { DataSource, type EntityManager } from 'typeorm';
import { leadsOver } from '../vnet/overlay-changes.service';
import { OverlayDirectory } from '../vnet/overlay-places';
import { linkWords, routeWords } from '../vnet/overlay-views';

type Change = ApplyResult['changes'][number];

/** Makes links and routes what a cluster file declares. Those made by hand are left alone, unless they are declared. */
@Injectable()
export class OverlayApply {
  constructor(
    private readonly dataSource: DataSource,
    private readonly routes: VnetRouteRepository,
    private readonly links: VnetLinkRepository,
    private readonly directory: OverlayDirectory,
  ) {}

  /**
   * Looked at before anything is changed.
   * @throws V3Error NETWORK_IN_USE, VNET_LINK_IN_USE when something made by hand needs what would go
   */
  async assertFeasible(declared: Topology, goingNetworks: NetworkEntity[]): Promise<void> {
    const [links, routes] = await Promise.all([this.links.all(), this.routes.all()]);
    const names = Object.keys(declared.networks);
    for (const link of links) {
      const entry = declared.vnet.links[link.name];
      const going = goingNetworks.some(({ id }) => id === link.networkId);
      if (!entry && !link.managed && going) {
        throw new V3Error(
          'NETWORK_IN_USE',
          `network ${link.network} is not declared any more, but link ${link.name}, made by hand, joins it; delete it first`,
        );
      }
      const stays = entry ? networkOfLink(entry, names) === link.network : !link.managed;
      const byHand = routes.filter(route => !route.managed && leadsOver(route, link.index));
      if (stays || byHand.length === 0) continue;
      throw new V3Error(
        'VNET_LINK_IN_USE',
        `link ${link.name} is ${entry ? 'on another network' : 'not declared any more'}, but routes made by hand ` +
          `lead over it: ${byHand.map(({ index }) => index).join(', ')}; delete them first`,
      );
    }
  }

  /** When the networks and NICs are there: all or nothing. */
  apply(declared: Topology): Promise<Change[]> {
    return this.dataSource.transaction(async manager => [
      // What goes makes room for what comes: a link may only have another name now.
      ...(await this.removeLinks(declared, manager)),
      ...(await this.putLinks(declared, manager)),
      ...(await this.putRoutes(declared, manager)),
    ]);
  }

  private async removeLinks(declared: Topology, manager: EntityManager): Promise<Change[]> {
    const changes: Change[] = [];
    const routes = await this.routes.all(manager);
    for (const link of await this.links.all(manager)) {
      if (!link.managed || declared.vnet.links[link.name]) continue;
      for (const { index, managed } of routes.filter(route => leadsOver(route, link.index))) {
        if (!managed || !(await this.routes.remove(index, manager))) continue;
        changes.push({ action: 'delete', resource: `vnet/routes/${index}`, detail: '' });
      }
      await this.links.remove(link, manager);
      changes.push({ action: 'delete', resource: `vnet/links/${link.name}`, detail: '' });
    }
    return changes;
  }

  private async putLinks({ vnet, networks }: Topology, manager: EntityManager): Promise<Change[]> {
    const changes: Change[] = [];
    const ids = (await this.directory.places(manager)).networks;
    for (const [name, entry] of Object.entries(vnet.links)) {
      // The file was checked: its links' networks are in it.
      const networkId = ids.get(networkOfLink(entry, Object.keys(networks)) as string) as string;
      const present = await this.links.find(name, manager);
      const resource = `vnet/links/${name}`;
      if (!present) {
        const link = await this.links.create(wanted(name, entry, networkId), manager);
        changes.push({ action: 'create', resource, detail: linkWords(link) });
        continue;
      }
      await this.links.replace(present.index, wanted(name, entry, networkId, present), manager);
      const detail = linkDifference(present, (await this.links.find(name, manager)) as LinkRecord);
      if (detail) changes.push({ action: 'update', resource, detail });
    }
    return changes;
  }

  private async putRoutes({ vnet }: Topology, manager: EntityManager): Promise<Change[]> {
    const changes: Change[] = [];
    const places = await this.directory.places(manager);
    const present = new Map((await this.routes.all(manager)).map(route => [routeKey(route), route]));
    const declared = new Map(
      vnet.routes.map(entry => {
        const route = { ...routeOf(entry), ...resolveRoute(routeOf(entry), places) };
        return [routeKey(route), route];
      }),
    );
    for (const [key, { index, managed }] of present) {
      if (!managed || declared.has(key)) continue;
      await this.routes.remove(index, manager);
      changes.push({ action: 'delete', resource: `vnet/routes/${index}`, detail: '' });
    }
    for (const [key, { source, destination, network, to, from }] of declared) {
      const known = present.get(key);
      if (known) {
        if (known.managed) continue;
        await this.routes.setManaged(known.index, true, manager);
        const resource = `vnet/routes/${known.index}`;
        changes.push({ action: 'update', resource, detail: 'now managed by the cluster file' });
        continue;
      }
      const networkId = places.networks.get(network) as string;
      const route = await this.routes.create(
        { networkId, source, destination, to, from, managed: true },
        manager,
      );
      const detail = routeWords(route, places.links);
      changes.push({ action: 'create', resource: `vnet/routes/${route.index}`, detail });
    }
    return changes;
  }
}

/** What the file does not say of `mtu`, `up` and `impairment` stays as it is. */
function wanted(
  name: string,
  { network: _, ...entry }: LinkEntry,
  networkId: string,
  present: Pick<NewLink, 'mtu' | 'up' | 'impairment'> = { up: true, impairment: null },
): NewLink & { name: string } {
  const { mtu, up, impairment } = present;
  const said = Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== undefined));
  return { mtu, up, impairment, ...(said as typeof entry), name, networkId, managed: true } as NewLink & {
    name: string;
  };
}

function linkDifference(before: LinkRecord, after: LinkRecord): string {
  const shown = (link: LinkRecord): Record<string, string> => ({
    link: linkWords(link),
    local: `${link.local.address} ${link.local.port}`,
    network: link.network,
    vni: String(link.wireVni),
    mtu: String(link.mtu),
    up: String(link.up),
    impairment: JSON.stringify(link.impairment && impairment.parse(link.impairment)),
  });
  const [old, now] = [shown(before), shown(after)];
  const words = Object.keys(now)
    .filter(key => old[key] !== now[key])
    .map(key => (key === 'impairment' ? key : `${key} ${old[key]} → ${now[key]}`));
  if (!before.managed) words.push('now managed by the cluster file');
  return words.join(', ');
}

/** Of routes that have the same key there can be only one. */
function routeKey(route: {
  network: string;
  source: string;
  destination: string;
  to: VnetPlace;
  from: VnetPlace | null;
}): string {
  const place = (end: VnetPlace | null) => (end?.type === 'edge' ? end.link : (end?.mac ?? 'any'));
  return [route.network, route.source, route.destination, place(route.to), place(route.from)].join(' ');
}
