import { setTimeout as delay } from 'node:timers/promises';
import { followMigration, isAlive } from '@v3vee/client';
import { V3Error, type Migration, type Vm } from '@v3vee/contracts';
import type { GuestLoad } from './guest-load.fixture';
import { Report } from './report.fixture';
import type { Fault, MovingPhase, Round, Victim, Work } from './schedule.fixture';
import { definitionOf, inOrder, quiet, until } from './settled.fixture';
import { Violation } from './violation.fixture';
import { PATIENCE_MS, type World } from './world.fixture';

/** What is wrong once is often wrong many times. */
const MAX_PROBLEMS = 12;

/** A phase that does not come is not waited for. */
const PHASE_MS = 60_000;

/** The first move of a round; faults wait for its phases. */
class Move {
  readonly entered = new Set<string>();
  source: string | undefined;
  target: string | undefined;
  private listeners: (() => void)[] = [];

  enter(phases: readonly string[]): void {
    for (const phase of phases) this.entered.add(phase);
    for (const listener of this.listeners.splice(0)) listener();
  }

  /** Resolves also when it has ended, or does not come to it for long. */
  async reached(phase: MovingPhase): Promise<void> {
    const late = Date.now() + PHASE_MS;
    while (!this.entered.has(phase) && !this.entered.has('over') && Date.now() < late) {
      const soon = new AbortController();
      const entered = new Promise<void>(resolve => this.listeners.push(resolve));
      await Promise.race([entered, delay(late - Date.now(), undefined, { signal: soon.signal })]);
      soon.abort();
    }
  }
}

/** Plays rounds of a schedule on a world, and looks after each whether all is well. */
export class Chaos {
  readonly report = new Report();
  private definitions = new Map<string, string>();
  /** When each VM's guest was started. */
  private started = new Map<string, string | null>();
  private restarted: ReadonlySet<string> = new Set();
  /** In this round. */
  private readonly killed = new Set<string>();
  /** How often services may have been started again. */
  private readonly ended = new Map<string, number>();

  constructor(
    private readonly world: World,
    private readonly load: GuestLoad,
    private readonly hosts: readonly string[],
    private readonly names: readonly string[],
    private readonly say: (text: string) => void,
  ) {}

  async begin(): Promise<void> {
    await this.load.begin(this.names);
    this.say('the load is there');
    const vms = await this.world.vms();
    this.definitions = new Map(vms.map(vm => [vm.name, definitionOf(vm)]));
    this.started = new Map(vms.map(vm => [vm.name, vm.startedAt]));
    for (const { name, restarts } of await this.world.services()) this.ended.set(name, restarts);
    await this.checkpointed(vms);
  }

  /** @throws Violation */
  async play(round: Round): Promise<void> {
    const began = performance.now();
    const move = new Move();
    const hit = new Set<string>();
    this.killed.clear();
    const works = round.work.map((work, index) => this.work(work, index === 0 ? move : new Move()));
    const faults = round.faults.map(fault => this.fault(fault, move, hit));
    // Nothing is left running, whatever fails.
    const outcomes = await Promise.allSettled([...works, ...faults]);
    const failed = outcomes.find(outcome => outcome.status === 'rejected');
    if (failed) throw failed.reason;
    await until('nothing is under way', () => quiet(this.world));
    await this.restored(hit);
    await until('everything is in its place', () => inOrder(this.world, this.definitions));
    await this.guests();
    await this.crashes(round);
    this.report.settled((performance.now() - began) / 1_000);
    await delay(round.restMs);
  }

  // ---- what users do ---------------------------------------------------------------------------------------------

  private async work(work: Work, move: Move): Promise<void> {
    const outcome = await this.perform(work, move).catch((thrown: unknown) => {
      const { code, message } = V3Error.from(thrown);
      if (code === 'INTERNAL') throw new Violation(`${work.do} failed unexpectedly: ${message}`);
      return `refused or failed: ${code}`;
    });
    move.enter(['over']);
    this.report.count(work.do, outcome);
    this.say(`${work.do}: ${outcome}`);
  }

