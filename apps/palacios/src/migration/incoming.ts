import type { Stoppable } from '@v3vee/bus';
import { kittenCalls, memoryPages, rawSubjects, V3Error, type migrationTargetCalls } from '@v3vee/contracts';
import type { VmDefinition, VmStatusRepository } from '@v3vee/store';
import { inSpan } from '@v3vee/tracing';
import type { z } from 'zod';
import type { ArrivingMachine, HostResources, Machine, StatusRecord } from '../lifecycle/ports';
import { swapOwner, takeOver, type TargetState, type TargetSteps } from './handover';
import { MAX_MESSAGE_BYTES } from './page-stream';
import { PageReceiver } from './page-receiver';
import { AGAIN_MS, pause, type MigrationParts } from './outgoing';

/** Unless `silenceMs` says otherwise. */
const SILENCE_MS = 30_000;

export interface IncomingParts extends MigrationParts {
  incarnation: string;
  resources: HostResources;
  building: <T>(work: () => Promise<T>) => Promise<T>;
  statuses: Pick<VmStatusRepository, 'get'>;
  /** Without a word for so long its source is gone, ms. */
  silenceMs?: number;
}

type Calls = typeof migrationTargetCalls;
type Request = z.output<Calls['prepare']['request']>;
type Completing = Omit<z.output<Calls['complete']['request']>, 'migrationId'>;
type Completion = z.output<Calls['complete']['response']>;
type Arrival = z.output<Calls['known']['response']>;

/** The target's end of one migration; what it does when is in `handover.ts`. */
export class Incoming {
  #state: TargetState = 'waiting';
  #prepared: Promise<{ template: string | null }> | undefined;
  #completed: Promise<Completion> | undefined;
  #arrived: Promise<Arrival> | undefined;
  #freed: Promise<void> | undefined;
  #abandoned: V3Error | undefined;
  /** Whether the VM is kept free for it. */
  #expected = false;
  #arriving: ArrivingMachine | undefined;
  /** As they were when it was prepared: while the guest stands still the store is asked for nothing but the swap. */
  #definition: VmDefinition | undefined;
  #row: Pick<StatusRecord, 'agent' | 'ips' | 'startedAt'> | null = null;
  #receiver: PageReceiver | undefined;
  #stream: Stoppable | undefined;
  #silence: NodeJS.Timeout | undefined;
  readonly #stop = new AbortController();

  constructor(
    private readonly request: Request,
    private readonly parts: IncomingParts,
  ) {}

  get hasEnded(): boolean {
    return this.#state === 'owner' || this.#state === 'gone';
  }

  /**
   * Room, cards and a machine for it.
   * @throws V3Error MIGRATION_BLOCKED, VM_NOT_FOUND, VM_BUSY, STATE_INCOMPATIBLE, IMAGE_NOT_FOUND, DEVICE_MISMATCH,
   *   DEVICE_IN_USE, HOST_MEMORY_EXHAUSTED, HOST_CORES_EXHAUSTED
   */
  prepare(): Promise<{ template: string | null }> {
    this.#prepared ??= this.#prepare();
    return this.#prepared;
  }

