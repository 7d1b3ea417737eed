import {
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
import { mapWhole, PAGE_SIZES } from './address-space';
import type { AddressSpaces } from './address-spaces';
import type { Cores } from './cores';
import { HostResources, LARGE_PAGE, MIB, type HostDescription, type Resident } from './host-resources';
import { NativeTasks } from './native-tasks';
import type { PhysicalMemory } from './physical-memory';
import type { Clock, Scheduler } from './scheduler';

export interface KernelOptions {
  clock?: Clock;
  /** Some guest was given its core, or lost it: {@link HostKernel.grants} says which have one. */
  onGrants?: () => void;
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
  /** The host's own tasks, beside the guests. */
  readonly natives: NativeTasks;
  private readonly resources: HostResources;
  private readonly guests = new Map<string, Resident>();
  private readonly tellGrants = () => this.options.onGrants?.();

  constructor(
    private readonly host: HostDescription,
    private readonly options: KernelOptions = {},
  ) {
    this.resources = new HostResources(host, options.clock);
    this.natives = new NativeTasks(this.resources, name => this.guests.has(name));
  }

  /** Whether Palacios has said what its guests hold. */
  get claimed(): boolean {
    return this.resources.claimed;
  }

  get map(): Pick<PhysicalMemory, 'query' | 'bytes' | 'largestHole' | 'isOwned'> {
    return this.resources.memory;
  }

  get cores(): Pick<Cores, 'count' | 'free' | 'list'> {
    return this.resources.processors;
  }

  get aspaces(): Pick<AddressSpaces, 'get' | 'list'> {
    return this.resources.spaces;
  }

  get time(): Pick<Scheduler, 'cores' | 'granted' | 'switches'> {
    return this.resources.scheduler;
  }

  // ---- guests -----------------------------------------------------------------------------------------------

  /**
   * Contiguous memory and a core for a guest. A repeated request gets what the task has.
   * @throws V3Error HOST_NOT_CLAIMED, HOST_MEMORY_EXHAUSTED, HOST_CORES_EXHAUSTED, or INVALID_REQUEST when the
   *   task has another amount
   */
  allocate(task: string, memoryMiB: number): Allocation {
    const { name } = this.host;
    this.resources.requireClaim();
    const length = memoryMiB * MIB;
    const present = this.guests.get(task);
    if (present?.length === length) return allocationOf(present);
    if (present) {
      throw new V3Error(
        'INVALID_REQUEST',
        `${task} has ${present.length / MIB} MiB on ${name}; free that before asking for ${memoryMiB} MiB`,
      );
    }
    const core = this.resources.processors.emptiest();
    if (core === undefined) {
      throw new V3Error(
        'HOST_CORES_EXHAUSTED',
        `${task} asks for a core of ${name}; none of its ${this.resources.processors.count} is free, each runs ${this.full()}. ` +
          'Stop a VM there or give the host more cores',
      );
    }
    const region = this.resources.memory.alloc(length, LARGE_PAGE, task);
    if (!region) throw this.resources.memoryExhausted(task, length);
    this.resources.processors.place(core, task);
    return allocationOf(this.admit(task, region.start, length, core));
  }

  /**
   * Puts the guest on another core; its memory stays where it is.
   * @throws V3Error HOST_NOT_CLAIMED, HOST_CORE_NOT_FOUND, HOST_CORE_IN_USE, HOST_CORES_EXHAUSTED when it has reserved
   *   time that the core has not, or INVALID_REQUEST when the task has nothing here
   */
  moveCore(task: string, core: number): Allocation {
    const { name } = this.host;
    this.resources.requireClaim();
    const present = this.guests.get(task);
    if (!present) throw new V3Error('INVALID_REQUEST', `${task} has no core of ${name} that it could leave`);
    const from = present.task.core;
    if (from === core) return allocationOf(present);
    if (core >= this.resources.processors.count) throw this.resources.coreNotFound(core);
    const conflict = this.resources.processors.claim(core, task);
    if (conflict) {
      throw new V3Error(
        'HOST_CORE_IN_USE',
        `${task} can't move there: on ${name}, ${conflict}; free cores: ${this.resources.processors.open().join(', ') || 'none'}`,
      );
    }
    try {
      this.resources.scheduler.migrate(present.task.id, core);
    } catch (thrown) {
      this.resources.processors.release(core, task);
      throw thrown;
    }
    this.resources.processors.release(from, task);
    return allocationOf(present);
  }

  /**
   * Another amount for a guest: of its beginning, in place, or elsewhere where it can't grow in place.
   * @throws V3Error HOST_NOT_CLAIMED, HOST_MEMORY_EXHAUSTED, or INVALID_REQUEST when it has nothing here
   */
  resize(task: string, memoryMiB: number): Allocation {
    this.resources.requireClaim();
    const length = memoryMiB * MIB;
    const present = this.guests.get(task);
    if (!present) throw new V3Error('INVALID_REQUEST', `${task} has no memory of ${this.host.name}`);
    if (present.length === length) return allocationOf(present);
    const memory = this.resources.memory.copy();
    memory.free(present.base, present.length, task);
    const inPlace = memory.claim(present.base, length, task) === undefined;
    const base = inPlace ? present.base : memory.alloc(length, LARGE_PAGE, task)?.start;
    if (base === undefined) throw this.resources.memoryExhausted(task, length);
    this.resources.memory = memory;
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
    this.resources.release(present);
    return true;
  }

  /**
   * What Palacios's running guests hold. All or nothing.
   * @throws V3Error HOST_CLAIM_CONFLICT that names every claim that can't be
   */
  claim(allocations: readonly Allocation[]): void {
    const memory = this.resources.memory.copy();
    const processors = this.resources.processors.copy();
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
    this.resources.memory = memory;
    this.resources.processors = processors;
    for (const { task, base, length, core } of granted.values()) {
      if (!this.guests.has(task)) this.admit(task, base, length, core);
    }
    this.resources.claimed = true;
  }

  /** What Palacios says of a guest's task: whether it wants its core, and what it used, ms. */
  report(task: string, state: Exclude<TaskState, 'EXITED'>, usedMs: number): void {
    const present = this.guests.get(task);
    if (!present) return;
    present.task.usedMs = usedMs;
    this.resources.scheduler.setState(present.task.id, state);
  }

  /** Of the guests that share their cores: which may run now. */
  grants(): CoreGrants['tasks'] {
    return [...this.guests.values()].flatMap(({ task }) => {
      const queue = this.resources.scheduler.cores[task.core]!;
      return queue.isShared ? [{ task: task.name, granted: queue.grants(task) }] : [];
    });
  }

  // ---- all tasks ---------------------------------------------------------------------------------------------

  /**
   * How a task is scheduled.
   * @throws V3Error TASK_NOT_FOUND; HOST_CORES_EXHAUSTED: its core has not as much time left as it reserves
   */
  setPolicy(name: string, policy: TaskPolicy): KernelTask {
    const task = this.guests.get(name)?.task ?? this.natives.named(name);
    if (!task) throw new V3Error('TASK_NOT_FOUND', `there is no task ${name} on ${this.host.name}`);
    this.resources.scheduler.setPolicy(task.id, policy);
    return this.resources.scheduler.view(task);
  }

  // ---- what it shows ----------------------------------------------------------------------------------------

  inventory(): Inventory {
    const { name, incarnation, memoryMiB, nics, radios } = this.host;
    return {
      host: name,
      incarnation,
      memoryMiB,
      memoryFreeMiB: this.resources.freeMiB,
      memoryLargestHoleMiB: this.resources.largestHoleMiB,
      cores: this.resources.processors.count,
      coresFree: this.resources.processors.free,
      guestPlacesFree: this.resources.processors.freePlaces,
      nics,
      radios,
      allocations: [...this.guests.values()].map(allocationOf),
    };
  }

  memoryMap(): KernelMemory {
    return {
      host: this.host.name,
      bytes: this.resources.memory.bytes(),
      regions: this.resources.memory.query(),
      aspaces: this.resources.spaces.list().map(space => space.view()),
    };
  }

  taskList(): KernelTasks {
    this.natives.account();
    return {
      host: this.host.name,
      schedHz: this.resources.schedHz,
      overcommit: this.resources.overcommit,
      contextSwitches: this.resources.scheduler.switches,
      tasks: this.resources.scheduler.list().map(task => this.resources.scheduler.view(task)),
    };
  }

  stop(): void {
    this.resources.scheduler.stop();
  }

  // ---- within -----------------------------------------------------------------------------------------------

  /** A guest whose memory and core are taken already. It stands still until Palacios says that it runs. */
  private admit(name: string, base: number, length: number, core: number): Resident {
    const resident = this.resources.admit({
      ...{ name, kind: 'guest', holder: { grant: this.tellGrants, take: this.tellGrants }, core },
      state: 'STOPPED',
      memory: { name: 'guest', start: 0, base, length },
    });
    this.guests.set(name, resident);
    return resident;
  }

  /** What each core runs when no further guest gets one. */
  private full(): string {
    const guests = this.resources.processors.list().every(on => on.every(task => this.guests.has(task)));
    if (this.resources.overcommit > 1) return `${this.resources.overcommit} tasks`;
    return guests ? 'a guest' : 'a guest or a native task';
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
