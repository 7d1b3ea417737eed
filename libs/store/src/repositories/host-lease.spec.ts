import { randomUUID } from 'node:crypto';
import type { DataSource, EntityManager } from 'typeorm';
import { createDataSource, migrate } from '../data-source';
import { testPostgres, type TestPostgres } from '../testing/database.fixture';
import { HostLeaseRepository } from './host-lease.repository';
import { HostRepository } from './host.repository';
import { SnapshotRepository } from './snapshot.repository';
import { VmStatusRepository } from './vm-status.repository';
import { VmRepository } from './vm.repository';

const SECONDS = 60;
const MARGIN = 3;

let postgres: TestPostgres;
let source: DataSource;
let leases: HostLeaseRepository;
let vms: VmRepository;
beforeAll(async () => {
  postgres = await testPostgres();
  source = createDataSource(postgres.url);
  await migrate(source);
  leases = new HostLeaseRepository(source);
  vms = new VmRepository(source);
  for (const name of ['alpha', 'beta']) {
    await new HostRepository(source).save({ name, memoryMiB: 1024, cores: 4, nics: [], radios: [] });
  }
});
afterAll(async () => {
  await source?.destroy();
  await postgres?.remove();
});
afterEach(() => source.query('DELETE FROM host_lease; DELETE FROM vm'));

const claim = (incarnation: string) => ({ host: 'alpha', incarnation, holder: 'h', seconds: SECONDS });
/** As if so many seconds had passed in the database. */
const pass = (seconds: number) =>
  source.query('UPDATE host_lease SET expires_at = expires_at - make_interval(secs => $1)', [seconds]);
const seen = async () => (await leases.all(MARGIN)).get('alpha');
const [one, two] = [randomUUID(), randomUUID()];

describe('the lease of a host', () => {
  it('lasts as long as was asked for, by the clock of the database', async () => {
    expect(await leases.take(claim(one))).toBeNull();
    const [{ left }] = await source.query(
      'SELECT extract(epoch FROM expires_at - clock_timestamp())::float AS left FROM host_lease',
    );
    expect(left).toBeLessThanOrEqual(SECONDS);
    expect(left).toBeGreaterThan(0);
    expect(await seen()).toMatchObject({ incarnation: one, expired: false, lost: false });
    await pass(SECONDS);
    expect(await seen()).toMatchObject({ expired: true, lost: false });
    await pass(MARGIN);
    expect(await seen()).toMatchObject({ expired: true, lost: true });
  });

  it('is one incarnation’s at a time: another has it after its end, or when its holder is known to be dead', async () => {
    await leases.take(claim(one));
    expect(await leases.take(claim(one))).toBeNull();
    expect(await leases.take(claim(two))).toMatchObject({ incarnation: one, holder: 'h' });
    expect(await leases.take(claim(two), randomUUID())).toMatchObject({ incarnation: one });
    expect(await leases.take(claim(two), one)).toBeNull();
    expect(await leases.renew(claim(one))).toBe(false);
    await pass(SECONDS);
    expect(await leases.take(claim(one))).toBeNull();
  });

  it('is renewed before its end only: then it has to be taken', async () => {
    await leases.take(claim(one));
    await pass(SECONDS - 5);
    expect(await leases.renew(claim(one))).toBe(true);
    await pass(SECONDS - 5);
    expect(await seen()).toMatchObject({ expired: false });
    await pass(5);
    expect(await leases.renew(claim(one))).toBe(false);
    expect(await seen()).toMatchObject({ expired: true });
  });

  it('that was given back leaves nothing that could be taken for a loss', async () => {
    await leases.take(claim(one));
    await leases.release('alpha', two);
    expect(await seen()).toBeDefined();
    await leases.release('alpha', one);
    expect(await seen()).toBeUndefined();
  });
});

