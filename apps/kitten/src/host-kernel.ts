import {
  KITTEN_RESERVED_MIB,
  V3Error,
  type Allocation,
  type CoreGrants,
  type Inventory,
  type KernelMemory,
  type KernelTask,
  type KernelTasks,
  type TaskPolicy,
  type TaskState,
} from '@v3vee/contracts';
import { mapWhole, PAGE_SIZES, type AddressSpace } from './address-space';
import { AddressSpaces, BOOT_ASPACE, INIT_ASPACE, KERNEL_ASPACE } from './address-spaces';
import { Cores } from './cores';
import { Gate } from './gate';
import { PhysicalMemory } from './physical-memory';
import { Scheduler, type Clock } from './scheduler';
import type { Task } from './task';

export const MIB = 1024 * 1024;
/** Guests lie on 2 MiB boundaries, so that large pages can map them. */
const GUEST_ALIGNMENT = 2 * MIB;
/** Of the reserved memory: boot structures and firmware tables, below the kernel. */
const BOOT_BYTES = 2 * MIB;
/** Of the reserved memory, at its end: the init task, which loads jobs. */
const INIT_BYTES = 2 * MIB;
/** Native tasks that are asked to share cores; it is a bound, not a plan. */
const MOST_ON_CORE = 64;
/** Where a native task's memory begins in its space: nothing is at address 0. */
const NATIVE_START = 2 * MIB;

export interface HostDescription extends Pick<Inventory, 'incarnation' | 'nics' | 'radios'> {
  name: string;
  memoryMiB: number;
  cores: number;
  /** How often a second the tasks of a shared core take turns. */
  schedHz?: number;
  /** Guests that a core takes. */
  overcommit?: number;
}

export interface KernelOptions {
  clock?: Clock;
  /** Some guest was given its core, or lost it: {@link HostKernel.grants} says which have one. */
  onGrants?: () => void;
}

/** A task of this host's own: a rank of a job. */
export interface NativeTaskRequest {
  /** Its own on this host, not of a VM's form: `job/<job>/<rank>`. */
  name: string;
  /** In whole pages of 4 KiB. */
  memoryBytes: number;
  /** Exactly this core; absent: one that nobody is on, core 0 last of all. */
  core?: number;
  /** It may be put on a core that others are on. */
  share?: boolean;
  /** Absent: round robin. */
  policy?: TaskPolicy;
}

export interface NativeTask {
  readonly id: number;
  readonly name: string;
  readonly aspace: AddressSpace;
  /** Where its memory begins, as the host counts. */
  readonly base: number;
  readonly core: number;
  readonly gate: Gate;
}

interface Resident {
  task: Task;
  aspace: AddressSpace;
  base: number;
  length: number;
}

/**
 * Owner of one emulated host's memory and cores, as Kitten is of a real one's. A guest gets contiguous memory
 * and a core before it starts, or a refusal that says what there is.
 *
 * The map is volatile, like a kernel's. Guests outlive a restart of this process, because they run in their
 * Palacios; so a new kernel does not know what is taken until Palacios has said so:
 *
 * ```
 *   (start) ──► UNCLAIMED ──claim──► CLAIMED ──allocate, free, claim──► CLAIMED
 *                   │
 *                   └─ allocate: refused, HOST_NOT_CLAIMED
 * ```
 *
 * Otherwise the first guest to start after a restart would be given memory that a running one has. Palacios
 * claims when it starts (an empty list) and whenever a heartbeat shows another incarnation. A claim only
 * adds: what is held already as claimed is no conflict, and what is not listed stays, so that an allocation
 * that is answered while a claim is under way survives it. What an earlier Palacios left behind, the next one
 * sees in the inventory and frees.
 */
export class HostKernel {
  private memory = new PhysicalMemory();
  private processors: Cores;
  private readonly guests = new Map<string, Resident>();
  private readonly natives = new Map<number, Resident & { gate: Gate }>();
  private readonly spaces = new AddressSpaces();
  private readonly scheduler: Scheduler;
  private readonly tellGrants = () => this.options.onGrants?.();
  private isClaimed = false;

