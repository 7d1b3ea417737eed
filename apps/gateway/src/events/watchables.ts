import { Injectable } from '@nestjs/common';
import type { EndpointName, EventKind, List, Watched, WatchedList } from '@v3vee/contracts';
import { OperationRepository, VmMigrationRepository, VmRepository, type EventEntity } from '@v3vee/store';
import { ProjectFilter } from '../access/project-filter.service';
import { HostViews } from '../hosts/host-views';
import { migrationView } from '../migrations/migration-view';
import { operationView } from '../operations/operation-view';
import { VmViews } from '../vms/vm-view';
import { eventView } from './event-view';
import type { Watchable } from './watch-stream';

/** Of lists that only grow, so many of the newest are there when a watch begins. */
const NEWEST = 1000;

interface Source {
  kind: EventKind;
  /** Whose filter holds for it. */
  list: EndpointName;
  all(): Promise<[name: string, object: object][]>;
  get(name: string): Promise<object | null>;
}

/** The lists that can be watched. */
@Injectable()
export class Watchables {
  constructor(
    private readonly vms: VmRepository,
    private readonly vmViews: VmViews,
    private readonly hosts: HostViews,
    private readonly migrations: VmMigrationRepository,
    private readonly operations: OperationRepository,
    private readonly filter: ProjectFilter,
  ) {}

  /** @param project that its reader is confined to; null: none */
  of(list: WatchedList, project: string | null): Watchable {
    const own = (source: Source): Watchable =>
      watchable(source, objects => this.own(project, source, objects));
    switch (list) {
      case 'vms':
        return own({
          kind: 'vm',
          list: 'listVms',
          all: async () => (await this.vmViews.viewAll(await this.vms.all())).map(vm => [vm.name, vm]),
          get: async name => {
            const vm = await this.vms.find(name);
            return vm && this.vmViews.view(vm);
          },
        });
      case 'hosts':
        return own({
          kind: 'host',
          list: 'listHosts',
          all: async () => (await this.hosts.all()).map(host => [host.name, host]),
          get: name => this.hosts.find(name),
        });
      case 'migrations':
        return own({
          kind: 'migration',
          list: 'listMigrations',
          all: async () =>
            (await this.migrations.list({ limit: NEWEST })).map(row => [row.id, migrationView(row)]),
          get: async id => {
            const row = await this.migrations.get(id);
            return row && migrationView(row);
          },
        });
      case 'operations':
        return own({
          kind: 'operation',
          list: 'listOperations',
          all: async () =>
            (await this.operations.list({ limit: NEWEST })).map(row => [row.id, operationView(row)]),
          get: async id => {
            const row = await this.operations.get(id);
            return row && operationView(row);
          },
        });
      case 'events':
        return {
          present: async () => [],
          lines: async events => events.map(eventView),
          bookmark: () => undefined,
        };
    }
  }

  private async own(project: string | null, { list }: Source, objects: object[]): Promise<Set<object>> {
    if (project === null) return new Set(objects);
    const { items } = (await this.filter.apply(project, list, { items: objects })) as List<object>;
    return new Set(items);
  }
}

type Own = (objects: object[]) => Promise<Set<object>>;

function watchable({ kind, all, get }: Source, own: Own): Watchable {
  return {
    kind,
    present: async place => {
      const there = await all();
      const its = await own(there.map(([, object]) => object));
      return there
        .filter(([, object]) => its.has(object))
        .map(([name, object]) => line({ type: 'PRESENT', resourceVersion: place, name, object }));
    },
    lines: async events => {
      const latest = [...latestOfEach(events)];
      const objects = await Promise.all(latest.map(({ name }) => get(name)));
      // One that is no more may have left its name to another project's.
      const its = await own(objects.filter(object => object !== null));
      return latest.map(({ id, name }, n) => {
        const object = objects[n];
        return object && its.has(object)
          ? line({ type: 'CHANGED', resourceVersion: id, name, object })
          : line({ type: 'DELETED', resourceVersion: id, name, object: null });
      });
    },
    bookmark: place => line({ type: 'BOOKMARK', resourceVersion: place, name: '', object: null }),
  };
}

/** As it is now, however often it changed meanwhile; in the order of the last changes. */
function latestOfEach(events: EventEntity[]): Iterable<EventEntity> {
  const latest = new Map<string, EventEntity>();
  for (const event of events) {
    latest.delete(event.name);
    latest.set(event.name, event);
  }
  return latest.values();
}

const line = (it: Watched<object>): Watched<object> => it;
