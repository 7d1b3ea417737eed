/**
 * Two hosts whose processes may be killed at each step, and a net that loses, repeats and delays messages. Life cycle,
 * migrations and store are the real ones; guests are a number that must arrive, and must run at one place.
 */
import { randomUUID } from 'node:crypto';
import { migrationSourceCalls, subjectFor, V3Error, type Call } from '@v3vee/contracts';
import {
  PAGE_BYTES,
  type IncomingCopy,
  type MachineHead,
  type OutgoingCopy,
  type PageBatch,
} from '@v3vee/machine';
import type { VmDefinition, VmRepository, VmStatusRepository } from '@v3vee/store';
import { definition, FakeHost, FakeMachine, snapshotOf } from '../lifecycle/fake-host.fixture';
import { Fleet } from '../lifecycle/fleet';
import type { VmHost } from '../lifecycle/ports';
import { StoredDefinitions } from '../records/definitions';
import { DurableStatusLog } from '../records/status-log';
import type { IncomingParts } from './incoming';
import { Migrations } from './migrations';

export type Fate = 'lost' | 'repeated' | 'late' | 'very late';
export const fates: readonly Fate[] = ['lost', 'repeated', 'late', 'very late'];

type Handler = (body: unknown) => Promise<unknown>;

/** Requests and answers in the order they are sent; one of them has a fate. */
export class Net {
  messages = 0;
  readonly handlers = new Map<string, Handler>();
  readonly #late: (() => void)[] = [];
  readonly #veryLate: (() => void)[] = [];

  constructor(private readonly fate?: { message: number; what: Fate }) {}

  async ask(subject: string, body: unknown): Promise<unknown> {
    const fate = this.#next();
    const deliver = async () => {
      const handler = this.handlers.get(subject);
      if (!handler) throw new V3Error('SERVICE_UNAVAILABLE', `nobody serves ${subject}`);
      return handler(body);
    };
    if (fate === 'repeated') void deliver().catch(() => undefined);
    if (fate === 'late') this.#late.push(() => void deliver().catch(() => undefined));
    if (fate === 'very late') this.#veryLate.push(() => void deliver().catch(() => undefined));
    if (fate && fate !== 'repeated') throw silence(subject);
    const answer = await settled(deliver());
    const back = this.#next();
    if (back && back !== 'repeated') throw silence(subject);
    return opened(answer);
  }

  deliverLate(): void {
    for (const deliver of this.#late.splice(0)) deliver();
  }
  deliverVeryLate(): void {
    for (const deliver of this.#veryLate.splice(0)) deliver();
  }

  #next(): Fate | undefined {
    const message = this.messages++;
    return this.fate?.message === message ? this.fate.what : undefined;
  }
}

type Settled = { value: unknown } | { thrown: unknown };
const settled = (promise: Promise<unknown>): Promise<Settled> =>
  promise.then(
    value => ({ value }),
    (thrown: unknown) => ({ thrown }),
  );
function opened(settled: Settled): unknown {
  if ('thrown' in settled) throw settled.thrown;
  return settled.value;
}

const silence = (subject: string) => new V3Error('TIMEOUT', `${subject} gave no answer`);

/** Where the guest runs, over all processes of all hosts. */
export class Runs {
  readonly #now = new Set<object>();
  /** What must never have been. */
  readonly wrong: string[] = [];
  /** Numbers that a guest ran with. */
  readonly contents: number[] = [];

