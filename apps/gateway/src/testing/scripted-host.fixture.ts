import { randomUUID } from 'node:crypto';
import type { Bus, Stoppable } from '@v3vee/bus';
import {
  isLive,
  kittenCalls,
  kittenHeartbeat,
  palaciosCalls,
  palaciosHeartbeat,
  palaciosVpioCalls,
  rawSubjects,
  V3Error,
  vmChanged,
  vnetCoreStats,
  type Call,
  type DeviceInventory,
  type KernelTask,
  type PalaciosVerb,
  type VmState,
} from '@v3vee/contracts';
import { PageStore } from '@v3vee/page-store';
import { SnapshotRepository, VmRepository, VmStatusRepository, type VmStatusRecord } from '@v3vee/store';
import type { DataSource } from 'typeorm';
import { ScriptedMigrations } from './scripted-migrations.fixture';

const BEAT_MS = 50;

/** A call that a test lets wait at the host until it says how it ends. */
export interface Held {
  /** The call has arrived. */
  arrived: Promise<void>;
  release(): void;
  fail(error: V3Error): void;
}

/**
 * A host at the protocol's boundary: it beats, answers what Palacios answers and writes what Palacios writes.
 * There is no guest behind it; the end-to-end tests have the real one.
 */
export class ScriptedHost {
  readonly calls: { verb: PalaciosVerb; request: { vmId?: string } & Record<string, unknown> }[] = [];
  incarnation = randomUUID();
  private readonly statuses: VmStatusRepository;
  private readonly vms: VmRepository;
  private readonly snapshots: SnapshotRepository;
  private readonly held = new Map<PalaciosVerb, { gate: Promise<void>; arrived: () => void }>();
  private readonly failures = new Map<PalaciosVerb, V3Error>();
  private subscriptions: Stoppable[] = [];
  private beating: NodeJS.Timeout | undefined;
  /** What its VMM says of its cards. */
  devices: DeviceInventory[] = [];
  /** What its Kitten says of its tasks. */
  tasks: KernelTask[] = [];
  /** Traces under way, with how often each was begun or renewed. */
  readonly traces = new Map<string, { nic: string; asked: number }>();
  /** Events that it lost of each trace. */
  lostOfTraces = 0;
  readonly migrations: ScriptedMigrations;
  /** Services that beat. */
  readonly alive = new Set<'kitten' | 'palacios'>(['kitten', 'palacios']);

  constructor(
    private readonly bus: Bus,
    dataSource: DataSource,
    readonly name: string,
    /** Where what it saves is kept, as hosts share it; none: it is written nowhere. */
    private readonly states?: string,
  ) {
    this.statuses = new VmStatusRepository(dataSource);
    this.vms = new VmRepository(dataSource);
    this.snapshots = new SnapshotRepository(dataSource);
    this.migrations = new ScriptedMigrations(bus, dataSource, this);
  }

  start(): this {
    this.stop();
    this.subscriptions = (Object.keys(palaciosCalls) as PalaciosVerb[]).map(verb =>
      this.bus.serve(palaciosCalls[verb] as Call, this.name, request => this.answer(verb, request as never)),
    );
    this.subscriptions.push(
      this.bus.serve(vnetCoreStats, this.name, () => ({ host: this.name, cached: 2, counters: { rx: 3 } })),
    );
    this.subscriptions.push(...this.serveKernel(), ...this.serveCards(), ...this.migrations.serve());
    this.beat();
    this.beating = setInterval(() => this.beat(), BEAT_MS);
    return this;
  }

  /** As `kill -9` of both services. */
  stop(): void {
    clearInterval(this.beating);
    for (const subscription of this.subscriptions) subscription.stop();
    this.subscriptions = [];
    this.traces.clear();
    this.migrations.forget();
  }

  /** Lines of a trace, as they come from its VMM; of all that are under way. */
  tracing(...lines: string[]): void {
    for (const id of this.traces.keys()) {
      this.bus.publishRaw(rawSubjects.trace(this.name, id), Buffer.from(`${lines.join('\n')}\n`));
    }
  }

  /** Its Palacios is another process now. */
  reincarnate(): void {
    this.incarnation = randomUUID();
    this.beat();
  }