  constructor(
    private readonly host: HostDescription,
    private readonly options: KernelOptions = {},
  ) {
    const kernel = KITTEN_RESERVED_MIB * MIB;
    const total = host.memoryMiB * MIB;
    if (total <= kernel) {
      throw new V3Error(
        'INVALID_REQUEST',
        `host ${host.name} has ${host.memoryMiB} MiB of memory; Kitten keeps ${KITTEN_RESERVED_MIB} MiB, it needs more than that`,
      );
    }
    const own = [
      { type: 'bootmem', id: BOOT_ASPACE, name: 'boot', start: 0, end: BOOT_BYTES },
      { type: 'kmem', id: KERNEL_ASPACE, name: 'kernel', start: BOOT_BYTES, end: kernel - INIT_BYTES },
      { type: 'init_task', id: INIT_ASPACE, name: 'init', start: kernel - INIT_BYTES, end: kernel },
    ] as const;
    for (const { type, id, name, start, end } of own) {
      this.memory.add({ start, length: end - start, type, owner: 'kitten' });
      mapWhole(this.spaces.create(name, id), { name: type, start, physical: start, length: end - start });
    }
    this.memory.add({ start: kernel, length: total - kernel, type: 'umem', owner: null });
    this.processors = new Cores(host.cores, this.overcommit);
    this.scheduler = new Scheduler({ cores: host.cores, schedHz: this.schedHz, clock: options.clock });
  }

  /** Whether Palacios has said what its guests hold. */
  get claimed(): boolean {
    return this.isClaimed;
  }

  get map(): Pick<PhysicalMemory, 'query' | 'bytes' | 'largestHole' | 'isOwned'> {
    return this.memory;
  }

  get cores(): Pick<Cores, 'count' | 'free' | 'list'> {
    return this.processors;
  }

  get aspaces(): Pick<AddressSpaces, 'get' | 'list'> {
    return this.spaces;
  }

  get time(): Pick<Scheduler, 'cores' | 'granted' | 'switches'> {
    return this.scheduler;
  }

  get schedHz(): number {
    return this.host.schedHz ?? 1;
  }
  get overcommit(): number {
    return this.host.overcommit ?? 1;
  }

  // ---- guests -----------------------------------------------------------------------------------------------

  /**
   * Contiguous memory and a core for a guest. A repeated request gets what the task has.
   * @throws V3Error HOST_NOT_CLAIMED, HOST_MEMORY_EXHAUSTED, HOST_CORES_EXHAUSTED, or INVALID_REQUEST when the
   *   task has another amount
   */
  allocate(task: string, memoryMiB: number): Allocation {
    const { name } = this.host;
    this.requireClaim();
    const length = memoryMiB * MIB;
    const present = this.guests.get(task);
    if (present?.length === length) return allocationOf(present);
    if (present) {
      throw new V3Error(
        'INVALID_REQUEST',
        `${task} has ${present.length / MIB} MiB on ${name}; free that before asking for ${memoryMiB} MiB`,
      );
    }
    const core = this.processors.emptiest();
    if (core === undefined) {
      throw new V3Error(
        'HOST_CORES_EXHAUSTED',
        `${task} asks for a core of ${name}; none of its ${this.processors.count} is free, each runs ${this.full()}. ` +
          'Stop a VM there or give the host more cores',
      );
    }
    const region = this.memory.alloc(length, GUEST_ALIGNMENT, task);
    if (!region) throw this.memoryExhausted(task, length);
    this.processors.place(core, task);
    return allocationOf(this.admit(task, region.start, length, core));
  }

  /**
   * Puts the guest on another core; its memory stays where it is.
   * @throws V3Error HOST_NOT_CLAIMED, HOST_CORE_NOT_FOUND, HOST_CORE_IN_USE, HOST_CORES_EXHAUSTED when it has reserved
   *   time that the core has not, or INVALID_REQUEST when the task has nothing here
   */
  moveCore(task: string, core: number): Allocation {
    const { name } = this.host;
    this.requireClaim();
    const present = this.guests.get(task);
    if (!present) throw new V3Error('INVALID_REQUEST', `${task} has no core of ${name} that it could leave`);
    const from = present.task.core;
    if (from === core) return allocationOf(present);
    if (core >= this.processors.count) {
      throw new V3Error(
        'HOST_CORE_NOT_FOUND',
        `${name} has no core ${core}; its cores are 0 to ${this.processors.count - 1}`,
      );
    }
    const conflict = this.processors.claim(core, task);
    if (conflict) {
      throw new V3Error(
        'HOST_CORE_IN_USE',
        `${task} can't move there: on ${name}, ${conflict}; free cores: ${this.processors.open().join(', ') || 'none'}`,
      );
    }
    try {
      this.scheduler.migrate(present.task.id, core);
    } catch (thrown) {
      this.processors.release(core, task);
      throw thrown;
    }
    this.processors.release(from, task);
    return allocationOf(present);
  }