  begin(machine: object, content: number): void {
    this.#now.add(machine);
    this.contents.push(content);
    if (this.#now.size > 1) this.wrong.push('two guests ran at the same time');
  }
  end(machine: object): void {
    this.#now.delete(machine);
  }
  get count(): number {
    return this.#now.size;
  }
}

class Guest extends FakeMachine {
  content = 0;
  pages = new Map<number, number>();
  constructor(
    made: string,
    private readonly node: Node,
  ) {
    super(made);
  }
  override async run(): Promise<void> {
    await this.node.step();
    await super.run();
    if (!this.node.killed) this.node.runs.begin(this, this.content);
  }
  override async pause(): Promise<void> {
    await this.node.step();
    await super.pause();
    this.node.runs.end(this);
    await this.node.step();
  }
  override async close(): Promise<void> {
    this.node.runs.end(this);
    await super.close();
  }
  override copyOut = async (): Promise<OutgoingCopy> => ({
    round: async deliver => {
      await deliver(page(1, 1));
      return { pages: 1, scanMs: 0 };
    },
    finish: async (deliver, deliverHead) => {
      if (this.running) throw new Error('copied to the end while it ran');
      await deliver(page(2, this.content));
      await deliverHead(HEAD);
      return 1;
    },
    stop: () => this.node.step(),
  });
  copyIn: IncomingCopy = {
    write: async ({ numbers, bytes }) => {
      await this.node.step();
      this.pages.set(numbers[0]!, bytes[0]!);
    },
    finish: async () => {
      await this.node.step();
      this.content = this.pages.get(2)!;
    },
  };
}

const page = (number: number, fill: number): PageBatch => ({
  numbers: Uint32Array.of(number),
  bytes: new Uint8Array(PAGE_BYTES).fill(fill),
});
const HEAD = {
  format: 1,
  engineVersion: '1',
  memoryMiB: 64,
  nicCount: 0,
  devices: new Uint8Array(8),
} as MachineHead;

export interface NodeParts {
  name: string;
  net: Net;
  runs: Runs;
  vms: VmRepository;
  statuses: VmStatusRepository;
  /** The guest's number after each of its starts. */
  content: number;
}

/** A process of a host: what it does goes through `step`, at one of which it may be killed. */
export class Node {
  readonly runs: Runs;
  steps = 0;
  killAt = Infinity;
  /** Called at each step, with its number. */
  onStep: (step: number) => void = () => undefined;
  killed = false;
  readonly onKill: (() => void)[] = [];
  readonly host: VmHost;
  readonly fleet: Fleet;
  migrations: Migrations | undefined;
  readonly held: FakeHost['held'];
  /** What the store has been asked and has not answered. */
  readonly #asked = new Set<Promise<unknown>>();
  readonly #served = new Map<string, Handler>();
  readonly #fake: FakeHost;