  async #prepare(): Promise<{ template: string | null }> {
    const { vmId, migrationId } = this.request;
    const { bus, fleet, host, machines, resources, building } = this.parts;
    fleet.expect(vmId);
    this.#expected = true;
    try {
      const definition = (this.#definition = await this.#define());
      this.#row = await this.parts.statuses.get(vmId);
      const { template: ours, ...essence } = await machines.essence(definition);
      this.#requireSame(definition, essence);
      const template = ours?.digest === this.request.template ? ours : null;
      await resources.take(vmId, definition.memoryMiB);
      this.#arriving = await building(() => machines.receive(definition, template));
      if (this.#abandoned) throw this.#abandoned;
      void this.#arriving.machine.ended.then(({ detail }) => this.#giveUp(`its thread ended: ${detail}`));
      this.#receiver = new PageReceiver(this.#arriving.copy, memoryPages(definition.memoryMiB));
      this.#stream = bus.serveRaw(rawSubjects.migration(host, migrationId), bytes => this.#take(bytes));
      this.#listenOn();
      return { template: template?.digest ?? null };
    } catch (thrown) {
      await this.#free();
      throw thrown;
    }
  }

  /** All pages and the device state were sent. Repeated, it answers alike. @throws V3Error why it did not come */
  complete(request: Completing): Promise<Completion> {
    this.#completed ??= this.#complete(request);
    return this.#completed;
  }

  /** Resolves when the other hosts and the store know that the VM is here. @throws V3Error MIGRATION_FAILED: it is not */
  async known(): Promise<Arrival> {
    if (this.#arrived) return this.#arrived;
    throw new V3Error('MIGRATION_FAILED', `the VM has not come to ${this.parts.host}`);
  }

  /** @throws V3Error MIGRATION_TOO_LATE */
  async abandon(why = 'the migration was abandoned'): Promise<void> {
    this.#abandoned ??= new V3Error('MIGRATION_CANCELLED', why);
    await this.#prepared?.catch(() => undefined);
    await this.#completed?.catch(() => undefined);
    if (this.#state === 'owner') {
      throw new V3Error('MIGRATION_TOO_LATE', `the VM has been handed over to ${this.parts.host}`);
    }
    await this.#free();
  }

  /** This Palacios ends. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.abandon(`palacios on ${this.parts.host} is shutting down`).catch(() => undefined);
    await this.#arrived?.catch(() => undefined);
  }

  async #complete({ pages, paused, stoodStillMs }: Completing): Promise<Completion> {
    const began = performance.now();
    const { vms, host } = this.parts;
    const { vmId, source, epoch, cards } = this.request;
    clearTimeout(this.#silence);
    try {
      const { machine, copy, settle } = this.#arrivingMachine();
      const steps: TargetSteps = {
        entered: state => (this.#state = state),
        loading: () =>
          inSpan('migration load', {}, async () => {
            await copy.finish(await (this.#receiver as PageReceiver).whole(pages));
            settle(stoodStillMs);
            if (this.#abandoned) throw this.#abandoned;
          }),
        swap: () => {
          const devices = new Map(cards.map(({ nic, device }) => [nic, device]));
          const swap = { from: source, epoch, to: host };
          return inSpan('migration swap owner', {}, () =>
            swapOwner(vms, vmId, swap, devices, this.#definition),
          );
        },
        again: () => pause(this.parts.againMs ?? AGAIN_MS, this.#stop.signal),
      };
      const definition = await takeOver(steps);
      this.#stream?.stop();
      const record = this.#record(definition, paused);
      this.#arrived = this.#arrive(definition, machine, record, began);
      // It is this host's now: what is wrong with it from here on its status tells.
      this.#arrived.catch(() => undefined);
      return { epoch: definition.epoch };
    } catch (thrown) {
      await this.#free();
      throw thrown;
    }
  }

  async #arrive(
    definition: VmDefinition,
    machine: Machine,
    record: StatusRecord,
    began: number,
  ): Promise<Arrival> {
    try {
      const known = await this.parts.fleet.moveIn(definition, machine, record, this.request.source);
      const tookMs = performance.now() - began;
      await Promise.all([known(), this.#refresh(definition)]);
      return { tookMs };
    } catch (thrown) {
      await this.#free();
      throw thrown;
    }
  }

  /** Settings of its NICs may have been changed since it was prepared, and told to its last host. */
  async #refresh({ id, epoch }: VmDefinition): Promise<void> {
    const { vms, fleet } = this.parts;
    const now = await vms.get(id).catch(() => null);
    if (now?.epoch !== epoch) return;
    for (const { index, settings } of now.nics) fleet.known(id)?.setNic(index, settings);
  }

  #arrivingMachine(): ArrivingMachine {
    if (this.#arriving && !this.#freed && !this.#abandoned) return this.#arriving;
    throw this.#abandoned ?? new V3Error('MIGRATION_FAILED', 'the migration has not been prepared');
  }

  #record({ id, epoch }: VmDefinition, paused: boolean): StatusRecord {
    const { host, incarnation } = this.parts;
    const row = this.#row;
    return {
      ...{ vmId: id, host, epoch, incarnation, reason: '', resumeState: null },
      ...{ agent: row?.agent ?? false, ips: row?.ips ?? [], startedAt: row?.startedAt ?? new Date() },
      ...(paused ? { state: 'PAUSED', desired: 'paused' } : { state: 'RUNNING', desired: 'running' }),
    };
  }

