import { Injectable } from '@nestjs/common';
import type { EndpointName, List, Overview, OverviewPart, rest, ResponseOf } from '@v3vee/contracts';
import { ProjectRepository, type OwnedKind } from '@v3vee/store';

/** Endpoints whose lists have things of several projects. Of events the store is asked for a project's: they outlive what they are of. */
type ProjectList = {
  [N in Exclude<EndpointName, 'listEvents'>]: ResponseOf<N> extends List<unknown>
    ? (typeof rest)[N]['access'][1] extends 'shared' | 'cluster' | 'project'
      ? never
      : N
    : never;
}[Exclude<EndpointName, 'listEvents'>];
type Item<N extends ProjectList> = ResponseOf<N>['items'][number];

/** By what it is told whose an item is; null: everybody's. */
type Owner<T> = readonly [kind: OwnedKind, key: (item: T) => string | null];

/** A list that is not here does not compile. */
const owners: { [N in ProjectList]: Owner<Item<N>> } = {
  listVms: ['vm', ({ id }) => id],
  listNetworks: ['network', ({ id }) => id],
  listInterfaces: ['vm', ({ vm }) => vm],
  listRoutes: ['network', ({ network }) => network],
  listLinks: ['network', ({ network }) => network],
  listAccessPoints: ['network', ({ network }) => network],
  listStations: ['vm', ({ vm }) => vm],
  listSnapshots: ['snapshot', ({ id }) => id],
  listDisks: ['vm', ({ vm }) => vm],
  listOperations: ['operation', ({ id }) => id],
  listMigrations: ['migration', ({ id }) => id],
};
const listOwners = owners as Partial<Record<EndpointName, Owner<object>>>;

/** From which list each part of the overview is. */
export const partLists: Record<Exclude<OverviewPart, 'telemetry' | 'overlay'>, EndpointName> = {
  hosts: 'listHosts',
  vms: 'listVms',
  networks: 'listNetworks',
  interfaces: 'listInterfaces',
  routes: 'listRoutes',
  links: 'listLinks',
  devices: 'listDevices',
  contexts: 'listContexts',
  violations: 'listViolations',
  radios: 'listRadios',
  accessPoints: 'listAccessPoints',
  stations: 'listStations',
  airtime: 'listAirtime',
  wifiLinks: 'listWifiLinks',
  wifiEvents: 'listWifiEvents',
  snapshots: 'listSnapshots',
  operations: 'listOperations',
  migrations: 'listMigrations',
  labRuns: 'listLabRuns',
};

/** Leaves of what is answered what is of the caller's project. A page may then have fewer items than it could (AIP-158). */
@Injectable()
export class ProjectFilter {
  constructor(private readonly projects: ProjectRepository) {}

  async apply(project: string, name: EndpointName, answer: unknown): Promise<unknown> {
    if (name === 'getOverview') return this.overview(project, answer as Overview);
    if (name === 'getDisk') return (await this.users(project, [answer as ResponseOf<'getDisk'>]))[0];
    if (name === 'listProjects') {
      const { items } = answer as ResponseOf<'listProjects'>;
      return { ...(answer as object), items: items.filter(each => each.name === project) };
    }
    const owner = listOwners[name];
    if (!owner) return answer;
    const list = answer as List<object>;
    const items = await this.own(project, owner, list.items);
    return {
      ...list,
      items:
        name === 'listDisks' ? await this.users(project, items as ResponseOf<'listDisks'>['items']) : items,
    };
  }

  private async overview(project: string, { at, missing, ...parts }: Overview): Promise<Overview> {
    const own = await Promise.all(
      Object.entries(parts).map(async ([part, items]) => {
        const list = partLists[part as keyof typeof partLists] as EndpointName | undefined;
        const owner = list === undefined ? byVm : listOwners[list];
        return [part, owner ? await this.own(project, owner, items as object[]) : items];
      }),
    );
    return { at, missing, ...(Object.fromEntries(own) as object) };
  }

  private async own<T extends object>(project: string, [kind, key]: Owner<object>, items: T[]): Promise<T[]> {
    const keys = items.map(item => key(item)).filter(each => each !== null);
    const own = await this.projects.ofProject(project, kind, keys);
    return items.filter(item => {
      const each = key(item);
      return each === null || own.has(each);
    });
  }

  /** Everybody sees an image of disks, but nobody which disks of others are copies of it. */
  private users<T extends { usedBy: string[] }>(project: string, disks: T[]): Promise<T[]> {
    return Promise.all(
      disks.map(async disk => {
        const own = await this.projects.ofProject(project, 'disk', disk.usedBy);
        return { ...disk, usedBy: disk.usedBy.filter(name => own.has(name)) };
      }),
    );
  }
}

/** Of telemetry. */
const byVm: Owner<object> = ['vm', item => (item as { vm: string }).vm];
