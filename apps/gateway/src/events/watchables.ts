import { Injectable } from '@nestjs/common';
import type { EventKind, Watched, WatchedList } from '@v3vee/contracts';
import { OperationRepository, VmMigrationRepository, VmRepository, type EventEntity } from '@v3vee/store';
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
  ) {}

  of(list: WatchedList): Watchable {
    switch (list) {
      case 'vms':
        return watchable({
          kind: 'vm',
          all: async () => (await this.vmViews.viewAll(await this.vms.all())).map(vm => [vm.name, vm]),
          get: async name => {
            const vm = await this.vms.find(name);
            return vm && this.vmViews.view(vm);
          },
        });
      case 'hosts':
        return watchable({
          kind: 'host',
          all: async () => (await this.hosts.all()).map(host => [host.name, host]),
          get: name => this.hosts.find(name),
        });
      case 'migrations':
        return watchable({
          kind: 'migration',
          all: async () =>
            (await this.migrations.list({ limit: NEWEST })).map(row => [row.id, migrationView(row)]),
          get: async id => {
            const row = await this.migrations.get(id);
            return row && migrationView(row);
          },
        });
      case 'operations':
        return watchable({
          kind: 'operation',
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
}

function watchable({ kind, all, get }: Source): Watchable {
  return {
    kind,
    present: async place =>
      (await all()).map(([name, object]) => line({ type: 'PRESENT', resourceVersion: place, name, object })),
    lines: events => Promise.all([...latestOfEach(events)].map(event => changed(event, get))),
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

async function changed({ id, name }: EventEntity, get: Source['get']): Promise<object> {
  const object = await get(name);
  return line({ type: object ? 'CHANGED' : 'DELETED', resourceVersion: id, name, object });
}

const line = (it: Watched<object>): Watched<object> => it;
