import { Controller, type Type } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { isLive, rest, type List, type Overview, type OverviewPart, type Telemetry } from '@v3vee/contracts';
import { VmRepository } from '@v3vee/store';
import { PinoLogger } from 'nestjs-pino';
import { AccessControl } from '../access/access-control.service';
import { partLists } from '../access/project-filter.service';
import { DevicesController } from '../dmm/devices.controller';
import { DmmRecordsController } from '../dmm/records.controller';
import { HostsController } from '../hosts/hosts.controller';
import { Endpoint, Input, type InputOf } from '../http/endpoint';
import { publicProblem } from '../http/public-error';
import { LabsController } from '../labs/labs.controller';
import { MigrationsController } from '../migrations/migrations.controller';
import { NetworksController } from '../networks/networks.controller';
import { OperationsController } from '../operations/operations.controller';
import { SnapshotsController } from '../snapshots/snapshots.controller';
import { VmVerbs } from '../vms/vm-verbs.service';
import { VmViews } from '../vms/vm-view';
import { VmsController } from '../vms/vms.controller';
import { InterfacesController } from '../vnet/interfaces.controller';
import { LinksController } from '../vnet/links.controller';
import { RoutesController } from '../vnet/routes.controller';
import { VnetStatsController } from '../vnet/stats.controller';
import { AccessPointsController } from '../wifi/access-points.controller';
import { MediumController } from '../wifi/medium.controller';
import { RadiosController } from '../wifi/radios.controller';

/** What is there at a time, and what happens over time: of that the latest. */
const ALL = 1000;
const LATEST = 50;
/** A VM that does not tell within this is left out this time, ms. */
const TELEMETRY_MS = 800;

type Query = InputOf<'getOverview'>['query'];

/** The lists of the other controllers, several in one answer. */
@Controller()
export class OverviewController {
  constructor(
    private readonly modules: ModuleRef,
    private readonly vms: VmRepository,
    private readonly views: VmViews,
    private readonly verbs: VmVerbs,
    private readonly access: AccessControl,
    private readonly log: PinoLogger,
  ) {
    log.setContext(OverviewController.name);
  }

  @Endpoint('getOverview')
  async show(@Input() { query, caller }: InputOf<'getOverview'>): Promise<Overview> {
    const answer: Overview = { at: new Date().toISOString(), missing: [] };
    // What one service can't tell now must not keep back what the others can.
    await Promise.all(
      [...new Set(query.parts)].map(async part => {
        try {
          Object.assign(answer, { [part]: await this.tell(part, query, caller) });
        } catch (thrown) {
          const { code, detail } = publicProblem(thrown, (err, incident) =>
            this.log.error({ err, incident }, `the overview's ${part} failed unexpectedly`),
          );
          answer.missing.push({ part, code, detail });
        }
      }),
    );
    return answer;
  }

  private async tell(
    part: OverviewPart,
    { vm }: Query,
    caller: InputOf<'getOverview'>['caller'],
  ): Promise<unknown> {
    const list = async <C>(
      type: Type<C>,
      method: { [K in keyof C]: C[K] extends (input: never) => Promise<List<unknown>> ? K : never }[keyof C],
      query: { pageSize: number; vm?: string },
    ) => {
      const controller = this.modules.get(type, { strict: false });
      const page = controller[method] as (input: object) => Promise<List<unknown>>;
      return (await page.call(controller, { params: {}, query, body: undefined, caller })).items;
    };
    const endpoint = { ...partLists, telemetry: 'vmTelemetry', overlay: 'vnetStats' } as const;
    if (caller.identity) this.access.assertMay(caller.identity, rest[endpoint[part]].access);
    const all = { pageSize: ALL };
    const latest = { pageSize: LATEST };
    switch (part) {
      case 'hosts':
        return list(HostsController, 'list', all);
      case 'vms':
        return list(VmsController, 'list', all);
      case 'telemetry':
        return this.telemetry(vm);
      case 'networks':
        return list(NetworksController, 'list', all);
      case 'interfaces':
        return list(InterfacesController, 'list', all);
      case 'routes':
        return list(RoutesController, 'list', all);
      case 'links':
        return list(LinksController, 'list', all);
      case 'overlay':
        return this.modules.get(VnetStatsController, { strict: false }).stats();
      case 'devices':
        return list(DevicesController, 'list', all);
      case 'contexts':
        return list(DmmRecordsController, 'contexts', all);
      case 'violations':
        return list(DmmRecordsController, 'violations', latest);
      case 'radios':
        return list(RadiosController, 'list', all);
      case 'accessPoints':
        return list(AccessPointsController, 'list', all);
      case 'stations':
        return list(MediumController, 'stations', all);
      case 'airtime':
        return list(MediumController, 'airtime', all);
      case 'wifiLinks':
        return list(MediumController, 'links', all);
      case 'wifiEvents':
        return list(MediumController, 'events', latest);
      case 'snapshots':
        return list(SnapshotsController, 'list', { ...all, ...(vm === undefined ? {} : { vm }) });
      case 'operations':
        return list(OperationsController, 'list', latest);
      case 'migrations':
        return list(MigrationsController, 'list', latest);
      case 'labRuns':
        return list(LabsController, 'runs', latest);
    }
  }

  private async telemetry(name: string | undefined): Promise<Telemetry[]> {
    const rows = (await this.vms.all()).filter(vm => name === undefined || vm.name === name);
    const states = await this.views.conditions(rows);
    const live = rows.filter((_, index) => isLive(states[index]!.state));
    const told = await Promise.all(
      live.map(vm => this.verbs.telemetry(vm.id, TELEMETRY_MS).catch(() => null)),
    );
    return told
      .filter(each => each !== null)
      .map(each => (name === undefined ? { ...each, ports: [] } : each));
  }
}
