import { setTimeout as delay } from 'node:timers/promises';
import type { Owner, Seen, World } from './world.fixture';

const EVERY_MS = 1_000;

/** What one look at one host saw, and between when. */
interface Look {
  began: number;
  ended: number;
  seen: Seen;
}

/**
 * Looks all the time at who runs what: guest code that is executed under an epoch is a violation once Postgres was
 * seen to have another owner. That allows at most one runner for each VM, and only its owner.
 */
export class RunnerWatch {
  readonly violations: string[] = [];
  looks = 0;
  private readonly last = new Map<string, Look>();
  /** By VM, what Postgres has had since when at the latest. */
  private readonly owned = new Map<string, { owner: Owner; at: number }[]>();
  private readonly stopping = new AbortController();
  private readonly loops: Promise<void>[];

  constructor(
    private readonly world: World,
    hosts: readonly string[],
  ) {
    this.loops = [
      this.repeat(() => this.askOwners()),
      ...hosts.map(host => this.repeat(() => this.look(host))),
    ];
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.loops);
  }

  private async repeat(work: () => Promise<void>): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await work().catch(() => undefined); // who is away runs nothing, or is asked later
      await delay(EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  private async askOwners(): Promise<void> {
    const owners = await this.world.owners();
    const at = performance.now();
    for (const [vm, owner] of owners) {
      const known = this.owned.get(vm) ?? [];
      this.owned.set(vm, known);
      const last = known.at(-1)?.owner;
      if (last?.host !== owner.host || last.epoch !== owner.epoch) known.push({ owner, at });
      if (last && last.epoch > owner.epoch) {
        this.violations.push(`${vm}: Postgres went back from epoch ${last.epoch} to ${owner.epoch}`);
      }
    }
  }

  private async look(host: string): Promise<void> {
    const began = performance.now();
    const seen = await this.world.palacios(host);
    const look = { began, ended: performance.now(), seen };
    const before = this.last.get(host);
    this.last.set(host, look);
    this.looks++;
    if (before) this.compare(host, before, look);
  }

  private compare(host: string, before: Look, now: Look): void {
    for (const [vm, { epoch, instructions = 0 }] of now.seen.vms) {
      const was = before.seen.vms.get(vm);
      // Something was executed after `before.began`. A counter that is lower is another machine's.
      if (was?.epoch !== epoch || was.instructions === undefined || instructions <= was.instructions)
        continue;
      for (const { owner, at } of this.owned.get(vm) ?? []) {
        if (at > before.began) continue;
        if (owner.epoch < epoch || (owner.epoch === epoch && owner.host === host)) continue;
        this.violations.push(
          `${vm} ran on ${host} at epoch ${epoch} when Postgres had said that it is ${owner.host}'s at epoch ${owner.epoch}`,
        );
      }
    }
  }
}