  private async perform(work: Work, move: Move): Promise<string> {
    const { client } = this.world;
    if (work.do === 'drain') {
      move.source = this.hosts[work.host];
      const { response } = await client.operate('drainHost', { host: move.source! });
      const { moved, left } = response as { moved: unknown[]; left: { code: string }[] };
      return left.length
        ? `left ${left.map(({ code }) => code).join()}`
        : moved.length
          ? 'all moved'
          : 'was empty';
    }
    const vm = this.names[work.vm]!;
    if (work.do === 'checkpoint') {
      const name = `by-hand-${Date.now()}`;
      await client.operate('snapshotVm', { vm }, { body: { name } });
      const made = (await client.list('listSnapshots', { vm })).filter(({ name: each }) =>
        /^by-hand/.test(each),
      );
      // The last one stays, for a VM without a policy.
      for (const { id } of made.slice(1)) await client.call('deleteSnapshot', { snapshot: id });
      return 'made';
    }
    move.source = (await client.call('getVm', { vm })).host;
    const others = this.hosts.filter(host => host !== move.source);
    move.target = others[work.host % others.length]!;
    const mode = work.do === 'migrate' ? work.mode : 'precopy';
    const { id } = await client.call('migrateVm', { vm }, { body: { host: move.target, mode } });
    const cancelled = work.do === 'cancel' ? this.cancel(id, work, move) : Promise.resolve('');
    const { phase, reason } = await this.follow(id, move);
    move.enter(['over']);
    return `${phase}${await cancelled}${phase === 'FAILED' ? ` (${generalised(reason)})` : ''}`;
  }

  private follow(id: string, move: Move): Promise<Migration> {
    return followMigration(this.world.client, id, {
      signal: AbortSignal.timeout(PATIENCE_MS),
      onChange: ({ phases }) => move.enter(phases.map(({ phase }) => phase)),
    });
  }

  private async cancel(
    id: string,
    { phase, afterMs }: Extract<Work, { do: 'cancel' }>,
    move: Move,
  ): Promise<string> {
    await move.reached(phase);
    await delay(afterMs);
    return this.world.client.call('cancelMigration', { migration: id }).then(
      () => '',
      thrown => `, cancel refused: ${V3Error.from(thrown).code}`,
    );
  }

  // ---- faults ------------------------------------------------------------------------------------------------------

  private async fault(fault: Fault, move: Move, hit: Set<string>): Promise<void> {
    if (fault.phase) await move.reached(fault.phase);
    await delay(fault.afterMs);
    const name = this.victim(fault, move);
    const { pid } = await this.world.service(name);
    const title = fault.what === 'kill' ? `kill -9 ${fault.victim}` : `SIGSTOP ${fault.victim}`;
    if (pid === null || !isAlive(pid)) return this.report.count(title, 'it was down already');
    if (fault.victim === 'palacios') hit.add(name.slice('palacios-'.length));
    this.say(`${title} (${name}) while the move is ${[...move.entered].at(-1) ?? 'not begun'}`);
    if (fault.what === 'kill') {
      process.kill(pid, 'SIGKILL');
      this.killed.add(name);
      this.ended.set(name, (this.ended.get(name) ?? 0) + 1);
      // Until the supervisor knows, everybody still seems to be well.
      await until(`${name} is gone`, async () =>
        (await this.world.service(name)).pid === pid ? ['it is there'] : [],
      );
    } else {
      process.kill(pid, 'SIGSTOP');
      try {
        await delay(fault.seconds * 1_000);
      } finally {
        if (isAlive(pid)) process.kill(pid, 'SIGCONT');
      }
    }
    this.report.count(title, 'done');
  }

