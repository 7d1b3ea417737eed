import { EventEmitter } from 'node:events';
import { V3Error } from '@v3vee/contracts';
import type { ServiceStatus } from '@v3vee/client';
import { defaultPolicy, Keeper, type RestartPolicy } from './keeper';
import type { Unit } from './unit';

/** A unit and what has to be ready before it is started (and is stopped only after it). */
export interface Member {
  unit: Unit;
  after: string[];
}

/** The kept units of one cluster and their order. Emits `change` whenever one of them does. */
export class Cluster extends EventEmitter<{ change: [ServiceStatus] }> {
  private readonly members = new Map<string, Member & { keeper: Keeper }>();

  constructor(private readonly policy: RestartPolicy = defaultPolicy) {
    super();
  }

  get services(): ServiceStatus[] {
    return [...this.members.values()].map(({ keeper }) => keeper.status);
  }

  has(name: string): boolean {
    return this.members.has(name);
  }

  /**
   * Starts units, each as soon as what it comes after is ready. Resolves when all are ready.
   * @throws V3Error PROCESS_FAILED for the first that does not come up; the others are left as they are
   */
  async start(members: Member[]): Promise<void> {
    for (const member of members) {
      const keeper = new Keeper(member.unit, this.policy);
      keeper.on('change', status => this.emit('change', status));
      this.members.set(member.unit.name, { ...member, keeper });
    }
    const ready = new Map<string, Promise<void>>();
    const whenReady = (name: string): Promise<void> => {
      const member = this.members.get(name);
      if (!member) return Promise.reject(new V3Error('INTERNAL', `there is no service ${name} to wait for`));
      let promise = ready.get(name);
      if (!promise) {
        promise = Promise.all(member.after.map(whenReady)).then(() => member.keeper.start());
        promise.catch(() => {}); // reported once, below
        ready.set(name, promise);
      }
      return promise;
    };
    await Promise.all(members.map(({ unit }) => whenReady(unit.name)));
  }

  /** Stops units (all, if none are named) in reverse order, and forgets them. */
  async stop(names: string[] = [...this.members.keys()]): Promise<void> {
    const wanted = new Set(names);
    const stopped = new Map<string, Promise<void>>();
    const whenStopped = (name: string): Promise<void> => {
      let promise = stopped.get(name);
      if (!promise) {
        const dependents = [...this.members].filter(
          ([other, { after }]) => wanted.has(other) && after.includes(name),
        );
        promise = Promise.all(dependents.map(([other]) => whenStopped(other))).then(() =>
          this.members.get(name)?.keeper.stop(),
        );
        stopped.set(name, promise);
      }
      return promise;
    };
    await Promise.all(names.map(whenStopped));
    for (const name of names) this.members.delete(name);
  }

  /** Ends everything at once. */
  kill(): void {
    for (const { keeper } of this.members.values()) keeper.kill();
  }
}
