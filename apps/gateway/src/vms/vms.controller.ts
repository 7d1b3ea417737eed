import { Controller } from '@nestjs/common';
import {
  DEFAULT_PROJECT,
  type ExecResult,
  type List,
  type Operation,
  type Telemetry,
  type Vm,
  type VmScreen,
} from '@v3vee/contracts';
import { VmRepository } from '@v3vee/store';
import { Endpoint, Input, type InputOf } from '../http/endpoint';
import { PageTokens } from '../http/page-tokens';
import { VmClones } from './vm-clones.service';
import { VmDefinitions } from './vm-definitions.service';
import { VmVerbs } from './vm-verbs.service';
import { VmViews } from './vm-view';

@Controller()
export class VmsController {
  constructor(
    private readonly vms: VmRepository,
    private readonly definitions: VmDefinitions,
    private readonly views: VmViews,
    private readonly verbs: VmVerbs,
    private readonly clones: VmClones,
    private readonly pages: PageTokens,
  ) {}

  @Endpoint('listVms')
  async list(@Input() { query }: InputOf<'listVms'>): Promise<List<Vm>> {
    const { pageSize, pageToken, host } = query;
    const listing = `vms/${host ?? ''}`;
    const after = pageToken === undefined ? undefined : (this.pages.open(listing, pageToken) as string);
    const page = { after, limit: pageSize + 1, host };
    const vms = await this.views.viewRead(['list', page], () => this.vms.list(page));
    return this.pages.page(
      listing,
      vms,
      pageSize,
      vm => vm.name,
      vm => vm,
    );
  }

  @Endpoint('getVm')
  async get(@Input() { params }: InputOf<'getVm'>): Promise<Vm> {
    const [vm] = await this.views.viewRead(['get', params.vm], async () => [
      await this.definitions.find(params.vm),
    ]);
    return vm as Vm;
  }

  @Endpoint('createVm')
  async create(@Input() { body, caller }: InputOf<'createVm'>): Promise<Vm> {
    const project = body.project ?? caller.identity?.project ?? DEFAULT_PROJECT;
    return this.views.view(await this.definitions.create({ ...body, project }, false));
  }

  @Endpoint('updateVm')
  update(@Input() { params, body, caller }: InputOf<'updateVm'>): Promise<Vm> {
    return this.definitions.update(params.vm, body, caller);
  }

  @Endpoint('deleteVm')
  delete(@Input() { params, caller }: InputOf<'deleteVm'>): Promise<Operation> {
    return this.verbs.delete(params.vm, caller);
  }

  @Endpoint('startVm')
  start(@Input() { params, caller }: InputOf<'startVm'>): Promise<Operation> {
    return this.verbs.plain('start', params.vm, caller);
  }

  @Endpoint('stopVm')
  stop(@Input() { params, caller }: InputOf<'stopVm'>): Promise<Operation> {
    return this.verbs.plain('stop', params.vm, caller);
  }

  @Endpoint('pauseVm')
  pause(@Input() { params, caller }: InputOf<'pauseVm'>): Promise<Operation> {
    return this.verbs.plain('pause', params.vm, caller);
  }

  @Endpoint('resumeVm')
  resume(@Input() { params, caller }: InputOf<'resumeVm'>): Promise<Operation> {
    return this.verbs.plain('resume', params.vm, caller);
  }

  @Endpoint('resetVm')
  reset(@Input() { params, caller }: InputOf<'resetVm'>): Promise<Operation> {
    return this.verbs.plain('reset', params.vm, caller);
  }

  @Endpoint('simulateVm')
  simulate(@Input() { params, body, caller }: InputOf<'simulateVm'>): Promise<Operation> {
    return this.verbs.simulate(params.vm, body.ms, caller);
  }

  @Endpoint('moveVmCore')
  moveCore(@Input() { params, body, caller }: InputOf<'moveVmCore'>): Promise<Operation> {
    return this.verbs.moveCore(params.vm, body.core, caller);
  }

  @Endpoint('snapshotVm')
  snapshot(@Input() { params, body, caller }: InputOf<'snapshotVm'>): Promise<Operation> {
    return this.verbs.snapshot(params.vm, body.name, caller);
  }

  @Endpoint('restoreVm')
  restore(@Input() { params, body, caller }: InputOf<'restoreVm'>): Promise<Operation> {
    return this.verbs.restore(params.vm, body.snapshot, caller);
  }

  @Endpoint('cloneVm')
  clone(@Input() { params, body, caller }: InputOf<'cloneVm'>): Promise<Operation> {
    return this.clones.begin(params.vm, body, caller);
  }

  @Endpoint('execVm')
  exec(@Input() { params, body }: InputOf<'execVm'>): Promise<ExecResult> {
    return this.verbs.exec(params.vm, body);
  }

  @Endpoint('refreshVm')
  refresh(@Input() { params }: InputOf<'refreshVm'>): Promise<Vm> {
    return this.verbs.refresh(params.vm);
  }

  @Endpoint('vmScreen')
  screen(@Input() { params }: InputOf<'vmScreen'>): Promise<VmScreen> {
    return this.verbs.screen(params.vm);
  }

  @Endpoint('typeVm')
  type(@Input() { params, body }: InputOf<'typeVm'>): Promise<object> {
    return this.verbs.type(params.vm, body);
  }

  @Endpoint('vmTelemetry')
  telemetry(@Input() { params }: InputOf<'vmTelemetry'>): Promise<Telemetry> {
    return this.verbs.telemetry(params.vm);
  }
}
