import { Controller } from '@nestjs/common';
import { routeOf, type List, type VnetRoute } from '@v3vee/contracts';
import { NetworkRepository, VnetLinkRepository, VnetRouteRepository } from '@v3vee/store';
import { Endpoint, Input, type InputOf } from '../http/endpoint';
import { PageTokens } from '../http/page-tokens';
import { noRoute, OverlayChanges } from './overlay-changes.service';
import { knownLink } from './overlay-places';
import { automaticView, routeView } from './overlay-views';
import { VnetClient } from './vnet-client';

/** Where a listing stopped: at a route's index, or among the automatic ones, which follow, at one's key. */
type Position = number | [key: string];

@Controller()
export class RoutesController {
  constructor(
    private readonly routes: VnetRouteRepository,
    private readonly links: VnetLinkRepository,
    private readonly networks: NetworkRepository,
    private readonly changes: OverlayChanges,
    private readonly vnet: VnetClient,
    private readonly pages: PageTokens,
  ) {}

  @Endpoint('listRoutes')
  async list(@Input() { query }: InputOf<'listRoutes'>): Promise<List<VnetRoute>> {
    const { pageSize, pageToken, network } = query;
    const listing = `routes/${network ?? ''}`;
    const after = pageToken === undefined ? 0 : (this.pages.open(listing, pageToken) as Position);
    const known = await this.knownLinks();
    const rows: { position: Position; route: VnetRoute }[] = [];
    if (typeof after === 'number') {
      const stored = await this.routes.list({ after, limit: pageSize + 1, network });
      rows.push(...stored.map(route => ({ position: route.index, route: routeView(route, known) })));
    }
    if (rows.length <= pageSize) {
      const [afterKey] = typeof after === 'number' ? [''] : after;
      rows.push(...(await this.automatic(network, known)).filter(({ position: [key] }) => key > afterKey));
    }
    return this.pages.page(
      listing,
      rows,
      pageSize,
      ({ position }) => position,
      ({ route }) => route,
    );
  }

  @Endpoint('getRoute')
  async get(@Input() { params }: InputOf<'getRoute'>): Promise<VnetRoute> {
    const route = await this.routes.find(Number(params.route));
    if (!route) throw noRoute(`"${params.route}"`);
    return routeView(route, await this.knownLinks());
  }

  @Endpoint('createRoute')
  async create(@Input() { body }: InputOf<'createRoute'>): Promise<VnetRoute> {
    const { result } = await this.changes.commit(async edit =>
      routeView(await edit.addRoute(routeOf(body)), edit.places.links),
    );
    return result;
  }

  @Endpoint('deleteRoute')
  async delete(@Input() { params }: InputOf<'deleteRoute'>): Promise<object> {
    await this.changes.commit(edit => edit.removeRoute(Number(params.route)));
    return {};
  }

  /** Those of attached NICs and of links; none when the vnet service does not answer. */
  private async automatic(
    network: string | undefined,
    known: Parameters<typeof automaticView>[2],
  ): Promise<{ position: [key: string]; route: VnetRoute }[]> {
    const [status, networks] = await Promise.all([this.vnet.status(), this.networks.all()]);
    const names = new Map(networks.map(({ vni, name }) => [vni, name]));
    return (status?.automatic ?? [])
      .map(route => ({ name: names.get(route.vni), route }))
      .filter(({ name }) => name !== undefined && (network === undefined || name === network))
      .map(({ name, route }) => {
        const view = automaticView(route, name as string, known);
        return { position: [`${view.network} ${view.destination} ${view.to}`] as [string], route: view };
      })
      .sort(({ position: [a] }, { position: [b] }) => (a < b ? -1 : 1));
  }

  private async knownLinks() {
    return (await this.links.all()).map(knownLink);
  }
}
