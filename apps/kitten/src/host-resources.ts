import {
  KITTEN_RESERVED_MIB,
  V3Error,
  type Inventory,
  type TaskKind,
  type TaskPolicy,
  type TaskState,
} from '@v3vee/contracts';
import { mapWhole, type AddressSpace } from './address-space';
import { AddressSpaces, BOOT_ASPACE, INIT_ASPACE, KERNEL_ASPACE } from './address-spaces';
import { Cores } from './cores';
import type { CoreHolder } from './gate';
import { PhysicalMemory } from './physical-memory';
import { Scheduler, type Clock } from './scheduler';
import type { Task } from './task';

export const MIB = 1024 * 1024;
/** Guests lie on 2 MiB boundaries, so that large pages can map them. */
export const LARGE_PAGE = 2 * MIB;
/** Of the reserved memory: boot structures and firmware tables, below the kernel. */
const BOOT_BYTES = 2 * MIB;
/** Of the reserved memory, at its end: the init task, which loads jobs. */
const INIT_BYTES = 2 * MIB;

export interface HostDescription extends Pick<Inventory, 'incarnation' | 'nics' | 'radios'> {
  name: string;
  memoryMiB: number;
  cores: number;
  /** How often a second the tasks of a shared core take turns. */
  schedHz?: number;
  /** Guests that a core takes. */
  overcommit?: number;
}

/** A task and what it has of the host. */
export interface Resident {
  task: Task;
  aspace: AddressSpace;
  /** Where its memory begins, as the host counts. */
  base: number;
  length: number;
}

/** A task whose memory and core are taken already. */
interface Admission {
  name: string;
  kind: TaskKind;
  holder: CoreHolder;
  core: number;
  state?: TaskState;
  policy?: TaskPolicy;
  /** Its memory: what it is called and where it begins in the task's space, where on the host, and how much. */
  memory: { name: string; start: number; base: number; length: number };
}

/** What one emulated host has, and who has it: memory, cores, address spaces, and time on the cores. */
export class HostResources {
  /** Changed as a whole where several changes are one: {@link PhysicalMemory.copy}. */
  memory = new PhysicalMemory();
  processors: Cores;
  readonly spaces = new AddressSpaces();
  readonly scheduler: Scheduler;
  /** Palacios has said what its guests hold. */
  claimed = false;

  constructor(
    readonly host: HostDescription,
    clock?: Clock,
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
    this.scheduler = new Scheduler({ cores: host.cores, schedHz: this.schedHz, clock });
  }

  get schedHz(): number {
    return this.host.schedHz ?? 1;
  }
  get overcommit(): number {
    return this.host.overcommit ?? 1;
  }
  get freeMiB(): number {
    return Math.floor(this.memory.bytes({ type: 'umem', owner: null }) / MIB);
  }
  get largestHoleMiB(): number {
    return Math.floor(this.memory.largestHole(LARGE_PAGE) / MIB);
  }

  /** @throws V3Error HOST_CORES_EXHAUSTED: its core has not as much time left as it reserves; nothing is left of it */
  admit({ memory: { name: region, start, base, length }, ...task }: Admission): Resident {
    const aspace = this.spaces.create(task.name);
    try {
      mapWhole(aspace, { name: region, start, physical: base, length });
      return { task: this.scheduler.add({ ...task, aspace: aspace.id }), aspace, base, length };
    } catch (thrown) {
      this.spaces.destroy(aspace.id);
      throw thrown;
    }
  }

  /** All that the task has is free. */
  release({ task, aspace, base, length }: Resident): void {
    this.scheduler.remove(task.id);
    this.processors.release(task.core, task.name);
    this.spaces.destroy(aspace.id);
    this.memory.free(base, length, task.name);
  }

  requireClaim(): void {
    if (this.claimed) return;
    throw new V3Error(
      'HOST_NOT_CLAIMED',
      `Kitten on ${this.host.name} has just started and does not know yet what the guests hold; claim first, then ask again`,
    );
  }

  memoryExhausted(task: string, bytes: number): V3Error {
    const { name, memoryMiB } = this.host;
    return new V3Error(
      'HOST_MEMORY_EXHAUSTED',
      `${task} asks for ${bytes / MIB} MiB in one piece on ${name}; of its ${memoryMiB} MiB ${this.freeMiB} MiB are free, ` +
        `the largest hole has ${this.largestHoleMiB} MiB. Stop a VM there or give the host more memory`,
    );
  }

  coreNotFound(core: number): V3Error {
    const { name } = this.host;
    return new V3Error(
      'HOST_CORE_NOT_FOUND',
      `${name} has no core ${core}; its cores are 0 to ${this.processors.count - 1}`,
    );
  }
}
