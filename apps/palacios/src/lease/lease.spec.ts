import { randomUUID } from 'node:crypto';
import {
  createDataSource,
  HostLeaseRepository,
  HostRepository,
  migrate,
  VmRepository,
  type VmDefinition,
} from '@v3vee/store';
import { testPostgres } from '@v3vee/testkit';
import { FakeClock } from './fake-clock.fixture';
import { Lease, type LeaseOptions } from './lease';

const SECONDS = 60;
const RENEWAL_MS = (SECONDS * 1_000) / 5;
const RETRY_MS = (SECONDS * 1_000) / 20;

let database: Awaited<ReturnType<typeof testPostgres>>;
let source: ReturnType<typeof createDataSource>;
let leases: HostLeaseRepository;
let vms: VmRepository;
let vm: VmDefinition;
beforeAll(async () => {
  database = await testPostgres();
  source = createDataSource(database.url);
  await migrate(source);
  leases = new HostLeaseRepository(source);
  vms = new VmRepository(source);
  for (const name of ['alpha', 'beta']) {
    await new HostRepository(source).save({ name, memoryMiB: 1024, cores: 4, nics: [], radios: [] });
  }
});
afterAll(async () => {
  await source?.destroy();
  await database?.stop();
});

const until = async (condition: () => boolean | Promise<boolean>) => {
  while (!(await condition())) await new Promise(resolve => setImmediate(resolve)); // Jest's limit ends a wait in vain
};

/** A host's lease, with the real store but for what a test puts in its way, and a log of what is done to its guests. */
class Host {
  readonly clock = new FakeClock();
  readonly calls: string[] = [];
  readonly incarnation = randomUUID();
  /** Put in the way of the store. */
  take = leases.take.bind(leases);
  renew = leases.renew.bind(leases);
  /** Until when the guests' threads may run. */
  word = 0;
  readonly lease: Lease;

  constructor(more: Partial<LeaseOptions> = {}) {
    this.lease = new Lease({
      host: 'alpha',
      incarnation: this.incarnation,
      holder: this.incarnation,
      seconds: SECONDS,
      leases: {
        take: (...of) => this.asking(this.take(...of)),
        renew: of => this.asking(this.renew(of)),
        release: (...of) => leases.release(...of),
      },
      vms: { ofHost: name => this.asking(vms.ofHost(name)) },
      guests: {
        standStill: () => this.calls.push('stand still'),
        settle: owned => this.calls.push(`settle ${owned.map(({ name, epoch }) => `${name}@${epoch}`)}`),
        goOn: () => this.calls.push('go on'),
      },
      word: { until: instant => (this.word = instant) },
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
      clock: this.clock,
      dead: () => false,
      ...more,
    });
    hosts.push(this);
  }