  /**
   * Another amount for a guest: of its beginning, in place, or elsewhere where it can't grow in place.
   * @throws V3Error HOST_NOT_CLAIMED, HOST_MEMORY_EXHAUSTED, or INVALID_REQUEST when it has nothing here
   */
  resize(task: string, memoryMiB: number): Allocation {
    this.requireClaim();
    const length = memoryMiB * MIB;
    const present = this.guests.get(task);
    if (!present) throw new V3Error('INVALID_REQUEST', `${task} has no memory of ${this.host.name}`);
    if (present.length === length) return allocationOf(present);
    const memory = this.memory.copy();
    memory.free(present.base, present.length, task);
    const inPlace = memory.claim(present.base, length, task) === undefined;
    const base = inPlace ? present.base : memory.alloc(length, GUEST_ALIGNMENT, task)?.start;
    if (base === undefined) throw this.memoryExhausted(task, length);
    this.memory = memory;
    present.aspace.unmapPmem(0, present.length);
    present.aspace.delRegion(0, present.length);
    mapWhole(present.aspace, { name: 'guest', start: 0, physical: base, length });
    return allocationOf(Object.assign(present, { base, length }));
  }

  /** Answers whether the guest held anything. */
  free(task: string): boolean {
    const present = this.guests.get(task);
    if (!present) return false;
    this.guests.delete(task);
    this.release(present);
    return true;
  }

  /**
   * What Palacios's running guests hold. All or nothing.
   * @throws V3Error HOST_CLAIM_CONFLICT that names every claim that can't be
   */
  claim(allocations: readonly Allocation[]): void {
    const memory = this.memory.copy();
    const processors = this.processors.copy();
    const granted = new Map([...this.guests].map(([task, resident]) => [task, allocationOf(resident)]));
    const conflicts: string[] = [];
    for (const allocation of allocations) {
      const { task, base, length, core } = allocation;
      const present = granted.get(task);
      if (present && present.base === base && present.length === length && present.core === core) continue;
      const problem = present
        ? `it holds ${present.length} bytes at 0x${present.base.toString(16)} and core ${present.core} already`
        : (unpaged(base, length) ?? memory.claim(base, length, task) ?? processors.claim(core, task));
      if (problem) {
        conflicts.push(`${task} (${length} bytes at 0x${base.toString(16)}, core ${core}): ${problem}`);
      } else {
        granted.set(task, { task, base, length, core });
      }
    }
    if (conflicts.length > 0) {
      throw new V3Error(
        'HOST_CLAIM_CONFLICT',
        `Kitten on ${this.host.name} can't grant the claim: ${conflicts.join('; ')}`,
      );
    }
    this.memory = memory;
    this.processors = processors;
    for (const { task, base, length, core } of granted.values()) {
      if (!this.guests.has(task)) this.admit(task, base, length, core);
    }
    this.isClaimed = true;
  }

  /** What Palacios says of a guest's task: whether it wants its core, and what it used, ms. */
  report(task: string, state: Exclude<TaskState, 'EXITED'>, usedMs: number): void {
    const present = this.guests.get(task);
    if (!present) return;
    present.task.usedMs = usedMs;
    this.scheduler.setState(present.task.id, state);
  }

  /** Of the guests that share their cores: which may run now. */
  grants(): CoreGrants['tasks'] {
    return [...this.guests.values()].flatMap(({ task }) => {
      const queue = this.scheduler.cores[task.core]!;
      return queue.isShared ? [{ task: task.name, granted: queue.grants(task) }] : [];
    });
  }

  // ---- native tasks -----------------------------------------------------------------------------------------