  /** The next calls of a verb wait. */
  hold(verb: PalaciosVerb): Held {
    let arrive = () => {};
    let release = () => {};
    let fail = (_: V3Error) => {};
    const arrived = new Promise<void>(resolve => (arrive = resolve));
    const gate = new Promise<void>((resolve, reject) => {
      release = resolve;
      fail = reject;
    });
    gate.catch(() => undefined).finally(() => this.held.delete(verb));
    this.held.set(verb, { gate, arrived: arrive });
    return { arrived, release, fail };
  }

  /** Calls of a verb fail, until told otherwise. */
  failing(verb: PalaciosVerb, error: V3Error | undefined): void {
    if (error) this.failures.set(verb, error);
    else this.failures.delete(verb);
  }

  verbs(): PalaciosVerb[] {
    return this.calls.map(({ verb }) => verb);
  }

  /** Puts a VM of this host into a state, as if the guest had got there by itself. */
  async put(vmId: string, state: VmState, more: Partial<VmStatusRecord> = {}): Promise<VmStatusRecord> {
    const vm = await this.vms.get(vmId);
    if (!vm) throw new V3Error('VM_NOT_FOUND', `there is no virtual machine ${vmId}`);
    const before = await this.statuses.get(vmId);
    const live = isLive(state);
    const record: VmStatusRecord = {
      vmId,
      host: this.name,
      epoch: vm.epoch,
      state,
      reason: `put to ${state}`,
      agent: state === 'RUNNING',
      ips: [],
      startedAt: live ? (before?.startedAt ?? new Date()) : null,
      incarnation: this.incarnation,
      desired: state === 'RUNNING' ? 'running' : 'stopped',
      resumeState: null,
      ...more,
    };
    await this.statuses.save(record);
    this.bus.announce(vmChanged, this.name, {
      ...record,
      startedAt: record.startedAt?.toISOString() ?? null,
    });
    return record;
  }

  private beat(): void {
    const { name: host, incarnation } = this;
    if (this.alive.has('kitten')) {
      this.bus.announce(kittenHeartbeat, host, {
        host,
        incarnation,
        memoryMiB: 1008,
        memoryFreeMiB: 944,
        memoryLargestHoleMiB: 900,
        cores: 8,
        coresFree: 7,
        guestPlacesFree: 7,
        nics: [],
        radios: [],
        allocations: [{ task: 'vm/x', base: 0, length: 64 << 20, core: 1 }],
      });
    }
    if (this.alive.has('palacios')) {
      this.bus.announce(palaciosHeartbeat, host, { host, incarnation, vms: [] });
    }
  }

  private serveKernel(): Stoppable[] {
    const { name: host } = this;
    const found = (name: string) => {
      const task = this.tasks.find(each => each.name === name);
      if (!task) throw new V3Error('TASK_NOT_FOUND', `there is no task ${name} on ${host}`);
      return task;
    };
    return [
      this.bus.serve(kittenCalls.memory, host, () => ({
        host,
        bytes: 1008 << 20,
        regions: [{ start: 0, length: 1008 << 20, type: 'umem', owner: this.tasks[0]?.name ?? null }],
        aspaces: this.tasks.map(({ aspace, name }) => ({ id: aspace, name, regions: [], smartmapped: [] })),
      })),
      this.bus.serve(kittenCalls.tasks, host, () => ({
        ...{ host, schedHz: 1, overcommit: 2, contextSwitches: 7, tasks: this.tasks },
      })),
      this.bus.serve(kittenCalls.schedule, host, ({ task, policy }) => ({ ...found(task), policy })),
    ];
  }

  private serveCards(): Stoppable[] {
    return [
      this.bus.serve(palaciosVpioCalls.inventory, this.name, () => ({ devices: this.devices })),
      this.bus.serve(palaciosVpioCalls.trace, this.name, ({ id, nic, on }) => {
        if (on) this.traces.set(id, { nic, asked: (this.traces.get(id)?.asked ?? 0) + 1 });
        else this.traces.delete(id);
        return { dropped: this.lostOfTraces };
      }),
    ];
  }

  private async answer(verb: PalaciosVerb, request: { vmId: string } & Record<string, unknown>) {
    this.calls.push({ verb, request });
    const held = this.held.get(verb);
    held?.arrived();
    await held?.gate;
    const failure = this.failures.get(verb);
    if (failure) throw failure;
    return this.perform(verb, request);
  }

