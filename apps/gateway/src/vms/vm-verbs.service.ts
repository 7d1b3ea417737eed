import { Injectable } from '@nestjs/common';
import { Bus } from '@v3vee/bus';
import {
  V3Error,
  verbStates,
  vmChanged,
  type ExecRequest,
  type ExecResult,
  type Operation,
  type Telemetry,
  type Vm,
  type VmVerb,
  type VmKeys,
  type VmScreen,
} from '@v3vee/contracts';
import { SnapshotRepository, VmRepository, VmStatusRepository, type VmDefinition } from '@v3vee/store';
import type { EntityManager } from 'typeorm';
import { HostDirectory } from '../hosts/host-directory';
import { PalaciosClient } from '../hosts/palacios-client';
import type { Caller } from '../http/endpoint';
import { operationView } from '../operations/operation-view';
import { OperationsService, type OperationContext } from '../operations/operations.service';
import { VmDefinitions } from './vm-definitions.service';
import { lockOf } from './vm-lock';
import { VmViews } from './vm-view';

/** Verbs that need nothing but the VM. */
export type PlainVerb = 'start' | 'stop' | 'pause' | 'resume' | 'reset';

const EXEC_GRACE_MS = 10_000;

/** What can be done with a VM, by the published table of verbs and states. */
@Injectable()
export class VmVerbs {
  constructor(
    private readonly definitions: VmDefinitions,
    private readonly vms: VmRepository,
    private readonly statuses: VmStatusRepository,
    private readonly snapshots: SnapshotRepository,
    private readonly views: VmViews,
    private readonly operations: OperationsService,
    private readonly palacios: PalaciosClient,
    private readonly directory: HostDirectory,
    private readonly bus: Bus,
  ) {}

  plain(verb: PlainVerb, idOrName: string, caller: Caller): Promise<Operation> {
    return this.operate(verb, idOrName, caller, async (vm, { signal }) => {
      await this.palacios.call(verb, vm.ownerHost, { vmId: vm.id }, { signal });
      return this.views.view(vm);
    });
  }

  /** Its operation tells how far it is as the VM's Palacios does. */
  simulate(idOrName: string, ms: number, caller: Caller): Promise<Operation> {
    return this.operate('simulate', idOrName, caller, async (vm, { signal, progress }) => {
      const told = this.bus.listen(vmChanged, vm.ownerHost, ({ vmId, state, reason }) => {
        if (vmId === vm.id && state === 'SIMULATING') progress(reason).catch(() => undefined);
      });
      try {
        await this.palacios.call('simulate', vm.ownerHost, { vmId: vm.id, ms }, { signal });
      } finally {
        told.stop();
      }
      return this.views.view(vm);
    });
  }

  moveCore(idOrName: string, core: number, caller: Caller): Promise<Operation> {
    return this.operate('moveCore', idOrName, caller, async (vm, { signal }) => {
      await this.palacios.call('moveCore', vm.ownerHost, { vmId: vm.id, core }, { signal });
      // What its Kitten said last may be from before.
      return { ...(await this.views.view(vm)), core };
    });
  }

  snapshot(idOrName: string, name: string, caller: Caller): Promise<Operation> {
    const check = async (vm: VmDefinition) => {
      // By name alone: a snapshot may be named like another one's id.
      if ((await this.snapshots.named(name)).some(({ vmId }) => vmId === vm.id)) {
        throw new V3Error(
          'SNAPSHOT_EXISTS',
          `${vm.name} has a snapshot named "${name}"; choose another name`,
        );
      }
    };
    return this.operate(
      'snapshot',
      idOrName,
      caller,
      (vm, { signal }) => this.palacios.call('snapshot', vm.ownerHost, { vmId: vm.id, name }, { signal }),
      check,
    );
  }

  async restore(idOrName: string, snapshotIdOrName: string, caller: Caller): Promise<Operation> {
    const { id } = await this.findSnapshot(await this.definitions.find(idOrName), snapshotIdOrName);
    return this.operate('restore', idOrName, caller, async (vm, { signal }) => {
      const request = { vmId: vm.id, snapshotId: id, identity: false };
      await this.palacios.call('restore', vm.ownerHost, request, { signal });
      return this.views.view(vm);
    });
  }

  delete(idOrName: string, caller: Caller): Promise<Operation> {
    return this.operate('delete', idOrName, caller, async (vm, { signal }) => {
      await this.erase(vm, signal);
      return {};
    });
  }

  /** Of a VM that its caller holds: what its Palacios keeps of it, then the definition. */
  async erase(vm: VmDefinition, signal?: AbortSignal): Promise<void> {
    const status = await this.statuses.get(vm.id);
    if (status) {
      const request = { vmId: vm.id };
      // A guest that failed may still hold memory and a core.
      if (status.state !== 'STOPPED') await this.palacios.call('stop', vm.ownerHost, request, { signal });
      await this.palacios.call('forget', vm.ownerHost, request, { signal });
    }
    await this.vms.remove(vm.id);
  }