  #take(bytes: Uint8Array): Promise<void> {
    if (!this.#receiver || this.#freed)
      return Promise.reject(this.#abandoned ?? new V3Error('MIGRATION_NOT_FOUND', 'it has ended'));
    this.#listenOn();
    return this.#receiver.take(bytes);
  }

  /** A message may take long because the copy is limited. */
  #listenOn(): void {
    clearTimeout(this.#silence);
    if (this.#completed || this.#freed) return;
    const { bandwidthMiBps } = this.request.options;
    const each =
      bandwidthMiBps === undefined ? 0 : (MAX_MESSAGE_BYTES / (bandwidthMiBps * (1 << 20))) * 1_000;
    const ms = Math.min((this.parts.silenceMs ?? SILENCE_MS) + each, 2 ** 31 - 1);
    this.#silence = setTimeout(() => this.#giveUp(`nothing came for ${ms / 1_000} s`), ms);
    this.#silence.unref();
  }

  #giveUp(why: string): void {
    if (this.#completed || this.#freed) return;
    const { vmId, source } = this.request;
    this.parts.log.warn({ vm: vmId, source, why }, 'a VM that was to come here does not come');
    void this.abandon(why).catch(() => undefined);
  }

  #free(): Promise<void> {
    this.#state = 'gone';
    this.#freed ??= this.#freeAll();
    return this.#freed;
  }

  async #freeAll(): Promise<void> {
    const { fleet, resources } = this.parts;
    const { vmId } = this.request;
    clearTimeout(this.#silence);
    if (!this.#expected) return;
    this.#stream?.stop();
    await this.#arriving?.machine.close();
    await resources.giveBack(vmId);
    fleet.forgo(vmId);
  }

  // ---- what must be so before anything is taken ----------------------------------------------------------------

  /** As it will be here. */
  async #define(): Promise<VmDefinition> {
    const { vmId, source, epoch, cards } = this.request;
    const { vms, host } = this.parts;
    const definition = await vms.get(vmId);
    if (!definition) throw new V3Error('VM_NOT_FOUND', `there is no virtual machine ${vmId}`);
    if (source === host)
      throw new V3Error('MIGRATION_BLOCKED', `VM ${definition.name} is on ${host} already`);
    if (definition.ownerHost !== source || definition.epoch !== epoch) {
      throw new V3Error(
        'MIGRATION_BLOCKED',
        `VM ${definition.name} is host ${definition.ownerHost}'s at epoch ${definition.epoch}, not ${source}'s at ${epoch}`,
      );
    }
    const nics = definition.nics.map(nic => {
      if (nic.device === null) return nic;
      const card = cards.find(moved => moved.nic === nic.index);
      if (card) return { ...nic, device: card.device };
      throw new V3Error(
        'DEVICE_MISMATCH',
        `${definition.name}/net${nic.index} is a physical card; none was named for it`,
      );
    });
    const moved = { ...definition, host, ownerHost: host, epoch: epoch + 1, nics };
    if (nics.some(({ device }) => device !== null)) await this.#requireCards(moved);
    return moved;
  }

  async #requireCards({ name, nics }: VmDefinition): Promise<void> {
    const { bus, host } = this.parts;
    const inventory = await bus.call(kittenCalls.inventory, host, {});
    for (const { index, device, model, network } of nics) {
      if (device === null) continue;
      const card = inventory.nics.find(present => present.name === device);
      if (card && card.model === model && card.network === network) continue;
      const is = card ? `is a ${card.model} on network ${card.network ?? 'none'}` : 'does not exist';
      throw new V3Error(
        'DEVICE_MISMATCH',
        `${name}/net${index} needs a ${model} on network ${network}; ${host}/${device} ${is}`,
      );
    }
  }

  #requireSame({ name, image }: VmDefinition, essence: Pick<Request, 'engineVersion' | 'imageDigest'>): void {
    const { host } = this.parts;
    const { engineVersion, imageDigest, source } = this.request;
    if (engineVersion !== essence.engineVersion) {
      throw new V3Error(
        'STATE_INCOMPATIBLE',
        `${name} runs on engine ${engineVersion} on ${source}, and ${host} has ${essence.engineVersion}`,
      );
    }
    if (imageDigest !== essence.imageDigest) {
      throw new V3Error(
        'STATE_INCOMPATIBLE',
        `image ${image} is another one on ${host} than on ${source} (${essence.imageDigest}, not ${imageDigest})`,
      );
    }
  }
}