  /**
   * A task with its own address space, its memory mapped up front, on a core. It is RUNNING; whether it has the core
   * its gate says. Nobody claims it: it is this process's, and ends with it.
   * @throws V3Error HOST_NOT_CLAIMED, HOST_MEMORY_EXHAUSTED, HOST_CORES_EXHAUSTED, HOST_CORE_NOT_FOUND,
   *   HOST_CORE_IN_USE, INVALID_REQUEST: the name is taken, or the memory is not of whole pages
   */
  createTask({ name, memoryBytes, core, share = false, policy }: NativeTaskRequest): NativeTask {
    this.requireClaim();
    const [page] = PAGE_SIZES;
    if (this.guests.has(name) || [...this.natives.values()].some(({ task }) => task.name === name)) {
      throw new V3Error('INVALID_REQUEST', `${name} runs on ${this.host.name} already`);
    }
    if (!Number.isSafeInteger(memoryBytes) || memoryBytes <= 0 || memoryBytes % page !== 0) {
      throw new V3Error(
        'INVALID_REQUEST',
        `${name} needs memory of whole pages of ${page} bytes, not ${memoryBytes}`,
      );
    }
    const chosen = this.coreFor(name, core, share);
    const region = this.memory.alloc(
      memoryBytes,
      memoryBytes % GUEST_ALIGNMENT === 0 ? GUEST_ALIGNMENT : page,
      name,
    );
    if (!region) throw this.memoryExhausted(name, memoryBytes);
    let aspace: AddressSpace | undefined;
    try {
      aspace = this.spaces.create(name);
      mapWhole(aspace, { name: 'umem', start: NATIVE_START, physical: region.start, length: memoryBytes });
      const gate = new Gate();
      const task = this.scheduler.add({
        name,
        kind: 'native',
        aspace: aspace.id,
        holder: gate,
        core: chosen,
        policy,
      });
      this.processors.place(chosen, name);
      this.natives.set(task.id, { task, aspace, base: region.start, length: memoryBytes, gate });
      return { id: task.id, name, aspace, base: region.start, core: chosen, gate };
    } catch (thrown) {
      if (aspace) this.spaces.destroy(aspace.id);
      this.memory.free(region.start, memoryBytes, name);
      throw thrown;
    }
  }

  /** Its memory and core are free; its gate stays open, so that its thread can end. Answers whether there was one. */
  endTask(id: number): boolean {
    const present = this.natives.get(id);
    if (!present) return false;
    this.natives.delete(id);
    this.release(present);
    present.gate.grant();
    return true;
  }

  /** A native task waits (INTERRUPTIBLE: for a message), stands still (STOPPED), or wants its core again (RUNNING). */
  setTaskState(id: number, state: Exclude<TaskState, 'EXITED'>): void {
    this.scheduler.setState(id, state);
  }

  /**
   * Another core for a native task.
   * @throws V3Error HOST_CORE_NOT_FOUND, HOST_CORE_IN_USE, HOST_CORES_EXHAUSTED
   */
  moveTask(id: number, core: number, share = false): void {
    const present = this.natives.get(id);
    if (!present || present.task.core === core) return;
    const { name, core: from } = present.task;
    this.coreFor(name, core, share);
    this.scheduler.migrate(id, core);
    this.processors.release(from, name);
    this.processors.place(core, name);
  }

  /**
   * How a task is scheduled.
   * @throws V3Error TASK_NOT_FOUND; HOST_CORES_EXHAUSTED: its core has not as much time left as it reserves
   */
  setPolicy(name: string, policy: TaskPolicy): KernelTask {
    const resident =
      this.guests.get(name) ?? [...this.natives.values()].find(({ task }) => task.name === name);
    if (!resident) throw new V3Error('TASK_NOT_FOUND', `there is no task ${name} on ${this.host.name}`);
    this.scheduler.setPolicy(resident.task.id, policy);
    return this.scheduler.view(resident.task);
  }

  // ---- what it shows ----------------------------------------------------------------------------------------

  inventory(): Inventory {
    const { name, incarnation, memoryMiB, nics, radios } = this.host;
    return {
      host: name,
      incarnation,
      memoryMiB,
      memoryFreeMiB: Math.floor(this.memory.bytes({ type: 'umem', owner: null }) / MIB),
      memoryLargestHoleMiB: this.largestHoleMiB(),
      cores: this.processors.count,
      coresFree: this.processors.free,
      guestPlacesFree: this.processors.freePlaces,
      nics,
      radios,
      allocations: [...this.guests.values()].map(allocationOf),
    };
  }

  memoryMap(): KernelMemory {
    return {
      host: this.host.name,
      bytes: this.memory.bytes(),
      regions: this.memory.query(),
      aspaces: this.spaces.list().map(space => space.view()),
    };
  }