  async exec(idOrName: string, request: ExecRequest): Promise<ExecResult> {
    const vm = await this.inState('exec', idOrName);
    // The guest's own time limit speaks first; ours is for a Palacios that never answers.
    const timeoutMs = request.timeoutSeconds * 1000 + EXEC_GRACE_MS;
    return this.palacios.call('exec', vm.ownerHost, { vmId: vm.id, ...request }, { timeoutMs });
  }

  async screen(idOrName: string): Promise<VmScreen> {
    const vm = await this.inState('console', idOrName, 'a screenshot');
    return this.palacios.call('screen', vm.ownerHost, { vmId: vm.id });
  }

  async type(idOrName: string, keys: VmKeys): Promise<object> {
    const vm = await this.inState('exec', idOrName, 'typing');
    return this.palacios.call('type', vm.ownerHost, { vmId: vm.id, ...keys });
  }

  async telemetry(idOrName: string, timeoutMs?: number): Promise<Telemetry> {
    const vm = await this.inState('console', idOrName, 'telemetry');
    return this.palacios.call('telemetry', vm.ownerHost, { vmId: vm.id }, { timeoutMs });
  }

  /** What the guest says of itself, if there is a guest that says anything. */
  async refresh(idOrName: string): Promise<Vm> {
    const vm = await this.definitions.find(idOrName);
    const { state } = await this.views.condition(vm);
    if (state === 'RUNNING') {
      await this.palacios.call('refresh', vm.ownerHost, { vmId: vm.id }).catch((thrown: unknown) => {
        if (!(thrown instanceof V3Error) || thrown.code !== 'VM_NO_AGENT') throw thrown;
      });
    }
    return this.views.view(vm);
  }

  /** @throws V3Error VM_NOT_FOUND, HOST_NOT_READY, VM_WRONG_STATE */
  async inState(verb: VmVerb, idOrName: string, doing: string = verb): Promise<VmDefinition> {
    const vm = await this.definitions.find(idOrName);
    await this.assertState(verb, vm, undefined, doing);
    return vm;
  }

  async assertState(
    verb: VmVerb,
    vm: VmDefinition,
    manager?: EntityManager,
    doing: string = verb,
  ): Promise<void> {
    const { state, reason } = await this.views.condition(vm, manager);
    const allowed: readonly string[] = verbStates[verb];
    if (allowed.includes(state)) return;
    throw new V3Error(
      'VM_WRONG_STATE',
      `${vm.name} is ${state} (${reason}); ${doing} needs it to be ${allowed.join(' or ')}`,
    );
  }

  async findSnapshot(vm: VmDefinition, idOrName: string) {
    const snapshot = await this.snapshots.find(vm.id, idOrName);
    if (snapshot) return snapshot;
    const known = await this.snapshots.get(idOrName);
    const other = known?.project === vm.project ? known : undefined;
    throw new V3Error(
      'SNAPSHOT_NOT_FOUND',
      other
        ? `snapshot ${idOrName} is ${other.vmName}'s, not ${vm.name}'s; to start a new machine from it, clone it`
        : `${vm.name} has no snapshot "${idOrName}"`,
    );
  }

  /** A verb as an operation: found, its host there, nobody else at it, in a state that allows it; then the work. */
  private async operate(
    verb: VmVerb,
    idOrName: string,
    caller: Caller,
    work: (vm: VmDefinition, context: OperationContext) => Promise<object>,
    check?: (vm: VmDefinition) => Promise<void>,
  ): Promise<Operation> {
    const vm = await this.definitions.find(idOrName);
    await check?.(vm);
    await this.assertHostFor(verb, vm);
    const operation = await this.operations.begin({
      verb,
      target: `vms/${vm.name}`,
      caller,
      locks: [lockOf(vm)],
      check: manager => this.assertState(verb, vm, manager),
      // Read again: it may have changed before the operation held it.
      work: async context => work(await this.definitions.find(vm.id), context),
    });
    return operationView(operation);
  }

  /** A silent host is the better answer than the state its VMs are shown in because of it. */
  private async assertHostFor(verb: VmVerb, vm: VmDefinition): Promise<void> {
    // A VM that no Palacios knows of can be deleted without one.
    if (verb === 'delete' && !(await this.statuses.get(vm.id))) return;
    const needsKitten = ['start', 'restore', 'reset', 'moveCore'].includes(verb);
    if (needsKitten) return this.directory.assertReady(vm.ownerHost);
    const silence = this.directory.palaciosSilence(vm.ownerHost);
    if (silence) throw new V3Error('HOST_NOT_READY', `host ${vm.ownerHost} is not ready: ${silence}`);
  }
}
