import { Injectable } from '@nestjs/common';
import { V3Error, verbStates, type DrainResult, type Operation } from '@v3vee/contracts';
import { HostRepository, VmRepository, type VmDefinition } from '@v3vee/store';
import { HostDirectory } from '../hosts/host-directory';
import type { Caller } from '../http/endpoint';
import { Migrations } from '../migrations/migrations.service';
import { operationView } from '../operations/operation-view';
import { OperationsService, type OperationContext } from '../operations/operations.service';
import { lockOf } from '../vms/vm-lock';
import { VmViews } from '../vms/vm-view';
import { Candidates } from './candidates';
import { Drain } from './drain';
import { place } from './placement';

/** Takes hosts out of use, and back into it. */
@Injectable()
export class HostMaintenance {
  constructor(
    private readonly hosts: HostRepository,
    private readonly vms: VmRepository,
    private readonly candidates: Candidates,
    private readonly views: VmViews,
    private readonly migrations: Migrations,
    private readonly operations: OperationsService,
    private readonly directory: HostDirectory,
  ) {}

  /** @throws V3Error HOST_NOT_FOUND */
  async cordon(host: string, cordoned: boolean): Promise<void> {
    if (await this.hosts.setCordoned(host, cordoned)) return;
    throw new V3Error('HOST_NOT_FOUND', `there is no host "${host}"`);
  }

  /** @throws V3Error HOST_NOT_FOUND, HOST_NOT_READY, VM_BUSY while it is being drained */
  async drain(host: string, caller: Caller): Promise<Operation> {
    if (!(await this.hosts.find(host))) throw new V3Error('HOST_NOT_FOUND', `there is no host "${host}"`);
    this.directory.assertReady(host);
    const operation = await this.operations.begin({
      verb: 'drain',
      target: `hosts/${host}`,
      caller,
      locks: [{ resource: `hosts/${host}`, name: `host ${host}` }],
      work: context => this.empty(host, context),
    });
    return operationView(operation);
  }

  /** One after the other: each finds its place when the one before it has taken its own. */
  private async empty(host: string, context: OperationContext): Promise<DrainResult> {
    await this.cordon(host, true);
    const vms = await this.live(host);
    const drain = new Drain(
      host,
      vms.map(({ name }) => name),
      context,
    );
    await drain.tell('cordoned');
    for (const vm of vms) {
      context.signal.throwIfAborted();
      await this.move(vm, host, drain, context).catch((thrown: unknown) =>
        drain.left(vm.name, V3Error.from(thrown)),
      );
    }
    await drain.tell();
    return drain.result;
  }

  private async move(vm: VmDefinition, from: string, drain: Drain, context: OperationContext): Promise<void> {
    await context.lock(lockOf(vm));
    const placed = place(vm, await this.candidates.without(from));
    if (typeof placed === 'string') throw new V3Error('MIGRATION_BLOCKED', placed);
    const { host, cards, reason } = placed;
    drain.moves(vm.name, host, reason);
    const progress = (text: string) => drain.tell(`${text} (${reason})`);
    await this.migrations.move(vm, host, { ...context, progress }, { cards });
    drain.moved(vm.name);
  }

  private async live(host: string): Promise<VmDefinition[]> {
    const vms = await this.vms.ofHost(host);
    const conditions = await this.views.conditions(vms);
    const movable: readonly string[] = verbStates.migrate;
    return vms.filter((_, index) => movable.includes(conditions[index]?.state ?? ''));
  }
}
