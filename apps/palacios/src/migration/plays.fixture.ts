/** Hand-overs that are played with everything that may go wrong, and what must be so in the end. */
import { randomUUID } from 'node:crypto';
import { migrationSourceCalls, subjectFor, V3Error } from '@v3vee/contracts';
import { createDataSource, HostRepository, migrate, VmRepository, VmStatusRepository } from '@v3vee/store';
import { testPostgres } from '@v3vee/testkit';
import { limiter } from '../lifecycle/limiter';
import { fates, Net, Node, Runs, type Fate } from './cluster.fixture';

export interface Case {
  /** Killed at this step of its own; started again at once, or when all else is over. */
  crash?: { who: 'source' | 'target'; at: number; again: 'at once' | 'at the end' };
  fate?: { message: number; what: Fate };
  /** Cancelled at this step of the source. */
  cancelAt?: number;
  /** Which swap of the owner's, of all, the store does not answer; whether it was carried out. */
  store?: { call: number; done: boolean };
}

/** On a real Postgres; many at a time, each with hosts of its own. */
export class Plays {
  /** Of a hand-over that nothing disturbs. */
  steps = { source: 0, target: 0 };
  messages = 0;
  #cases = 0;

  private constructor(
    private readonly postgres: Awaited<ReturnType<typeof testPostgres>>,
    readonly dataSource: ReturnType<typeof createDataSource>,
  ) {}

  static async open(): Promise<Plays> {
    const postgres = await testPostgres();
    const plays = new Plays(postgres, createDataSource(postgres.url));
    await migrate(plays.dataSource);
    const { wrong, moved, steps, net } = await plays.play({});
    if (wrong.length > 0 || !moved) throw new Error(`undisturbed, it did not move: ${wrong.join('; ')}`);
    plays.steps = steps;
    plays.messages = net.messages;
    return plays;
  }

  async close(): Promise<void> {
    await this.dataSource.destroy();
    await this.postgres.stop();
  }

  /** @returns what is wrong in the end, and how many steps and messages there were */
  async play({ crash, fate, cancelAt, store }: Case) {
    const number = ++this.#cases;
    const [alpha, beta] = [`alpha-${number}`, `beta-${number}`];
    const vms = new VmRepository(this.dataSource);
    const statuses = new VmStatusRepository(this.dataSource);
    for (const name of [alpha, beta]) {
      await new HostRepository(this.dataSource).save({
        name,
        memoryMiB: 1024,
        cores: 4,
        nics: [],
        radios: [],
      });
    }
    const net = new Net(fate);
    const runs = new Runs();
    const parts = { net, runs, vms: unreliable(vms, store), statuses, content: 7 };
    const nodes = { source: new Node({ ...parts, name: alpha }), target: new Node({ ...parts, name: beta }) };
    await Promise.all([nodes.source.start(), nodes.target.start()]);
    const vm = await vms.create({
      ...{ name: `vm-${number}`, host: alpha, memoryMiB: 64, image: 'debian', boot: 'template' },
      ...{ autostart: false, managed: false, nics: [] },
    });
    await (await nodes.source.fleet.get(vm.id)).start();

    // From here on steps count.
    const migrationId = randomUUID();
    const restarted: Promise<void>[] = [];
    const again = new Set<Node>();
    const restart = async (who: 'source' | 'target') => {
      again.add(nodes[who]);
      await nodes[who].silent();
      nodes[who] = new Node({ ...parts, vms, name: who === 'source' ? alpha : beta });
      await nodes[who].start();
    };
    nodes.source.steps = nodes.target.steps = 0;
    if (crash) {
      const { who, at } = crash;
      nodes[who].killAt = at;
      nodes[who].onKill.push(() => crash.again === 'at once' && restarted.push(restart(who)));
    }
    let cancelled: Promise<unknown> | undefined;
    if (cancelAt !== undefined) {
      const subject = subjectFor(migrationSourceCalls.cancel, alpha);
      nodes.source.onStep = step => {
        if (step === cancelAt)
          cancelled = net.handlers
            .get(subject)?.({ migrationId })
            .catch((e: V3Error) => e.code);
      };
    }
    const [first, other] = [nodes.source, nodes.target];
    void first.begin(vm, beta, migrationId).catch(() => undefined);
    // The target still waits for more then.
    await calm(nodes);
    await Promise.all(restarted);
    net.deliverLate();
    await quiet(nodes, vm.id);
    // Who has come so far is not killed any more: nobody would start it again.
    for (const node of [first, other]) node.killAt = Infinity;
    for (const who of ['source', 'target'] as const) {
      if (nodes[who].killed && !again.has(nodes[who])) restarted.push(restart(who));
    }
    await Promise.all(restarted);
    net.deliverVeryLate();
    await quiet(nodes, vm.id);

    const row = (await vms.get(vm.id))!;
    const status = await statuses.get(vm.id);
    const owner = row.ownerHost === alpha ? nodes.source : nodes.target;
    const stranger = owner === nodes.source ? nodes.target : nodes.source;
    const wrong = [...runs.wrong];
    if (runs.count !== 1) wrong.push(`${runs.count} guests run in the end`);
    if (owner.fleet.known(vm.id)?.status().state !== 'RUNNING')
      wrong.push('its owner does not have it running');
    if (stranger.fleet.known(vm.id)) wrong.push('the other host still has it');
    if (stranger.held.size + owner.held.size !== 1) wrong.push('memory is held for nothing');
    if (runs.contents.some(content => content !== 7)) wrong.push('a guest ran that was not whole');
    if (status?.state !== 'RUNNING' || status.epoch !== row.epoch || status.host !== row.ownerHost)
      wrong.push(
        `the row says ${status?.state} on ${status?.host} at epoch ${status?.epoch}, not ${row.epoch}`,
      );
    const outcome = await cancelled;
    const processes = new Set([...Object.values(nodes), first, other]);
    for (const node of processes) node.kill();
    await Promise.all([...processes].map(node => node.silent()));
    if (outcome === 'MIGRATION_TOO_LATE' && row.ownerHost === alpha) wrong.push('it was not too late');
    return {
      wrong,
      moved: row.ownerHost === beta,
      steps: { source: first.steps, target: other.steps },
      net,
      outcome,
    };
  }