  private victim({ victim, place, host }: Fault, move: Move): string {
    if (victim !== 'kitten' && victim !== 'palacios') return victim satisfies Victim;
    const placed = place === 'source' ? move.source : place === 'target' ? move.target : undefined;
    return `${victim}-${placed ?? this.hosts[host]}`;
  }

  // ---- what has to be so afterwards ----------------------------------------------------------------------------------

  /** Every VM runs, or can be started: the latter only where its policy leaves that to people. */
  private async restored(hit: ReadonlySet<string>): Promise<void> {
    for (const name of this.names) {
      await until(`${name} runs`, async () => {
        const vm = await this.world.client.call('getVm', { vm: name });
        if (vm.state === 'ERROR' && vm.failover === 'none' && hit.size > 0) {
          this.report.count('VM without a policy', 'started again by hand');
          await this.world.client.operate('resetVm', { vm: name });
        }
        if (vm.state === 'RUNNING' && !vm.agent) await this.world.client.call('refreshVm', { vm: name });
        return vm.state === 'RUNNING' && vm.agent
          ? []
          : [`${name} on ${vm.host} is ${vm.state}${vm.agent ? '' : ' without its agent'} (${vm.reason})`];
      });
    }
    const again: Vm[] = [];
    for (const vm of await this.world.vms()) {
      if (this.started.get(vm.name) === vm.startedAt) continue;
      this.started.set(vm.name, vm.startedAt);
      if (hit.size === 0)
        throw new Violation(`${vm.name} was started again, though no palacios was harmed: ${vm.reason}`);
      again.push(vm);
      const how = /from (checkpoint|snapshot)/.exec(vm.reason)?.[1];
      this.report.count('VM of a harmed host', how ? `went on from its ${how}` : 'started anew');
      this.say(`${vm.name} on ${vm.host}: ${vm.reason}`);
    }
    this.restarted = new Set(again.map(({ name }) => name));
  }

  private async guests(): Promise<void> {
    const anew: string[] = [];
    for (const vm of this.restarted) if (!(await this.load.has(vm))) anew.push(vm);
    const problems: string[] = [];
    for (const vm of this.names) {
      if (anew.includes(vm)) continue;
      problems.push(...(await this.load.audit(vm)), ...(await this.load.inspect(vm, this.restarted)));
    }
    if (problems.length > 0) throw new Violation(problems.slice(0, MAX_PROBLEMS).join('\n'));
    await this.load.begin(anew);
    await this.load.goOn(this.restarted);
    if (anew.length > 0) await this.checkpointed(await this.world.vms());
  }

  /**
   * Nobody ended but those that were killed. Who is started while NATS or Postgres is away says so and ends, as often as
   * it takes.
   */
  private async crashes({ faults }: Round): Promise<void> {
    const isServerAway = faults.some(({ victim }) => victim === 'nats' || victim === 'postgres');
    const services = await this.world.services();
    for (const { name, restarts } of services) {
      if (isServerAway && this.killed.has(name)) this.ended.set(name, restarts);
    }
    const others = services.filter(({ name, restarts }) => restarts > (this.ended.get(name) ?? 0));
    if (others.length === 0) return;
    throw new Violation(
      others
        .map(({ name, restarts }) => `${name} ended of itself (${restarts} starts, see its log)`)
        .join('\n'),
    );
  }

  /** So that what a VM comes back from is what runs now. */
  private async checkpointed(vms: readonly Vm[]): Promise<void> {
    const now = Date.now();
    for (const { name, checkpointEvery } of vms) {
      if (checkpointEvery === null) continue;
      await until(`${name} has a checkpoint`, async () => {
        const all = await this.world.client.list('listSnapshots', { vm: name });
        return all.some(({ kind, createdAt }) => kind === 'checkpoint' && Date.parse(createdAt) > now)
          ? []
          : ['it has none'];
      });
    }
  }
}

/** A reason without what differs each time. */
const generalised = (reason: string) =>
  reason
    .replace(/[0-9a-f-]{36}/g, '…')
    .replace(/\d+/g, 'N')
    .slice(0, 90);
