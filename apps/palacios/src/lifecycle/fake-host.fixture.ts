/**
 * A host made of promises that tests settle: it stands in for what can't be brought about at will with real
 * guests (a worker that hangs at the one wrong moment, a disk that is full, Kitten that refuses).
 */
import { randomUUID } from 'node:crypto';
import { V3Error, yieldSettings, type MemoryMap, type NicSettings, type VmStatus } from '@v3vee/contracts';
import type { MachineCut, MachineState } from '@v3vee/machine';
import type { SavedState, SnapshotEntity, VmDefinition } from '@v3vee/store';
import { limiter } from './limiter';
import type { GuestEnd, Machine, StatusRecord, VmHost } from './ports';

const head = { format: 1, engineVersion: 'v86', memoryMiB: 64, nicCount: 0, devices: new Uint8Array() };

export class FakeMachine implements Machine {
  readonly origin = 'template';
  running = false;
  closed = false;
  calls: string[] = [];
  /** Put an error or a promise that never settles here to make a step fail. */
  trouble: Partial<Record<'run' | 'pause' | 'capture', Promise<never>>> = {};
  answer: string[][] | undefined = [['10.0.0.1/24']];
  #end: (end: GuestEnd) => void = () => undefined;
  readonly ended = new Promise<GuestEnd>(resolve => (this.#end = resolve));

  constructor(readonly made: string) {}

  async run(): Promise<void> {
    await this.#step('run');
    this.running = true;
  }
  /** Ends a simulation: how many ms it ran. */
  simulated: (ranMs: number) => void = () => undefined;
  async simulate(): Promise<number> {
    this.calls.push('simulate');
    this.running = true;
    const ended = this.ended.then(({ detail }) => Promise.reject(new V3Error('GUEST_FAILED', detail)));
    const ran = await Promise.race([new Promise<number>(resolve => (this.simulated = resolve)), ended]);
    this.running = false;
    return ran;
  }
  async pause(): Promise<void> {
    await this.#step('pause');
    this.running = false;
  }
  async capture(): Promise<MachineCut> {
    await this.#step('capture');
    return { ...head, base: undefined, changes: new Map(), pauseMs: this.running ? 1 : 0 };
  }
  async close(): Promise<void> {
    this.closed = true;
    this.running = false;
  }
  async addresses(): Promise<string[][]> {
    if (!this.answer) throw new V3Error('VM_NO_AGENT', 'no agent');
    return this.answer;
  }
  exec = () => Promise.reject(new Error('not here'));
  telemetry = () => Promise.reject(new Error('not here'));
  memoryMap = (): Promise<MemoryMap> => Promise.reject(new Error('not here'));
  readonly memory = {
    read: () => Promise.reject(new Error('not here')),
    write: () => Promise.reject(new Error('not here')),
    hash: () => Promise.reject(new Error('not here')),
    search: () => Promise.reject(new Error('not here')),
  };
  /** That its guest gives at most, and has given. */
  spareBytes = Infinity;
  givenBytes = 0;
  async balloon(bytes: number): Promise<void> {
    this.calls.push(`balloon ${bytes >> 20}`);
    this.givenBytes = Math.min(bytes, this.spareBytes);
  }
  balloonBytes = async () => this.givenBytes;
  screen = () => Promise.reject(new Error('not here'));
  type = () => Promise.reject(new Error('not here'));
  releaseDisks = async () => undefined;
  setHosts(): void {}
  copyOut: Machine['copyOut'] = () => Promise.reject(new Error('not here'));
  throttle = async () => undefined;
  /** What was done with the frames that came while it stood still, in order. */
  readonly frames: string[] = [];
  hold(): void {
    this.frames.push('hold');
  }
  release(): void {
    this.frames.push('release');
  }
  forward(host: string): void {
    this.frames.push(`forward to ${host}`);
  }
  epoch: number | undefined;
  async renew(epoch: number): Promise<void> {
    this.epoch = epoch;
  }
  stoodStillMs = () => 0;
  reached = async () => undefined;
  readonly nicSettings: [number, NicSettings][] = [];
  setNic(nic: number, settings: NicSettings): void {
    this.nicSettings.push([nic, settings]);
  }

  end(end: GuestEnd): void {
    this.running = false;
    this.#end(end);
  }
  async #step(step: 'run' | 'pause' | 'capture'): Promise<void> {
    this.calls.push(step);
    await this.trouble[step];
  }
}

export const failing = (error: Error): Promise<never> => {
  const promise = Promise.reject(error);
  promise.catch(() => undefined);
  return promise;
};
export const hanging = (): Promise<never> => new Promise(() => undefined);

export function definition(change: Partial<VmDefinition> = {}): VmDefinition {
  return {
    id: randomUUID(),
    name: 'a1',
    project: 'default',
    host: 'alpha',
    ownerHost: 'alpha',
    epoch: 1,
    memoryMiB: 64,
    image: 'debian',
    autostart: false,
    boot: 'template',
    nics: [],
    wifi: [],
    yield: yieldSettings.parse({}),
    devices: [],
    disks: [],
    managed: false,
    failover: 'none',
    checkpointEvery: null,
    createdAt: new Date(),
    updatedAt: new Date(),
    ...change,
  };
}

export function snapshotOf(vm: VmDefinition, change: Partial<SnapshotEntity> = {}): SnapshotEntity {
  return {
    id: randomUUID(),
    name: 's1',
    kind: 'named',
    vmId: vm.id,
    vmName: vm.name,
    project: vm.project,
    host: 'alpha',
    memoryMiB: vm.memoryMiB,
    image: vm.image,
    nics: [],
    disks: [],
    ...{ bytes: 1, pages: 1, newPages: 1, pauseMs: null, parent: null },
    digest: 'd'.repeat(64),
    createdAt: new Date(),
    ...change,
  };
}

/** What went wrong, by the port's method: that method throws it. */
type Faults = Partial<Record<'take' | 'boot' | 'restore' | 'read' | 'write' | 'define' | 'create', V3Error>>;

export class FakeHost implements VmHost {
  readonly name = 'alpha';
  readonly incarnation = randomUUID();
  readonly lease = { held: true, term: 1, whenHeld: async (): Promise<void> => undefined };
  readonly faults: Faults = {};
  readonly machineList: FakeMachine[] = [];
  /** Memory that Kitten gave and did not get back, by VM. */
  readonly held = new Map<string, number>();
  readonly rows = new Map<string, StatusRecord>();
  readonly announced: VmStatus[] = [];
  readonly files = new Set<string>();
  readonly snapshotRows: SnapshotEntity[] = [];
  readonly building = limiter(2);
  readonly log = { info: () => undefined, warn: () => undefined, error: () => undefined };

