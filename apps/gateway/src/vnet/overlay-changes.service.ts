import { Injectable } from '@nestjs/common';
import {
  linkProblem,
  resolveRoute,
  V3Error,
  type RouteText,
  type VnetLinkSpec,
  type ErrorCode,
} from '@v3vee/contracts';
import { VnetLinkRepository, VnetRouteRepository, type LinkRecord, type RouteRecord } from '@v3vee/store';
import { DataSource, type EntityManager } from 'typeorm';
import { knownLink, OverlayDirectory, type OverlayPlaces } from './overlay-places';
import { VnetClient } from './vnet-client';

/** Changes routes and links: all of a request's or none, and then the vnet service is told. */
@Injectable()
export class OverlayChanges {
  constructor(
    private readonly dataSource: DataSource,
    private readonly routes: VnetRouteRepository,
    private readonly links: VnetLinkRepository,
    private readonly directory: OverlayDirectory,
    private readonly vnet: VnetClient,
  ) {}

  /** @returns what the work returned, and whether the change is in force already */
  async commit<T>(work: (edit: OverlayEdit) => Promise<T>): Promise<{ result: T; inForce: boolean }> {
    const result = await this.dataSource.transaction(async manager => {
      const places = await this.directory.places(manager);
      return work(new OverlayEdit(this.routes, this.links, places, manager));
    });
    return { result, inForce: await this.vnet.reload() };
  }
}

/** Changes within one transaction. */
export class OverlayEdit {
  constructor(
    private readonly routes: VnetRouteRepository,
    private readonly links: VnetLinkRepository,
    readonly places: OverlayPlaces,
    private readonly manager: EntityManager,
  ) {}

  /**
   * @param network what it must belong to, if that is said
   * @throws V3Error VNET_ROUTE_EXISTS, NETWORK_NOT_FOUND, VNET_LINK_NOT_FOUND, NIC_NOT_FOUND, INVALID_REQUEST
   */
  async addRoute(route: RouteText & { network?: string }): Promise<RouteRecord> {
    if (route.network !== undefined) this.networkId(route.network);
    const { network, to, from } = resolveRoute(route, this.places);
    const { source, destination } = route;
    const networkId = this.networkId(network);
    return this.routes.create({ networkId, source, destination, to, from, managed: false }, this.manager);
  }

  /** @throws V3Error VNET_ROUTE_NOT_FOUND */
  async removeRoute(index: number): Promise<RouteRecord> {
    const route = await this.routes.find(index, this.manager);
    // Between our look and our deletion another request may have deleted it.
    if (route && (await this.routes.remove(index, this.manager))) return route;
    throw noRoute(String(index));
  }

  /** @throws V3Error VNET_LINK_EXISTS, NETWORK_NOT_FOUND, INVALID_REQUEST */
  async addLink({ vni, network, ...spec }: VnetLinkSpec): Promise<LinkRecord> {
    const problem = linkProblem({ ...spec, vni });
    if (problem) throw wrong('INVALID_REQUEST', problem.path, problem.message);
    const networkId = this.networkId(network ?? this.onlyNetwork());
    const link = await this.links.create({ ...spec, vni, networkId, managed: false }, this.manager);
    this.places.links.push(knownLink(link));
    return link;
  }

  /** @throws V3Error VNET_LINK_NOT_FOUND, VNET_LINK_IN_USE */
  async removeLink(indexOrName: string): Promise<LinkRecord> {
    const link = await this.links.find(indexOrName, this.manager);
    if (!link) throw noLink(indexOrName);
    const over = (await this.routes.all(this.manager)).filter(route => leadsOver(route, link.index));
    if (over.length > 0) {
      const indices = over.map(({ index }) => index).join(', ');
      throw new V3Error(
        'VNET_LINK_IN_USE',
        `routes lead over link ${link.name}; delete them first: ${indices}`,
      );
    }
    await this.links.remove(link, this.manager);
    this.places.links.splice(
      this.places.links.findIndex(({ index }) => index === link.index),
      1,
    );
    return link;
  }

  private networkId(name: string): string {
    const id = this.places.networks.get(name);
    if (id !== undefined) return id;
    throw wrong('NETWORK_NOT_FOUND', 'network', `there is no network "${name}"; ${this.networksAre()}`);
  }

  private onlyNetwork(): string {
    const [only, ...others] = this.places.networks.keys();
    if (only !== undefined && others.length === 0) return only;
    throw wrong('INVALID_REQUEST', 'network', `say which network it joins; ${this.networksAre()}`);
  }

  private networksAre(): string {
    return `networks are: ${[...this.places.networks.keys()].join(', ') || 'none'}`;
  }
}

export const leadsOver = ({ to, from }: RouteRecord, link: number): boolean =>
  [to, from].some(place => place?.type === 'edge' && place.link === link);

export const noRoute = (index: string): V3Error =>
  new V3Error(
    'VNET_ROUTE_NOT_FOUND',
    `there is no route ${index}; automatic routes cannot be named or deleted`,
  );
export const noLink = (indexOrName: string): V3Error =>
  new V3Error('VNET_LINK_NOT_FOUND', `there is no link "${indexOrName}"`);

function wrong(code: ErrorCode, path: string, message: string): V3Error {
  return new V3Error(code, `${path}: ${message}`, { fields: [{ path, message }] });
}
