import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { BeforeApplicationShutdown, Injectable, OnApplicationBootstrap } from '@nestjs/common';
import { Bus, type Stoppable } from '@v3vee/bus';
import {
  initialProgress,
  migrationChanged,
  migrationOptions,
  migrationSourceCalls,
  V3Error,
  type Migration,
  type MigrationCheck,
  type MigrationOptions,
  type MigrationRequest,
  type MovedCard,
  type Operation,
} from '@v3vee/contracts';
import { Config } from '@v3vee/service';
import {
  VmMigrationRepository,
  VmRepository,
  type NewVmMigration,
  type VmDefinition,
  type VmMigrationEntity,
} from '@v3vee/store';
import { PinoLogger } from 'nestjs-pino';
import type { EntityManager } from 'typeorm';
import type { GatewayConfig } from '../config';
import { PalaciosClient } from '../hosts/palacios-client';
import type { Caller } from '../http/endpoint';
import { operationView } from '../operations/operation-view';
import { KEPT_MS, OperationsService, type OperationContext } from '../operations/operations.service';
import { VmDefinitions } from '../vms/vm-definitions.service';
import { lockOf } from '../vms/vm-lock';
import { VmVerbs } from '../vms/vm-verbs.service';
import { VmViews } from '../vms/vm-view';
import { MigrationFollower } from './migration-follower';
import { MigrationMetrics } from './migration-metrics';
import { MigrationPlanner, type PlanOptions } from './migration-planner';
import { migrationView } from './migration-view';

const DAY_MS = 86_400_000;

/**
 * Moves running VMs to other hosts. The hosts do it between themselves; here it is begun, followed and kept. A migration
 * outlives the gateway that began it: the next one follows it on, though its operation has failed.
 */