  private async perform(verb: PalaciosVerb, request: { vmId: string } & Record<string, unknown>) {
    const { vmId } = request;
    const to = async (state: VmState) => {
      const { startedAt, ...status } = await this.put(vmId, state);
      return { ...status, startedAt: startedAt?.toISOString() ?? null };
    };
    switch (verb) {
      case 'start':
      case 'resume':
      case 'reset':
      case 'restore':
      case 'recover':
      case 'refresh':
        return to('RUNNING');
      case 'stop':
        return to('STOPPED');
      case 'simulate':
        await this.put(vmId, 'SIMULATING', {
          reason: `simulating: 1 of ${request.ms as number} ms of guest time`,
        });
        return to('PAUSED');
      case 'moveCore':
        return to('RUNNING');
      case 'pause':
        return to('PAUSED');
      case 'setNic':
        return {};
      case 'forget':
        await this.statuses.forget(vmId);
        return {};
      case 'snapshot':
        return this.takeSnapshot(vmId, request.name as string);
      case 'deleteSnapshot':
        await this.snapshots.remove(request.snapshotId as string);
        return {};
      case 'exec':
        return { exitCode: 3, stdout: 'out', stderr: 'err', encoding: 'utf8', truncated: false };
      case 'screen':
        return { width: 1, height: 1, text: ['x'], png: '' };
      case 'type':
        return {};
      case 'telemetry':
        return {
          vm: vmId,
          host: this.name,
          exits: { halt: { count: 7 } },
          ports: [],
          hypercalls: [],
          yields: { quanta: 0, polls: 0, sleeps: 0, longestSleepMs: 0 },
          instructions: 1,
          interruptsStuck: 0,
          guestSeconds: 1,
          idleSeconds: 1,
          nics: [],
          disks: [],
          balloonBytes: 0,
        };
      case 'memoryMap':
        return { vm: vmId, memoryBytes: 64 << 20, balloonBytes: 0, regions: [] };
      case 'memoryRead':
        return {
          address: request.address,
          data: Buffer.alloc(request.length as number, 0x2a).toString('base64'),
        };
      case 'memoryWrite':
        return {};
      case 'memoryHash':
        return { address: request.address, length: 64 << 20, sha256: 'f'.repeat(64) };
      case 'memorySearch':
        return { addresses: [4096], more: false };
      case 'balloon':
        return {
          ...{ vm: vmId, memoryMiB: 64, targetMiB: request.memoryMiB, hostMiB: request.memoryMiB },
          balloonBytes: 0,
        };
      case 'consoleAttach':
        return { scrollback: Buffer.from('login: ').toString('base64') };
    }
  }

  private async takeSnapshot(vmId: string, name: string) {
    const vm = await this.vms.get(vmId);
    if (!vm) throw new V3Error('VM_NOT_FOUND', `there is no virtual machine ${vmId}`);
    const {
      createdAt,
      nics: _,
      ...row
    } = await this.snapshots.insert({
      id: randomUUID(),
      name,
      vmId,
      vmName: vm.name,
      host: this.name,
      memoryMiB: vm.memoryMiB,
      image: vm.image,
      nics: vm.nics.map(({ network, vni, mac, ip }) => ({ network, vni, mac, ip })),
      ...{ bytes: 4096, pages: 1, newPages: 1, pauseMs: 12.5, parent: null },
      digest: await this.save(),
    });
    return { ...row, createdAt: createdAt.toISOString() };
  }

  /** One page of a guest that is no other's. @returns its digest */
  private async save(): Promise<string> {
    const id = randomUUID();
    if (this.states === undefined) return id.replaceAll('-', '').repeat(2);
    const base = new Uint8Array(new SharedArrayBuffer(1 << 20));
    base.set(Buffer.from(id));
    const head = {
      format: 1,
      engineVersion: 'scripted',
      memoryMiB: 1,
      nicCount: 0,
      devices: Uint8Array.of(1),
    };
    const store = await PageStore.open({ folder: this.states, owner: this.name });
    return (await store.write({ ...head, base, changes: new Map() })).digest;
  }
}
