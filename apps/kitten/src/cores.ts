/** Which tasks are placed on which of the host's cores: each alone, unless a core may be shared. */
export class Cores {
  private tasks: readonly (readonly string[])[];

  /** @param places guests that a core takes */
  constructor(
    count: number,
    private readonly places: number,
  ) {
    this.tasks = new Array<string[]>(count).fill([]);
  }

  copy(): Cores {
    const copy = new Cores(0, this.places);
    copy.tasks = this.tasks;
    return copy;
  }

  get count(): number {
    return this.tasks.length;
  }

  /** Cores that nobody is on. */
  get free(): number {
    return this.tasks.filter(on => on.length === 0).length;
  }

  /** Guests that would still get a core. */
  get freePlaces(): number {
    return this.tasks.reduce((sum, on) => sum + Math.max(0, this.places - on.length), 0);
  }

  /** Per core: the tasks on it. */
  list(): readonly (readonly string[])[] {
    return this.tasks;
  }

  /** Cores that would take another guest. */
  open(): number[] {
    return this.tasks.flatMap((on, core) => (on.length < this.places ? [core] : []));
  }

  /**
   * The core with the fewest tasks, the first of several.
   * @param allowed cores; absent: all
   * @param places tasks that a core may have already, and one more
   * @returns undefined when all are full
   */
  emptiest(allowed?: readonly number[], places = this.places): number | undefined {
    let best: number | undefined;
    for (const [core, { length }] of this.tasks.entries()) {
      if (length >= places || (allowed && !allowed.includes(core))) continue;
      if (best === undefined || length < this.tasks[best]!.length) best = core;
    }
    return best;
  }

  /** Puts a guest on this core; answers what is in the way, undefined when nothing is. */
  claim(core: number, task: string): string | undefined {
    const present = this.tasks[core];
    if (present === undefined) return `this host has cores 0 to ${this.count - 1}`;
    if (present.length >= this.places) return `core ${core} runs ${present.join(', ')}`;
    this.place(core, task);
    return undefined;
  }

  /** Puts the task on this core, whoever else is there. */
  place(core: number, task: string): void {
    this.tasks = this.tasks.map((on, index) => (index === core ? [...on, task] : on));
  }

  release(core: number, task: string): void {
    this.tasks = this.tasks.map((on, index) => (index === core ? on.filter(other => other !== task) : on));
  }
}
