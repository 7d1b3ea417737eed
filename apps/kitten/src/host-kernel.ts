import { KITTEN_RESERVED_MIB, V3Error, type Allocation, type Inventory } from '@v3vee/contracts';
import { Cores } from './cores';
import { PhysicalMemory } from './physical-memory';

export const MIB = 1024 * 1024;
/** Guests lie on 2 MiB boundaries, so that large pages could map them. */
const GUEST_ALIGNMENT = 2 * MIB;
/** Of the reserved memory: boot structures and firmware tables, below the kernel. */
const BOOT_BYTES = 2 * MIB;

export interface HostDescription extends Pick<Inventory, 'incarnation' | 'nics' | 'radios'> {
  name: string;
  memoryMiB: number;
  cores: number;
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
  private tasks = new Map<string, Allocation>();
  private isClaimed = false;

  constructor(private readonly host: HostDescription) {
    const kernel = KITTEN_RESERVED_MIB * MIB;
    const total = host.memoryMiB * MIB;
    if (total <= kernel) {
      throw new V3Error(
        'INVALID_REQUEST',
        `host ${host.name} has ${host.memoryMiB} MiB of memory; Kitten keeps ${KITTEN_RESERVED_MIB} MiB, it needs more than that`,
      );
    }
    this.memory.add({ start: 0, length: BOOT_BYTES, type: 'bootmem', owner: 'kitten' });
    this.memory.add({ start: BOOT_BYTES, length: kernel - BOOT_BYTES, type: 'kmem', owner: 'kitten' });
    this.memory.add({ start: kernel, length: total - kernel, type: 'umem', owner: null });
    this.processors = new Cores(host.cores);
  }

  /** Whether Palacios has said what its guests hold. */
  get claimed(): boolean {
    return this.isClaimed;
  }

  get map(): Pick<PhysicalMemory, 'query' | 'bytes' | 'largestHole'> {
    return this.memory;
  }

  get cores(): Pick<Cores, 'count' | 'free' | 'list'> {
    return this.processors;
  }

  /**
   * Contiguous memory and a core for a task. A repeated request gets what the task has.
   * @throws V3Error HOST_NOT_CLAIMED, HOST_MEMORY_EXHAUSTED, HOST_CORES_EXHAUSTED, or INVALID_REQUEST when the
   *   task has another amount
   */
  allocate(task: string, memoryMiB: number): Allocation {
    const { name } = this.host;
    this.requireClaim();
    const length = memoryMiB * MIB;
    const present = this.tasks.get(task);
    if (present?.length === length) return present;
    if (present) {
      throw new V3Error(
        'INVALID_REQUEST',
        `${task} has ${present.length / MIB} MiB on ${name}; free that before asking for ${memoryMiB} MiB`,
      );
    }
    if (this.processors.free === 0) {
      throw new V3Error(
        'HOST_CORES_EXHAUSTED',
        `${task} asks for a core of ${name}; none of its ${this.processors.count} is free, each runs a guest. ` +
          'Stop a VM there or give the host more cores',
      );
    }
    const region = this.memory.alloc(length, GUEST_ALIGNMENT, task);
    if (!region) throw this.memoryExhausted(task, memoryMiB);
    const core = this.processors.alloc(task) as number;
    const allocation = { task, base: region.start, length, core };
    this.tasks.set(task, allocation);
    return allocation;
  }

  /**
   * Puts the task on another core; its memory stays where it is.
   * @throws V3Error HOST_NOT_CLAIMED, HOST_CORE_NOT_FOUND, HOST_CORE_IN_USE, or INVALID_REQUEST when the task has nothing here
   */
  moveCore(task: string, core: number): Allocation {
    const { name } = this.host;
    this.requireClaim();
    const present = this.tasks.get(task);
    if (!present) throw new V3Error('INVALID_REQUEST', `${task} has no core of ${name} that it could leave`);
    if (present.core === core) return present;
    if (core >= this.processors.count) {
      throw new V3Error(
        'HOST_CORE_NOT_FOUND',
        `${name} has no core ${core}; its cores are 0 to ${this.processors.count - 1}`,
      );
    }
    const conflict = this.processors.claim(core, task);
    if (conflict) {
      const free = this.processors.list().flatMap((on, index) => (on === null ? [index] : []));
      throw new V3Error(
        'HOST_CORE_IN_USE',
        `${task} can't move there: on ${name}, ${conflict}; free cores: ${free.join(', ') || 'none'}`,
      );
    }
    this.processors.release(present.core);
    const moved = { ...present, core };
    this.tasks.set(task, moved);
    return moved;
  }

  /**
   * Another amount for the task: of its beginning, in place, or elsewhere where it can't grow in place.
   * @throws V3Error HOST_NOT_CLAIMED, HOST_MEMORY_EXHAUSTED, or INVALID_REQUEST when the task has nothing here
   */
  resize(task: string, memoryMiB: number): Allocation {
    this.requireClaim();
    const length = memoryMiB * MIB;
    const present = this.tasks.get(task);
    if (!present) throw new V3Error('INVALID_REQUEST', `${task} has no memory of ${this.host.name}`);
    if (present.length === length) return present;
    const memory = this.memory.copy();
    memory.free(present.base, present.length);
    const inPlace = memory.claim(present.base, length, task) === undefined;
    const base = inPlace ? present.base : memory.alloc(length, GUEST_ALIGNMENT, task)?.start;
    if (base === undefined) throw this.memoryExhausted(task, memoryMiB);
    const resized = { ...present, base, length };
    this.memory = memory;
    this.tasks.set(task, resized);
    return resized;
  }

  /** Answers whether the task held anything. */
  free(task: string): boolean {
    const allocation = this.tasks.get(task);
    if (!allocation) return false;
    this.tasks.delete(task);
    this.memory.free(allocation.base, allocation.length);
    this.processors.release(allocation.core);
    return true;
  }

  /**
   * What Palacios's running guests hold. All or nothing.
   * @throws V3Error HOST_CLAIM_CONFLICT that names every claim that can't be
   */
  claim(allocations: readonly Allocation[]): void {
    const memory = this.memory.copy();
    const processors = this.processors.copy();
    const tasks = new Map(this.tasks);
    const conflicts: string[] = [];
    for (const allocation of allocations) {
      const { task, base, length, core } = allocation;
      const present = tasks.get(task);
      if (present && present.base === base && present.length === length && present.core === core) continue;
      const problem = present
        ? `it holds ${present.length} bytes at 0x${present.base.toString(16)} and core ${present.core} already`
        : (memory.claim(base, length, task) ?? processors.claim(core, task));
      if (problem) {
        conflicts.push(`${task} (${length} bytes at 0x${base.toString(16)}, core ${core}): ${problem}`);
      } else {
        tasks.set(task, { task, base, length, core });
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
    this.tasks = tasks;
    this.isClaimed = true;
  }

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
      nics,
      radios,
      allocations: [...this.tasks.values()],
    };
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

  private memoryExhausted(task: string, askedMiB: number): V3Error {
    const { name, memoryMiB } = this.host;
    const { memoryFreeMiB } = this.inventory();
    return new V3Error(
      'HOST_MEMORY_EXHAUSTED',
      `${task} asks for ${askedMiB} MiB in one piece on ${name}; of its ${memoryMiB} MiB ${memoryFreeMiB} MiB are free, ` +
        `the largest hole has ${this.largestHoleMiB()} MiB. Stop a VM there or give the host more memory`,
    );
  }
}
