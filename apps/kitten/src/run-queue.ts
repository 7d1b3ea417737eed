import type { TaskKind } from '@v3vee/contracts';
import { reserved, type Task } from './task';

/** Reservations leave this much of a core to what is scheduled round robin. */
const MOST_RESERVED = 0.95;
/** Of a tick. */
const SHORTEST_TURN = 0.2;
/** Below it a budget is over: timers are no more exact. */
const LEAST_MS = 0.5;

/**
 * The tasks of one core, after Kitten's run queue: round robin (the first that is RUNNING; whoever ran before goes to
 * the tail), and before that whoever has reserved time left in its period, the earliest deadline first. With one task
 * alone that has reserved nothing there is nothing to decide: its grant stands.
 */
export class RunQueue {
  private queue: Task[] = [];
  private onCore: Task;
  /** Who may run: the task that has the core, or on an idle core whoever left it last. */
  private granted: Task | undefined;
  private since: number;
  /** When the turn of whoever has the core is over; undefined: nobody waits for that. */
  private turnEnd: number | undefined;
  switches = 0;
  /** By kind of task, of those too that have ended, ms. */
  readonly grantedMs: Record<TaskKind, number> = { idle: 0, guest: 0, native: 0 };

  constructor(
    readonly idle: Task,
    private readonly tickMs: number,
    now: number,
  ) {
    this.onCore = idle;
    this.since = now;
  }

  get current(): Task {
    return this.onCore;
  }
  get tasks(): readonly Task[] {
    return this.queue;
  }
  /** Those that want the core. */
  get length(): number {
    return this.queue.filter(({ state }) => state === 'RUNNING').length;
  }
  /** Whether the task may run: it has the core, or left it last and nobody else wants it. */
  grants(task: Task): boolean {
    return this.granted === task;
  }
  get isShared(): boolean {
    return this.queue.length > 1 || this.queue.some(({ policy }) => policy.kind === 'edf');
  }

  /** Whether its reservations leave room for another share of the core. */
  admits(share: number, except?: Task): boolean {
    const others = this.queue.filter(task => task !== except);
    return others.reduce((sum, task) => sum + reserved(task), share) <= MOST_RESERVED + 1e-9;
  }

  /** At the tail, with a new period if it has reserved time. */
  add(task: Task, now: number): void {
    task.deadline = now;
    task.budgetMs = 0;
    this.queue.push(task);
    task.holder.take();
    this.schedule(now);
  }

  remove(task: Task, now: number): void {
    this.charge(now);
    this.queue = this.queue.filter(other => other !== task);
    if (this.granted === task) this.granted = undefined;
    if (this.onCore === task) this.onCore = this.idle;
    this.schedule(now);
  }

  /** A tick, or a task became RUNNING or ceased to be: decides anew who has the core. */
  schedule(now: number): void {
    this.charge(now);
    const before = this.onCore;
    // Timers are late on a busy machine: what a turn was too long, the next one is shorter.
    before.overrunMs = Math.max(0, now - (this.turnEnd ?? now));
    if (before !== this.idle) this.queue = [...this.queue.filter(task => task !== before), before];
    this.switchTo(this.isShared ? this.pick(now) : (this.queue[0] ?? this.idle));
    this.turnEnd = this.endOfTurn(now);
  }

  /** When it is to be scheduled again; undefined: not before something happens. */
  dueAt(now: number): number | undefined {
    if (!this.isShared) return undefined;
    const times: number[] = [];
    if (this.turnEnd !== undefined) times.push(this.turnEnd);
    if (this.onCore.policy.kind === 'edf') times.push(now + this.onCore.budgetMs);
    for (const task of this.queue) {
      if (task.policy.kind === 'edf' && task.state === 'RUNNING') times.push(task.deadline);
    }
    return times.length === 0 ? undefined : Math.max(now, Math.min(...times));
  }

  /** Counts the time since the last look to whoever has the core. */
  charge(now: number): void {
    const passed = Math.max(0, now - this.since);
    this.since = now;
    this.onCore.grantedMs += passed;
    this.grantedMs[this.onCore.kind] += passed;
    if (this.onCore.policy.kind === 'edf') this.onCore.budgetMs -= passed;
  }

  private endOfTurn(now: number): number | undefined {
    const { policy, overrunMs } = this.onCore;
    if (!this.isShared || this.length < 2 || policy.kind === 'edf') return undefined;
    return now + Math.max(this.tickMs - overrunMs, this.tickMs * SHORTEST_TURN);
  }

  private pick(now: number): Task {
    const running = this.queue.filter(({ state }) => state === 'RUNNING');
    for (const task of running) replenish(task, now);
    const [first] = running
      .filter(({ policy, budgetMs }) => policy.kind === 'edf' && budgetMs > LEAST_MS)
      .sort((a, b) => a.deadline - b.deadline);
    return first ?? running.find(({ policy }) => policy.kind === 'rr') ?? this.idle;
  }

  private switchTo(task: Task): void {
    if (task !== this.onCore) {
      this.switches++;
      this.onCore = task;
    }
    // Whoever leaves an idle core keeps it until another one wants it: then waking up costs nothing.
    const mayRun = task === this.idle ? this.lingering() : task;
    if (mayRun === this.granted) return;
    this.granted?.holder.take();
    mayRun?.holder.grant();
    this.granted = mayRun;
  }

  /** Not one whose reserved time is over. */
  private lingering(): Task | undefined {
    return this.granted?.policy.kind === 'edf' ? undefined : this.granted;
  }
}

/** A new period, if the last one is over, less what was too much in it. One that slept for longer begins anew. */
function replenish(task: Task, now: number): void {
  const { policy } = task;
  if (policy.kind !== 'edf' || now < task.deadline) return;
  const next = task.deadline + policy.periodMs;
  task.deadline = next > now ? next : now + policy.periodMs;
  task.budgetMs = policy.sliceMs + Math.min(0, task.budgetMs);
}
