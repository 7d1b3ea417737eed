import {
  taskKinds,
  V3Error,
  type KernelTask,
  type TaskKind,
  type TaskPolicy,
  type TaskState,
} from '@v3vee/contracts';
import { KERNEL_ASPACE } from './address-spaces';
import { RunQueue } from './run-queue';
import { reserved, ROUND_ROBIN, type NewTask, type Task } from './task';

/** Time in ms, and timers. */
export interface Clock {
  now(): number;
  /** @returns how to call it off */
  after(ms: number, callback: () => void): () => void;
}

export const realClock: Clock = {
  now: () => performance.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

export interface SchedulerOptions {
  cores: number;
  /** How often a second the tasks of a shared core take turns. */
  schedHz: number;
  clock?: Clock;
}

/** The tasks of a host and who has each core, after Kitten's scheduler. */
export class Scheduler {
  private readonly tasks = new Map<number, Task>();
  private readonly queues: RunQueue[];
  private readonly timers: ((() => void) | undefined)[] = [];
  private readonly clock: Clock;
  private nextId = 1;

  constructor({ cores, schedHz, clock = realClock }: SchedulerOptions) {
    this.clock = clock;
    const now = clock.now();
    this.queues = Array.from({ length: cores }, (_, core) => {
      const idle = this.make({
        name: `idle/${core}`,
        kind: 'idle',
        aspace: KERNEL_ASPACE,
        core,
        holder: NOBODY,
      });
      return new RunQueue(idle, 1000 / schedHz, now);
    });
  }

  get cores(): readonly RunQueue[] {
    return this.queues;
  }

  get switches(): number {
    return this.queues.reduce((sum, queue) => sum + queue.switches, 0);
  }

  /** Of all cores, by kind of task, ms. */
  granted(): Record<TaskKind, number> {
    const now = this.clock.now();
    const sum = { idle: 0, guest: 0, native: 0 };
    for (const queue of this.queues) {
      queue.charge(now);
      for (const kind of taskKinds) sum[kind] += queue.grantedMs[kind];
    }
    return sum;
  }

  /**
   * A task on a core, at the tail of its run queue; it is told by its holder whether it has the core.
   * @throws V3Error HOST_CORE_NOT_FOUND; HOST_CORES_EXHAUSTED: the core has not as much time left as it reserves
   */
  add(request: NewTask): Task {
    this.requireCore(request.core, request.affinity ?? null, request.name);
    this.requireTime(request.core, request.name, request.policy ?? ROUND_ROBIN);
    const task = this.make(request);
    this.change(task.core, (queue, now) => queue.add(task, now));
    return task;
  }

  remove(id: number): boolean {
    const task = this.tasks.get(id);
    if (!task || task.kind === 'idle') return false;
    this.tasks.delete(id);
    task.state = 'EXITED';
    this.change(task.core, (queue, now) => queue.remove(task, now));
    return true;
  }

  get(id: number): Task | undefined {
    return this.tasks.get(id);
  }

  /** By core, the idle task last; charged up to now. */
  list(): Task[] {
    const now = this.clock.now();
    return this.queues.flatMap(queue => {
      queue.charge(now);
      return [...queue.tasks].sort((a, b) => a.id - b.id).concat(queue.idle);
    });
  }

  /** As it is shown. */
  view(task: Task): KernelTask {
    const queue = this.cores[task.core]!;
    const { id, name, kind, aspace, core, affinity, state, policy, grantedMs } = task;
    const idle = kind === 'idle';
    return {
      ...{ id, name, kind, aspace, core, state, policy, grantedMs },
      affinity: affinity && [...affinity],
      onCore: queue.current === task,
      shared: !idle && queue.isShared,
      usedMs: idle ? 0 : task.usedMs,
      share: Math.min(1, grantedMs / Math.max(1, this.age(task))),
    };
  }

  /** Milliseconds since it was made. */
  age(task: Task): number {
    return this.clock.now() - task.startedAt;
  }

  /** A task that is not RUNNING gives its core up; one that becomes it is looked at at once. */
  setState(id: number, state: Exclude<TaskState, 'EXITED'>): void {
    const task = this.tasks.get(id);
    if (!task || task.kind === 'idle' || task.state === state) return;
    this.change(task.core, (queue, now) => {
      const leaves = queue.current === task;
      task.state = state;
      if (queue.isShared && (leaves || state === 'RUNNING')) queue.schedule(now);
    });
  }

  /** @throws V3Error HOST_CORES_EXHAUSTED: the core has not as much time left as it reserves */
  setPolicy(id: number, policy: TaskPolicy): void {
    const task = this.tasks.get(id);
    if (!task || task.kind === 'idle') return;
    this.requireTime(task.core, task.name, policy, task);
    this.change(task.core, (queue, now) => {
      queue.remove(task, now);
      task.policy = policy;
      queue.add(task, now);
    });
  }

  /**
   * Puts the task on another core.
   * @throws V3Error HOST_CORE_NOT_FOUND: there is none, or it may not be there; HOST_CORES_EXHAUSTED
   */
  migrate(id: number, core: number): void {
    const task = this.tasks.get(id);
    if (!task || task.core === core) return;
    this.requireCore(core, task.affinity, task.name);
    this.requireTime(core, task.name, task.policy);
    this.change(task.core, (queue, now) => queue.remove(task, now));
    task.core = core;
    this.change(core, (queue, now) => queue.add(task, now));
  }

  stop(): void {
    for (const cancel of this.timers) cancel?.();
    this.timers.length = 0;
  }

  private make({ affinity = null, state = 'RUNNING', policy = ROUND_ROBIN, ...rest }: NewTask): Task {
    const times = {
      startedAt: this.clock.now(),
      grantedMs: 0,
      usedMs: 0,
      overrunMs: 0,
      deadline: 0,
      budgetMs: 0,
    };
    const task: Task = { id: this.nextId++, affinity, state, policy, ...rest, ...times };
    this.tasks.set(task.id, task);
    return task;
  }

  private change(core: number, action: (queue: RunQueue, now: number) => void): void {
    const queue = this.queues[core] as RunQueue;
    action(queue, this.clock.now());
    this.arm(core, queue);
  }

  private arm(core: number, queue: RunQueue): void {
    this.timers[core]?.();
    const now = this.clock.now();
    const due = queue.dueAt(now);
    this.timers[core] =
      due === undefined
        ? undefined
        : this.clock.after(due - now, () => this.change(core, (late, at) => late.schedule(at)));
  }

  private requireCore(core: number, affinity: readonly number[] | null, name: string): void {
    if (!this.queues[core]) {
      throw new V3Error(
        'HOST_CORE_NOT_FOUND',
        `there is no core ${core}; cores are 0 to ${this.queues.length - 1}`,
      );
    }
    if (affinity === null || affinity.includes(core)) return;
    throw new V3Error(
      'HOST_CORE_NOT_FOUND',
      `${name} may be on the cores ${affinity.join(', ')}, not on ${core}`,
    );
  }

  private requireTime(core: number, name: string, policy: TaskPolicy, except?: Task): void {
    if (policy.kind === 'rr' || this.queues[core]!.admits(reserved({ policy }), except)) return;
    throw new V3Error(
      'HOST_CORES_EXHAUSTED',
      `${name} asks for ${policy.sliceMs} of each ${policy.periodMs} ms of core ${core}, which has reserved too much of its time already`,
    );
  }
}

/** The idle task needs to be told nothing. */
const NOBODY = { grant: () => undefined, take: () => undefined };
