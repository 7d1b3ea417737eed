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
    const result: DrainResult = { host, moved: [], left: [] };
    const live = await this.live(host);
    for (const [index, vm] of live.entries()) {
      context.signal.throwIfAborted();
      const step = `${index + 1} of ${live.length}`;
      await this.move(vm, result, context, step).catch((thrown: unknown) => {
        const { code, message } = V3Error.from(thrown);
        result.left.push({ vm: vm.name, code, reason: message });
      });
    }
    const { moved, left } = result;
    const stayed = left.length > 0 ? `, ${left.length} left: ${left.map(({ vm }) => vm).join(', ')}` : '';
    await context.progress(`${moved.length} of ${live.length} moved${stayed}`);
    return result;
  }

  private async move(
    vm: VmDefinition,
    result: DrainResult,
    context: OperationContext,
    step: string,
  ): Promise<void> {
    await context.lock(lockOf(vm));
    const placed = place(vm, await this.candidates.without(result.host));
    if (typeof placed === 'string') throw new V3Error('MIGRATION_BLOCKED', placed);
    const { host, cards, reason } = placed;
    const progress = (text: string) => context.progress(`${step}: ${text} (${reason})`);
    await this.migrations.move(vm, host, { ...context, progress }, { cards });
    result.moved.push({ vm: vm.name, host, reason });
  }

  private async live(host: string): Promise<VmDefinition[]> {
    const vms = await this.vms.ofHost(host);
    const conditions = await this.views.conditions(vms);
    const movable: readonly string[] = verbStates.migrate;
    return vms.filter((_, index) => movable.includes(conditions[index]?.state ?? ''));
  }
}