  async all(list: Case[]): Promise<{ moved: number; failures: string[] }> {
    const places = limiter(24);
    const failures: string[] = [];
    let moved = 0;
    await Promise.all(
      list.map(each =>
        places(async () => {
          const result = await this.play(each);
          if (result.moved) moved++;
          if (result.wrong.length > 0) failures.push(`${JSON.stringify(each)}: ${result.wrong.join('; ')}`);
        }),
      ),
    );
    return { moved, failures };
  }

  /** Every party at each of its steps. */
  crashes(): NonNullable<Case['crash']>[] {
    const who = ['source', 'target'] as const;
    const again = ['at once', 'at the end'] as const;
    return who.flatMap(party =>
      range(this.steps[party]).flatMap(step =>
        again.map(when => ({ who: party, at: step + 1, again: when })),
      ),
    );
  }

  /** Every message, and some more than there are when nothing goes wrong: what is said then may be lost too. */
  disturbances(): NonNullable<Case['fate']>[] {
    return range(this.messages + 4).flatMap(message => fates.map(what => ({ message, what })));
  }

  cancellations(): { cancelAt: number }[] {
    return range(this.steps.source).map(step => ({ cancelAt: step + 1 }));
  }

  static silences(): NonNullable<Case['store']>[] {
    return range(4).flatMap(call => [true, false].map(done => ({ call, done })));
  }
}

const range = (length: number) => Array.from({ length }, (_, index) => index);

/** One call of `swapOwner`, counted over both hosts, that does not say what became of it. */
function unreliable(vms: VmRepository, store: Case['store']): VmRepository {
  let calls = 0;
  return new Proxy(vms, {
    get(target, name) {
      const value = target[name as keyof VmRepository] as unknown;
      if (typeof value !== 'function') return value;
      if (name !== 'swapOwner' || !store) return value.bind(target) as unknown;
      return async (...args: Parameters<VmRepository['swapOwner']>) => {
        if (calls++ !== store.call) return target.swapOwner(...args);
        if (store.done) await target.swapOwner(...args);
        throw new V3Error('SERVICE_UNAVAILABLE', 'the database does not answer');
      };
    },
  });
}

/** Until nothing happens any more on the hosts that live, and nothing is waited for. */
function quiet(nodes: Record<string, Node>, vmId: string): Promise<void> {
  return calm(
    nodes,
    ({ killed, fleet }) => !killed && (fleet.isArriving(vmId) || !!fleet.known(vmId)?.isBusy),
  );
}

/** Until no step is made for a while. */
async function calm(
  nodes: Record<string, Node>,
  waits: (node: Node) => boolean = () => false,
): Promise<void> {
  for (let turns = 0; turns < 3;) {
    const before = Object.values(nodes).map(node => [node, node.steps] as const);
    await new Promise(resolve => setTimeout(resolve, 5));
    const same = before.every(([node, steps]) => node.steps === steps);
    turns = same && !Object.values(nodes).some(waits) ? turns + 1 : 0;
  }
}