  constructor(private readonly parts: NodeParts) {
    const { name, vms, statuses, runs } = parts;
    this.runs = runs;
    const fake = (this.#fake = new FakeHost([]));
    this.held = fake.held;
    const make = (how: string) => {
      const guest = new Guest(how, this);
      guest.content = parts.content;
      fake.machineList.push(guest);
      return guest;
    };
    this.host = {
      ...fake,
      name,
      incarnation: randomUUID(),
      snapshots: { ...fake.snapshots, latest: async vmId => snapshotOf(definition({ id: vmId })) },
      definitions: new StoredDefinitions(name, this.#guard(vms, ['get', 'all'])),
      status: new DurableStatusLog({
        host: name,
        repository: this.#guard(statuses, ['save', 'forget']),
        bus: { announce: () => undefined },
        log: fake.log,
      }),
      machines: {
        boot: async ({ boot }) => make(boot),
        restore: async (_, { engineVersion }) => make(engineVersion),
        base: fake.machines.base,
        essence: fake.machines.essence,
        receive: async () => {
          await this.step();
          const guest = make('moved');
          guest.content = -1;
          return { machine: guest, copy: guest.copyIn, settle: () => undefined };
        },
      },
    };
    this.fleet = new Fleet({
      host: this.host,
      vms: this.#guard(vms, ['ofHost', 'swapOwner']),
      statuses: this.#guard(statuses, ['get', 'getMany']),
    });
  }

  /** Takes over what the store gives it, then serves. */
  async start(): Promise<void> {
    const { vms, statuses, name } = this.parts;
    const recover = await this.fleet.takeOver();
    this.migrations = new Migrations({
      ...this.host,
      host: name,
      bus: this.#bus(),
      fleet: this.fleet,
      vms: this.#guard(vms, ['get', 'swapOwner']),
      statuses: this.#guard(statuses, ['get']),
      consoles: { forget: () => undefined },
      againMs: 1,
      silenceMs: 200,
    });
    await recover();
  }

  /** The process comes to nothing here if it is killed at this step. */
  async step(): Promise<void> {
    if (!this.killed) {
      this.steps++;
      if (this.steps === this.killAt) this.kill();
      else this.onStep(this.steps);
    }
    if (this.killed) await new Promise<never>(() => undefined);
  }

  kill(): void {
    this.killed = true;
    for (const machine of this.#fake.machineList) this.runs.end(machine);
    for (const [subject, handler] of this.#served) {
      if (this.parts.net.handlers.get(subject) === handler) this.parts.net.handlers.delete(subject);
    }
    for (const listener of this.onKill) listener();
  }

  /** Resolves when the store has heard the last of a process that was killed: another takes longer to start. */
  async silent(): Promise<void> {
    await Promise.all(this.#asked);
  }

  /** Calls go out, and their results come back, at steps. */
  #guard<T extends object, K extends keyof T>(target: T, names: K[]): Pick<T, K> {
    const guarded = {} as Pick<T, K>;
    for (const name of names) {
      const method = target[name] as (...args: unknown[]) => Promise<unknown>;
      guarded[name] = (async (...args: unknown[]) => {
        await this.step();
        const asked = method.apply(target, args);
        const settles = settled(asked).finally(() => this.#asked.delete(settles));
        this.#asked.add(settles);
        const result = await asked;
        await this.step();
        return result;
      }) as T[K];
    }
    return guarded;
  }

  #serve(subject: string, handler: Handler): { stop(): void } {
    const { handlers } = this.parts.net;
    const served: Handler = body => {
      // Nobody answers for a process that is gone.
      const gone = new Promise<never>((_, reject) => this.onKill.push(() => reject(silence(subject))));
      gone.catch(() => undefined);
      const answered = (async () => {
        await this.step();
        const answer = await settled(handler(body));
        await this.step();
        return opened(answer);
      })();
      return Promise.race([answered, gone]);
    };
    handlers.set(subject, served);
    this.#served.set(subject, served);
    return { stop: () => handlers.get(subject) === served && handlers.delete(subject) };
  }

  async #ask(subject: string, body: unknown, signal?: AbortSignal): Promise<unknown> {
    await this.step();
    const answer = this.parts.net.ask(subject, body);
    answer.catch(() => undefined);
    const aborted = new Promise<never>((_, reject) => {
      const abort = () => reject(signal?.reason as Error);
      if (signal?.aborted) abort();
      signal?.addEventListener('abort', abort, { once: true });
    });
    aborted.catch(() => undefined);
    const result = await settled(Promise.race([answer, aborted]));
    await this.step();
    return opened(result);
  }

  #bus(): IncomingParts['bus'] {
    return {
      announce: () => undefined,
      call: ((contract: Call, host: string, request: unknown, { signal }: { signal?: AbortSignal } = {}) =>
        this.#ask(subjectFor(contract, host), contract.request.parse(request), signal)) as never,
      requestRaw: async (subject, bytes, { signal }) =>
        void (await this.#ask(subject, bytes.slice(), signal)),
      serve: ((contract: Call, host: string, handler: Handler) =>
        this.#serve(subjectFor(contract, host), async body => handler(body))) as never,
      serveRaw: (subject, take) => this.#serve(subject, bytes => take(bytes as Uint8Array)),
    };
  }

  async begin(vm: VmDefinition, target: string, migrationId: string): Promise<void> {
    const { subject, request } = migrationSourceCalls.migrate;
    const handler = this.#served.get(subjectFor({ subject }, this.parts.name));
    await handler?.(
      request.parse({ migrationId, vmId: vm.id, epoch: vm.epoch, target, cards: [], options: {} }),
    );
  }
}