@Injectable()
export class Migrations implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly followed = new Map<string, MigrationFollower>();
  private readonly changes = new EventEmitter().setMaxListeners(0);
  private readonly stopping = new AbortController();
  private subscription: Stoppable | undefined;
  private sweeper: NodeJS.Timeout | undefined;

  constructor(
    private readonly bus: Bus,
    private readonly rows: VmMigrationRepository,
    private readonly vms: VmRepository,
    private readonly planner: MigrationPlanner,
    private readonly definitions: VmDefinitions,
    private readonly verbs: VmVerbs,
    private readonly views: VmViews,
    private readonly operations: OperationsService,
    private readonly palacios: PalaciosClient,
    private readonly metrics: MigrationMetrics,
    private readonly log: PinoLogger,
    @Config() private readonly config: GatewayConfig,
  ) {
    log.setContext(Migrations.name);
    const { followed } = this;
    metrics.countBy(function* () {
      for (const { now } of followed.values()) yield now;
    });
  }

  async onApplicationBootstrap(): Promise<void> {
    this.subscription = this.bus.listen(migrationChanged, '*', ({ migrationId, progress }, host) =>
      this.followed.get(migrationId)?.hear(progress, host),
    );
    for (const row of await this.rows.unfinished()) {
      // It ends, or this gateway does.
      this.follow(row, this.stopping.signal).ended.catch(() => undefined);
    }
    const sweep = () =>
      this.rows
        .removeEndedBefore(new Date(Date.now() - KEPT_MS))
        .catch(error => this.log.warn({ err: error }, 'old migrations were not removed'));
    await sweep();
    this.sweeper = setInterval(() => void sweep(), DAY_MS).unref();
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.sweeper);
    this.subscription?.stop();
    this.stopping.abort(new V3Error('SERVICE_UNAVAILABLE', 'the gateway stopped meanwhile'));
    await Promise.allSettled([...this.followed.values()].map(({ ended }) => ended));
  }

  /** All that keeps a VM from moving. @throws V3Error VM_NOT_FOUND */
  async check(idOrName: string, target: string): Promise<MigrationCheck> {
    const vm = await this.definitions.find(idOrName);
    const { blockers } = await this.planner.plan(vm, target);
    return { blockers: blockers.map(({ code, message }) => ({ code, detail: message })) };
  }

  /** As an operation of its own, whose id the migration has. @throws V3Error VM_NOT_FOUND, and what `refuse` throws */
  async begin(
    idOrName: string,
    { host: target, ...options }: MigrationRequest,
    caller: Caller,
  ): Promise<Operation> {
    const vm = await this.definitions.find(idOrName);
    const { cards, blockers } = await this.planner.plan(vm, target);
    refuse(vm, target, blockers);
    const id = randomUUID();
    let row: VmMigrationEntity;
    const operation = await this.operations.begin({
      ...{ id, verb: 'migrate', target: `vms/${vm.name}`, caller, locks: [lockOf(vm)] },
      check: async manager => {
        await this.assertUnchanged(vm, manager);
        row = await this.rows.insert(newRow(vm, { id, operationId: id, target, options }), manager);
      },
      work: async context => {
        await this.perform(row, cards, context);
        return this.views.view(await this.definitions.find(vm.id));
      },
    });
    return operationView(operation);
  }

  /**
   * As a part of an operation that holds the VM.
   * @throws V3Error what `refuse` throws, MIGRATION_CANCELLED, MIGRATION_FAILED
   */
  async move(
    vm: VmDefinition,
    target: string,
    context: OperationContext,
    wanted: { options?: Partial<MigrationOptions>; cards?: PlanOptions['cards'] } = {},
  ): Promise<Migration> {
    const operationId = context.id;
    const plan = await this.planner.plan(vm, target, { operation: operationId, cards: wanted.cards });
    refuse(vm, target, plan.blockers);
    const options = migrationOptions.parse(wanted.options ?? {});
    const row = await this.rows.insert(newRow(vm, { id: randomUUID(), operationId, target, options }));
    return migrationView(await this.perform(row, plan.cards, context));
  }

  /** @throws V3Error MIGRATION_NOT_FOUND */
  async get(id: string): Promise<Migration> {
    const row = this.followed.get(id)?.now ?? (await this.rows.get(id));
    if (row) return migrationView(row);
    throw new V3Error('MIGRATION_NOT_FOUND', `there is no migration "${id}"`);
  }

  /**
   * Resolves when the VM goes on where it was; one that has ended without a move stays as it is.
   * @throws V3Error MIGRATION_NOT_FOUND, MIGRATION_TOO_LATE, HOST_NOT_READY
   */
  async cancel(id: string): Promise<Migration> {
    const ended = await this.followed.get(id)?.cancel();
    const migration = ended ? migrationView(ended) : await this.get(id);
    if (migration.phase !== 'COMPLETED') return migration;
    const { vm, target } = migration;
    throw new V3Error('MIGRATION_TOO_LATE', `${vm} has been handed over to ${target}`);
  }

  /** Tells each change of a migration, the last one with its end. */
  listen(id: string, tell: (migration: Migration) => void): Stoppable {
    this.changes.on(id, tell);
    return { stop: () => this.changes.off(id, tell) };
  }

  /** Since it was planned; nobody changes it from here on. */
  private async assertUnchanged(vm: VmDefinition, manager: EntityManager): Promise<void> {
    await this.verbs.assertState('migrate', vm, manager);
    const now = await this.vms.get(vm.id, manager);
    if (now?.epoch !== vm.epoch)
      throw new V3Error('VM_BUSY', `${vm.name} was moved meanwhile; look at it again`);
  }

  /** @throws V3Error why it did not move */
  private async perform(
    row: VmMigrationEntity,
    cards: MovedCard[],
    { signal, progress }: OperationContext,
  ): Promise<VmMigrationEntity> {
    const { id, vmId, vm, epoch, source, target, options } = row;
    const request = { migrationId: id, vmId, epoch, target, cards, options };
    const follower = this.follow(row, signal, () =>
      this.palacios.ask(migrationSourceCalls.migrate, source, request, { signal }),
    );
    await progress(`moving ${vm} from ${source} to ${target}`);
    const ended = await Promise.race([follower.ended, follower.unsure]);
    if (!ended) {
      const unsure = follower.now.progress.reason;
      throw new V3Error(
        'MIGRATION_FAILED',
        `whose ${vm} is shows in migration ${id}, once it is known: ${unsure}`,
      );
    }
    const { phase, reason } = ended.progress;
    if (phase === 'COMPLETED') return ended;
    if (follower.refusal) throw follower.refusal;
    if (phase === 'CANCELLED')
      throw new V3Error('MIGRATION_CANCELLED', `${vm} stays on ${source}: ${reason}`);
    throw new V3Error('MIGRATION_FAILED', `${vm} did not move to ${target}: ${reason}`);
  }

  private follow(
    row: VmMigrationEntity,
    signal: AbortSignal,
    begin?: () => Promise<unknown>,
  ): MigrationFollower {
    const { bus, palacios, rows, vms, log } = this;
    const { V3_HOST_SILENCE_MS: silenceMs, V3_HOST_PATIENCE_MS: patienceMs } = this.config;
    const tell = (changed: VmMigrationEntity) => this.changes.emit(row.id, migrationView(changed));
    const parts = { bus, palacios, rows, vms, log, silenceMs, patienceMs };
    const follower = new MigrationFollower(row, parts, tell, signal, begin);
    this.followed.set(row.id, follower);
    follower.ended
      .then(
        ended => this.metrics.migrationEnded(ended),
        () => undefined, // the next gateway follows it on, and counts it
      )
      .finally(() => this.followed.delete(row.id));
    return follower;
  }
}

function newRow(
  { id: vmId, name: vm, epoch, ownerHost: source, memoryMiB }: VmDefinition,
  asked: Pick<NewVmMigration, 'id' | 'operationId' | 'target' | 'options'>,
): NewVmMigration {
  return {
    ...{ vmId, vm, epoch, source, ...asked },
    progress: initialProgress(memoryMiB, `${source} is asked to begin`),
  };
}

/**
 * @throws V3Error the only blocker, as what it is (HOST_NOT_FOUND, HOST_NOT_READY, HOST_CORDONED, HOST_MEMORY_EXHAUSTED,
 *   HOST_CORES_EXHAUSTED, IMAGE_NOT_FOUND, DEVICE_MISMATCH, DEVICE_IN_USE, VM_WRONG_STATE, VM_BUSY, INVALID_REQUEST),
 *   or MIGRATION_BLOCKED, which names all
 */
function refuse({ name }: VmDefinition, target: string, blockers: V3Error[]): void {
  const [first, ...others] = blockers;
  if (!first) return;
  if (others.length === 0) throw first;
  const all = blockers.map(({ message }) => message).join('; ');
  throw new V3Error('MIGRATION_BLOCKED', `${name} cannot move to ${target}: ${all}`);
}