  constructor(readonly vms: VmDefinition[]) {}

  get machine(): FakeMachine {
    return this.machineList.at(-1) as FakeMachine;
  }

  #fault(at: keyof Faults): void {
    const fault = this.faults[at];
    if (fault) throw fault;
  }

  /** Trouble of the machine that is made next. */
  nextTrouble: FakeMachine['trouble'] = {};

  #made(how: string): FakeMachine {
    const machine = new FakeMachine(how);
    machine.trouble = this.nextTrouble;
    this.nextTrouble = {};
    this.machineList.push(machine);
    return machine;
  }

  readonly definitions = {
    get: async (vmId: string) => {
      this.#fault('define');
      return this.vms.find(({ id }) => id === vmId) as VmDefinition;
    },
  };
  readonly resources = {
    take: async (vmId: string, memoryMiB: number) => {
      this.#fault('take');
      this.held.set(vmId, memoryMiB);
    },
    resize: async (vmId: string, memoryMiB: number) => {
      this.#fault('take');
      this.held.set(vmId, memoryMiB);
    },
    moveCore: async (_: string, core: number) => {
      if (core > 1) throw new V3Error('HOST_CORE_NOT_FOUND', `no core ${core}`);
    },
    giveBack: async (vmId: string) => void this.held.delete(vmId),
  };
  readonly machines = {
    boot: async ({ boot }: VmDefinition) => {
      this.#fault('boot');
      return this.#made(boot);
    },
    restore: async (_: VmDefinition, state: MachineState, { identity }: { identity: boolean }) => {
      this.#fault('restore');
      return this.#made(`${state.engineVersion}${identity ? ' as another' : ''}`);
    },
    base: async () => undefined,
    essence: async () => ({ engineVersion: '1', imageDigest: 'i', template: null }),
    receive: () => Promise.reject(new Error('not here')),
  };
  readonly status = {
    write: async (record: StatusRecord) => void this.rows.set(record.vmId, record),
    writeWith: async (record: StatusRecord) => void this.rows.set(record.vmId, record),
    announce: (status: VmStatus) => void this.announced.push(status),
    forget: async (vmId: string) => void this.rows.delete(vmId),
  };
  readonly states = {
    write: async (_: unknown, refer: (saved: SavedState, transaction: never) => Promise<void>) => {
      this.#fault('write');
      const saved = { digest: 'a'.repeat(64), pages: 1, newPages: 1, storedBytes: 1 };
      this.files.add(saved.digest);
      await refer(saved, undefined as never);
      return saved;
    },
    /** Its engine version says which state it is. */
    read: async (digest: string): Promise<MachineState> => {
      this.#fault('read');
      const memory = new Uint8Array(new SharedArrayBuffer(0));
      return { ...head, engineVersion: `state ${digest.slice(0, 1)}`, memory };
    },
    release: async (digest: string) => void this.files.delete(digest),
  };
  readonly snapshots = {
    get: async (id: string) => {
      const found = this.snapshotRows.find(row => row.id === id);
      if (!found) throw new V3Error('SNAPSHOT_NOT_FOUND', `there is no snapshot ${id}`);
      return found;
    },
    requireFree: async (vm: VmDefinition, name: string) => {
      if (this.snapshotRows.some(row => row.vmId === vm.id && row.name === name)) {
        throw new V3Error('SNAPSHOT_EXISTS', 'it exists');
      }
    },
    latest: async (vmId: string) => this.snapshotRows.findLast(row => row.vmId === vmId) ?? null,
    create: async (vm: VmDefinition, name: string) => {
      this.#fault('create');
      const row = snapshotOf(vm, { name });
      this.snapshotRows.push(row);
      return row;
    },
  };
}
