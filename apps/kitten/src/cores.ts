/** The host's cores and the task on each. A guest has its core to itself. */
export class Cores {
  private tasks: (string | null)[];

  constructor(count: number) {
    this.tasks = new Array<string | null>(count).fill(null);
  }

  copy(): Cores {
    const copy = new Cores(0);
    copy.tasks = [...this.tasks];
    return copy;
  }

  get count(): number {
    return this.tasks.length;
  }

  get free(): number {
    return this.tasks.filter(task => task === null).length;
  }

  /** Per core: the task on it, or null. */
  list(): readonly (string | null)[] {
    return this.tasks;
  }

  /** Puts the task on the first free core; undefined when there is none. */
  alloc(task: string): number | undefined {
    const core = this.tasks.indexOf(null);
    if (core < 0) return undefined;
    this.tasks[core] = task;
    return core;
  }

  /** Puts the task on this core; answers what is in the way, undefined when nothing is. */
  claim(core: number, task: string): string | undefined {
    const present = this.tasks[core];
    if (present === undefined) return `this host has cores 0 to ${this.count - 1}`;
    if (present !== null) return `core ${core} runs ${present}`;
    this.tasks[core] = task;
    return undefined;
  }

  release(core: number): void {
    if (core in this.tasks) this.tasks[core] = null;
  }
}
