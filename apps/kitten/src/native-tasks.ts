import { V3Error, type TaskPolicy } from '@v3vee/contracts';
import { PAGE_SIZES, type AddressSpace } from './address-space';
import { Gate } from './gate';
import { LARGE_PAGE, type HostResources, type Resident } from './host-resources';
import type { Task } from './task';

/** Native tasks that are asked to share cores; it is a bound, not a plan. */
const MOST_ON_CORE = 64;
/** Where a native task's memory begins in its space: nothing is at address 0. */
const NATIVE_START = LARGE_PAGE;

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

/** The host's own tasks. Nobody claims them: they are this process's, and end with it. */
export class NativeTasks {
  private readonly natives = new Map<number, Resident & { gate: Gate }>();

  constructor(
    private readonly resources: HostResources,
    /** What runs under a name beside them. */
    private readonly isTaken: (name: string) => boolean,
  ) {}

  /**
   * A task with its own address space, its memory mapped up front, on a core. It is RUNNING; whether it has the core
   * its gate says.
   * @throws V3Error HOST_NOT_CLAIMED, HOST_MEMORY_EXHAUSTED, HOST_CORES_EXHAUSTED, HOST_CORE_NOT_FOUND,
   *   HOST_CORE_IN_USE, INVALID_REQUEST: the name is taken, or the memory is not of whole pages
   */
  create({ name, memoryBytes, core: wanted, share = false, policy }: NativeTaskRequest): NativeTask {
    const { host, memory, processors } = this.resources;
    this.resources.requireClaim();
    const [page] = PAGE_SIZES;
    if (this.isTaken(name) || this.named(name))
      throw new V3Error('INVALID_REQUEST', `${name} runs on ${host.name} already`);
    if (!Number.isSafeInteger(memoryBytes) || memoryBytes <= 0 || memoryBytes % page !== 0) {
      throw new V3Error(
        'INVALID_REQUEST',
        `${name} needs memory of whole pages of ${page} bytes, not ${memoryBytes}`,
      );
    }
    const core = this.coreFor(name, wanted, share);
    const region = memory.alloc(memoryBytes, memoryBytes % LARGE_PAGE === 0 ? LARGE_PAGE : page, name);
    if (!region) throw this.resources.memoryExhausted(name, memoryBytes);
    const gate = new Gate();
    try {
      const { start: base } = region;
      const resident = this.resources.admit({
        ...{ name, kind: 'native', holder: gate, core, policy },
        memory: { name: 'umem', start: NATIVE_START, base, length: memoryBytes },
      });
      processors.place(core, name);
      const { task, aspace } = resident;
      this.natives.set(task.id, { ...resident, gate });
      return { id: task.id, name, aspace, base, core, gate };
    } catch (thrown) {
      memory.free(region.start, memoryBytes, name);
      throw thrown;
    }
  }

  /** Its memory and core are free; its gate stays open, so that its thread can end. Answers whether there was one. */
  end(id: number): boolean {
    const present = this.natives.get(id);
    if (!present) return false;
    this.natives.delete(id);
    this.resources.release(present);
    present.gate.grant();
    return true;
  }

  /**
   * Another core for it.
   * @throws V3Error HOST_CORE_NOT_FOUND, HOST_CORE_IN_USE, HOST_CORES_EXHAUSTED
   */
  move(id: number, core: number, share = false): void {
    const { processors, scheduler } = this.resources;
    const present = this.natives.get(id);
    if (!present || present.task.core === core) return;
    const { name, core: from } = present.task;
    this.coreFor(name, core, share);
    scheduler.migrate(id, core);
    processors.release(from, name);
    processors.place(core, name);
  }

  named(name: string): Task | undefined {
    return [...this.natives.values()].find(({ task }) => task.name === name)?.task;
  }

  /** What they used until now is told to their tasks. */
  account(): void {
    for (const { task, gate } of this.natives.values()) task.usedMs = gate.usedMs;
  }

  /** Where a task goes. Kitten's loader keeps off core 0, which the kernel itself uses. */
  private coreFor(name: string, core: number | undefined, share: boolean): number {
    const { host, processors } = this.resources;
    const { count } = processors;
    if (core !== undefined && (!Number.isInteger(core) || core < 0 || core >= count))
      throw this.resources.coreNotFound(core);
    const places = share ? MOST_ON_CORE : 1;
    const allowed = core === undefined ? Array.from({ length: count }, (_, at) => at) : [core];
    const preferred = allowed.filter(at => at !== 0);
    const found =
      processors.emptiest(preferred, 1) ??
      processors.emptiest(preferred.length > 0 ? preferred : allowed, places) ??
      processors.emptiest(allowed, places);
    if (found !== undefined) return found;
    if (core !== undefined) {
      const on = processors.list()[core]!.join(', ');
      throw new V3Error(
        'HOST_CORE_IN_USE',
        `${name} can't go there: core ${core} of ${host.name} runs ${on}; ask to share it, or name another`,
      );
    }
    throw new V3Error(
      'HOST_CORES_EXHAUSTED',
      `${name} asks for a core of ${host.name}; none of its ${count} is free. Ask to share one, stop a VM or a job there, or give the host more cores`,
    );
  }
}