  taskList(): KernelTasks {
    for (const { task, gate } of this.natives.values()) task.usedMs = gate.usedMs;
    return {
      host: this.host.name,
      schedHz: this.schedHz,
      overcommit: this.overcommit,
      contextSwitches: this.scheduler.switches,
      tasks: this.scheduler.list().map(task => this.scheduler.view(task)),
    };
  }

  stop(): void {
    this.scheduler.stop();
  }

  // ---- within -----------------------------------------------------------------------------------------------

  /** A guest whose memory and core are taken already. It stands still until Palacios says that it runs. */
  private admit(name: string, base: number, length: number, core: number): Resident {
    const aspace = this.spaces.create(name);
    mapWhole(aspace, { name: 'guest', start: 0, physical: base, length });
    const holder = { grant: this.tellGrants, take: this.tellGrants };
    const task = this.scheduler.add({
      name,
      kind: 'guest',
      aspace: aspace.id,
      holder,
      core,
      state: 'STOPPED',
    });
    const resident = { task, aspace, base, length };
    this.guests.set(name, resident);
    return resident;
  }

  private release({ task, aspace, base, length }: Resident): void {
    this.scheduler.remove(task.id);
    this.processors.release(task.core, task.name);
    this.spaces.destroy(aspace.id);
    this.memory.free(base, length, task.name);
  }

  /** Where a native task goes. Kitten's loader keeps off core 0, which the kernel itself uses. */
  private coreFor(name: string, core: number | undefined, share: boolean): number {
    const { count } = this.processors;
    if (core !== undefined && (!Number.isInteger(core) || core < 0 || core >= count)) {
      throw new V3Error(
        'HOST_CORE_NOT_FOUND',
        `${this.host.name} has no core ${core}; its cores are 0 to ${count - 1}`,
      );
    }
    const places = share ? MOST_ON_CORE : 1;
    const allowed = core === undefined ? Array.from({ length: count }, (_, at) => at) : [core];
    const preferred = allowed.filter(at => at !== 0);
    const found =
      this.processors.emptiest(preferred, 1) ??
      this.processors.emptiest(preferred.length > 0 ? preferred : allowed, places) ??
      this.processors.emptiest(allowed, places);
    if (found !== undefined) return found;
    if (core !== undefined) {
      const on = this.processors.list()[core]!.join(', ');
      throw new V3Error(
        'HOST_CORE_IN_USE',
        `${name} can't go there: core ${core} of ${this.host.name} runs ${on}; ask to share it, or name another`,
      );
    }
    throw new V3Error(
      'HOST_CORES_EXHAUSTED',
      `${name} asks for a core of ${this.host.name}; none of its ${count} is free. Ask to share one, stop a VM or a job there, or give the host more cores`,
    );
  }

  /** What each core runs when no further guest gets one. */
  private full(): string {
    const guests = this.processors.list().every(on => on.every(task => this.guests.has(task)));
    if (this.overcommit > 1) return `${this.overcommit} tasks`;
    return guests ? 'a guest' : 'a guest or a native task';
  }

  private requireClaim(): void {
    if (this.isClaimed) return;
    throw new V3Error(
      'HOST_NOT_CLAIMED',
      `Kitten on ${this.host.name} has just started and does not know yet what the guests hold; claim first, then ask again`,
    );
  }

  private largestHoleMiB(): number {
    return Math.floor(this.memory.largestHole(GUEST_ALIGNMENT) / MIB);
  }

  private memoryExhausted(task: string, bytes: number): V3Error {
    const { name, memoryMiB } = this.host;
    const { memoryFreeMiB } = this.inventory();
    return new V3Error(
      'HOST_MEMORY_EXHAUSTED',
      `${task} asks for ${bytes / MIB} MiB in one piece on ${name}; of its ${memoryMiB} MiB ${memoryFreeMiB} MiB are free, ` +
        `the largest hole has ${this.largestHoleMiB()} MiB. Stop a VM there or give the host more memory`,
    );
  }
}

const allocationOf = ({ task, base, length }: Resident): Allocation => ({
  task: task.name,
  base,
  length,
  core: task.core,
});

/** What is wrong with a range that no pages make up. */
function unpaged(base: number, length: number): string | undefined {
  const [page] = PAGE_SIZES;
  return base % page === 0 && length % page === 0 ? undefined : `it is not of whole pages of ${page} bytes`;
}