describe('a lost host', () => {
  const spec = {
    name: 'a1',
    host: 'alpha',
    memoryMiB: 64,
    image: 'debian',
    autostart: false,
    managed: false,
  };
  const define = () => vms.create({ ...spec, boot: 'template', nics: [] });
  const alpha = { host: 'alpha', incarnation: one };

  it('is one whose lease is over since the margin; nothing is taken from another', async () => {
    await leases.take(claim(one));
    const work = jest.fn(async () => 'done');
    await pass(SECONDS);
    expect(await leases.whileLost(alpha, MARGIN, work)).toBeNull();
    await pass(MARGIN);
    expect(await leases.whileLost({ ...alpha, incarnation: two }, MARGIN, work)).toBeNull();
    expect(work).not.toHaveBeenCalled();
    expect(await leases.whileLost(alpha, MARGIN, work)).toBe('done');
  });

  it('that comes back waits for who takes its VMs, and sees then what they took', async () => {
    const vm = await define();
    await leases.take(claim(one));
    await pass(SECONDS + MARGIN);
    let back: Promise<unknown> | undefined;
    const order: string[] = [];
    await leases.whileLost(alpha, MARGIN, async manager => {
      back = leases.take(claim(one)).then(() => order.push('back'));
      await untilBlocked();
      const taken = await vms.swapOwner(vm.id, { from: 'alpha', epoch: 1, to: 'beta' }, undefined, manager);
      expect(taken).toMatchObject({ ownerHost: 'beta', epoch: 2 });
      order.push('taken');
    });
    await back;
    expect(order).toEqual(['taken', 'back']);
    expect(await vms.ofHost('alpha')).toEqual([]);
  });

  it('that came back first has lost nothing', async () => {
    const vm = await define();
    await leases.take(claim(one));
    await pass(SECONDS + MARGIN);
    await leases.take(claim(one));
    const swap = () => vms.swapOwner(vm.id, { from: 'alpha', epoch: 1, to: 'beta' });
    expect(await leases.whileLost(alpha, MARGIN, swap)).toBeNull();
    expect(await vms.get(vm.id)).toMatchObject({ ownerHost: 'alpha', epoch: 1 });
  });

  it('of which the taking fails has lost nothing', async () => {
    const vm = await define();
    await leases.take(claim(one));
    await pass(SECONDS + MARGIN);
    const failing = leases.whileLost(alpha, MARGIN, async manager => {
      await vms.swapOwner(vm.id, { from: 'alpha', epoch: 1, to: 'beta' }, undefined, manager);
      throw new Error('later');
    });
    await expect(failing).rejects.toThrow('later');
    expect(await vms.get(vm.id)).toMatchObject({ ownerHost: 'alpha', epoch: 1 });
  });

  it('has nothing to say any more of a VM that was taken from it', async () => {
    const vm = await define();
    const row = { vmId: vm.id, host: 'alpha', epoch: 1, state: 'RUNNING', reason: '', agent: false } as const;
    const rest = {
      ips: [],
      startedAt: null,
      incarnation: one,
      desired: 'running',
      resumeState: null,
    } as const;
    const statuses = new VmStatusRepository(source);
    expect(await statuses.save({ ...row, ...rest, ips: [] })).toBe(true);
    const snapshots = new SnapshotRepository(source);
    const state = {
      vmId: vm.id,
      vmName: 'a1',
      host: 'alpha',
      memoryMiB: 64,
      image: 'debian',
      nics: [],
      ...{ bytes: 1, pages: 1, newPages: 1, pauseMs: null, parent: null },
    };
    const save = (name: string) =>
      snapshots.insert({ id: randomUUID(), name, ...state, digest: 'd'.repeat(64) }, undefined, 1);
    expect(await save('before')).toMatchObject({ kind: 'named' });

    await vms.swapOwner(vm.id, { from: 'alpha', epoch: 1, to: 'beta' });
    expect(await statuses.save({ ...row, ...rest, ips: [], reason: 'late' })).toBe(false);
    await expect(save('late')).rejects.toMatchObject({ code: 'VM_NOT_FOUND' });
    expect((await snapshots.ofVm(vm.id)).map(({ name }) => name)).toEqual(['before']);
  });

  it('has another incarnation when it is known that nothing of the last one runs', async () => {
    const vm = await define();
    const swap = (manager: EntityManager) =>
      vms.swapOwner(vm.id, { from: 'alpha', epoch: 1, to: 'beta' }, undefined, manager);
    expect(await leases.whileSucceeded(alpha, swap)).toBeNull();
    await leases.take(claim(one));
    expect(await leases.whileSucceeded(alpha, swap)).toBeNull();
    await leases.take(claim(two), one);
    await pass(SECONDS);
    expect(await leases.whileSucceeded(alpha, swap)).toBeNull();
    await leases.take(claim(two));
    let renewed: Promise<unknown> | undefined;
    const order: string[] = [];
    await leases.whileSucceeded(alpha, async manager => {
      renewed = leases.renew(claim(two)).then(() => order.push('renewed'));
      await untilBlocked();
      expect(await swap(manager)).toMatchObject({ ownerHost: 'beta', epoch: 2 });
      order.push('taken');
    });
    await renewed;
    expect(order).toEqual(['taken', 'renewed']);
  });

  /** Until a statement waits for a lock of another transaction. */
  async function untilBlocked(): Promise<void> {
    for (;;) {
      const waiting = await source.query(`SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'`);
      if (waiting.length > 0) return;
    }
  }
});