  #asked = 0;
  private asking<T>(answer: Promise<T>): Promise<T> {
    this.#asked++;
    return answer.finally(() => this.#asked--);
  }

  /** It stands still while the database is asked, however long that takes. */
  async passTime(condition: () => boolean): Promise<void> {
    await until(() => {
      if (this.#asked === 0) this.clock.advance(RETRY_MS / 10);
      return condition();
    });
  }

  /** The database does not answer any more. */
  cutOff(): void {
    const silence = new Promise<never>((_, reject) => (this.#end = () => reject(new Error('cut off'))));
    silence.catch(() => undefined);
    this.take = () => silence;
    this.renew = () => silence;
  }
  #end: () => void = () => undefined;
  connect(): void {
    this.#end();
    this.take = leases.take.bind(leases);
    this.renew = leases.renew.bind(leases);
  }
}

const hosts: Host[] = [];
beforeEach(async () => {
  vm = await vms.create({
    ...{
      name: 'a1',
      host: 'alpha',
      memoryMiB: 64,
      image: 'debian',
      autostart: false,
      boot: 'template',
      managed: false,
    },
    nics: [],
  });
});
afterEach(async () => {
  for (const host of hosts.splice(0)) {
    host.connect();
    await host.lease.close();
  }
  await source.query('DELETE FROM host_lease; DELETE FROM vm');
});

const expiry = async () => (await leases.all(0)).get('alpha')?.expiresAt.getTime();

it('is renewed while the database answers', async () => {
  const { lease, clock, calls } = new Host();
  await lease.open();
  const first = (await expiry()) as number;
  for (let last = first, n = 0; n < 3; n++) {
    clock.advance(RENEWAL_MS);
    await until(async () => ((await expiry()) as number) > last);
    last = (await expiry()) as number;
  }
  expect(lease.held).toBe(true);
  expect(calls).toEqual(['settle a1@1', 'go on']);
});

it('ends, counted from before it was asked for, when the database does not answer: every guest stands still', async () => {
  const host = new Host();
  const { lease, clock, calls } = host;
  host.take = async (...of) => {
    clock.advance(5_000); // the answer's way
    return leases.take(...of);
  };
  await lease.open();
  expect(host.word).toBe(1_000 + SECONDS * 1_000);
  host.cutOff();
  clock.advance(SECONDS * 1_000 - 5_001);
  expect([lease.held, calls.at(-1)]).toEqual([true, 'go on']);
  clock.advance(1);
  expect([lease.held, calls.at(-1), host.word]).toEqual([false, 'stand still', 0]);
});

it('that is taken again lets guests go on, after those that another host has were discarded', async () => {
  const host = new Host();
  const { lease, clock, calls } = host;
  await lease.open();
  const { term } = lease;
  host.cutOff();
  clock.advance(SECONDS * 1_000);
  await vms.swapOwner(vm.id, { from: 'alpha', epoch: 1, to: 'beta' });
  host.connect();
  await host.passTime(() => lease.held);
  expect(calls).toEqual(['settle a1@1', 'go on', 'stand still', 'settle ', 'go on']);
  expect(lease.term).toBeGreaterThan(term);
});

it('is over for a process that was stopped, before anything of it has looked', async () => {
  const { lease, clock, calls } = new Host();
  await lease.open();
  clock.skip(SECONDS * 1_000);
  expect(lease.held).toBe(false);
  clock.advance(0);
  expect(calls.at(-1)).toBe('stand still');
});

it('is not renewed by an answer that comes after its end', async () => {
  const host = new Host();
  const { lease, clock, calls } = host;
  await lease.open();
  let answer: ((renewed: boolean) => void) | undefined;
  host.renew = () => new Promise(resolve => (answer = resolve));
  clock.advance(RENEWAL_MS);
  await until(() => answer !== undefined);
  clock.skip(SECONDS * 1_000); // the process was stopped; the answer is there when it goes on
  answer?.(true);
  await until(() => calls.at(-1) === 'stand still');
  expect(host.word).toBe(0);
});

it('is over when the database says so, whatever the time is here', async () => {
  const host = new Host();
  const { lease, clock, calls } = host;
  await lease.open();
  await source.query(`UPDATE host_lease SET expires_at = now() - interval '1 s'`);
  clock.advance(RENEWAL_MS);
  await until(() => calls.includes('stand still'));
  await host.passTime(() => lease.held);
  expect(calls.slice(-3)).toEqual(['stand still', 'settle a1@1', 'go on']);
});

it('of a predecessor is waited for, unless that is known to be dead', async () => {
  const before = randomUUID();
  await leases.take({ host: 'alpha', incarnation: before, holder: 'the last one', seconds: SECONDS });
  const waiting = new Host();
  let answers = 0;
  waiting.take = async (...of) => {
    const other = await leases.take(...of);
    answers++;
    return other;
  };
  void waiting.lease.open();
  await waiting.passTime(() => answers >= 3);
  expect([waiting.lease.held, waiting.calls]).toEqual([false, []]);

  const knowing = new Host({ dead: holder => holder === 'the last one' });
  await knowing.lease.open();
  expect(knowing.lease.held).toBe(true);
});

it('is given back at an orderly end, and is not waited for any more', async () => {
  const { lease } = new Host();
  await lease.open();
  lease.end();
  await lease.whenHeld();
  await lease.close();
  await expect(lease.whenHeld()).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
  expect(await expiry()).toBeUndefined();
});
