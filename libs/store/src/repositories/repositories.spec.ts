import { randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { createDataSource, migrate } from '../data-source';
import type { NetworkEntity } from '../entities';
import { testPostgres, type TestPostgres } from '../testing/database.fixture';
import { HostRepository } from './host.repository';
import { NetworkRepository } from './network.repository';
import { OperationRepository } from './operation.repository';
import { RequestRepository } from './request.repository';
import { SnapshotRepository } from './snapshot.repository';
import { VmStatusRepository, type VmStatusRecord } from './vm-status.repository';
import { VmRepository, type NewVm } from './vm.repository';

let postgres: TestPostgres;
let source: DataSource;
let hosts: HostRepository;
let networks: NetworkRepository;
let vms: VmRepository;
let lan: NetworkEntity;
let wan: NetworkEntity;

beforeAll(async () => {
  postgres = await testPostgres();
  source = createDataSource(postgres.url);
  await migrate(source);
  hosts = new HostRepository(source);
  networks = new NetworkRepository(source);
  vms = new VmRepository(source);
  for (const name of ['alpha', 'beta']) {
    await hosts.save({ name, memoryMiB: 1024, cores: 4, nics: [], radios: [] });
  }
  lan = await networks.create({ name: 'lan', subnet: null, managed: false });
  wan = await networks.create({ name: 'wan', subnet: null, managed: false });
});
afterAll(async () => {
  await source?.destroy();
  await postgres?.remove();
});
afterEach(() => source.query('DELETE FROM vm'));

const mac = (n: number) => `02:00:00:00:00:${n.toString(16).padStart(2, '0')}`;
const spec = (name: string, more: Partial<NewVm> = {}): NewVm => ({
  name,
  host: 'alpha',
  memoryMiB: 64,
  image: 'debian',
  autostart: false,
  boot: 'template',
  managed: false,
  nics: [],
  ...more,
});
const code = (work: Promise<unknown>) =>
  work.then(
    () => 'no error',
    (error: { code?: string }) => error.code,
  );

describe('networks', () => {
  it('get numbers of their own, also when many are made at once, and free ones again', async () => {
    const made = await Promise.all(
      Array.from({ length: 8 }, (_, n) => networks.create({ name: `n${n}`, subnet: null, managed: false })),
    );
    expect(made.map(({ vni }) => vni).sort((a, b) => a - b)).toEqual([3, 4, 5, 6, 7, 8, 9, 10]);
    const five = made.find(({ vni }) => vni === 5) as NetworkEntity;
    await networks.remove(five);
    expect(await networks.create({ name: 'again', subnet: null, managed: false })).toMatchObject({ vni: 5 });
  });

  it('of one name there is one', async () => {
    expect(await code(networks.create({ name: 'lan', subnet: null, managed: true }))).toBe('NETWORK_EXISTS');
  });
});

describe('VMs', () => {
  it('come back as they were defined, NICs in order, with their networks’ numbers', async () => {
    const nics = [
      { networkId: wan.id, mac: mac(1), ip: null },
      { networkId: lan.id, mac: mac(2), ip: '10.0.0.1/24' },
    ];
    const vm = await vms.create(spec('a1', { nics }));
    expect(vm).toMatchObject({
      name: 'a1',
      ownerHost: 'alpha',
      epoch: 1,
      nics: [
        { index: 0, network: 'wan', vni: wan.vni, mac: mac(1), ip: null },
        { index: 1, network: 'lan', vni: lan.vni, mac: mac(2), ip: '10.0.0.1/24' },
      ],
    });
    expect(await vms.get(vm.id)).toEqual(vm);
    expect(await vms.find('a1')).toEqual(vm);
    expect(await vms.ofHost('alpha')).toEqual([vm]);
    expect(await vms.get('not-a-uuid')).toBeNull();
    expect(await networks.nicCounts([lan.id, wan.id])).toEqual(
      new Map([
        [lan.id, 1],
        [wan.id, 1],
      ]),
    );
  });

  it('are found by id before by name', async () => {
    const first = await vms.create(spec('first'));
    const impostor = await vms.create(spec(first.id));
    expect(await vms.find(first.id)).toMatchObject({ name: 'first' });
    await vms.remove(first.id);
    expect(await vms.find(first.id)).toEqual(impostor);
  });

  it('an address is one address, however its prefix is written; on another network it is another', async () => {
    const at = (networkId: string, ip: string, n: number) =>
      vms.create(spec(`v${n}`, { nics: [{ networkId, mac: mac(n), ip }] }));
    await at(lan.id, '10.0.0.1/24', 1);
    expect(await code(at(lan.id, '10.0.0.1/16', 2))).toBe('IP_IN_USE');
    expect(await code(at(wan.id, '10.0.0.1/24', 3))).toBe('no error');
    expect(await code(at(lan.id, '10.0.0.2/24', 1))).toBe('VM_EXISTS');
  });

  it('a refused change leaves all as it was', async () => {
    await vms.create(spec('a1', { nics: [{ networkId: lan.id, mac: mac(1), ip: null }] }));
    const b1 = await vms.create(spec('b1', { nics: [{ networkId: lan.id, mac: mac(2), ip: null }] }));
    const nics = [{ networkId: lan.id, mac: mac(1), ip: null }];
    expect(await code(vms.update(b1.id, { memoryMiB: 256, nics }))).toBe('MAC_IN_USE');
    expect(await vms.get(b1.id)).toEqual(b1);
    expect(await code(vms.update(b1.id, { host: 'zeta' }))).toBe('HOST_NOT_FOUND');
    expect(await code(vms.update(randomUUID(), {}))).toBe('VM_NOT_FOUND');
  });

  it('swap addresses in one change, but not onto a third', async () => {
    const [a, b, c] = await Promise.all(
      [1, 2, 3].map(n =>
        vms.create(spec(`v${n}`, { nics: [{ networkId: lan.id, mac: mac(n), ip: `10.0.0.${n}/24` }] })),
      ),
    );
    const nic = (n: number) => ({ nics: [{ networkId: lan.id, mac: mac(n), ip: `10.0.0.${n}/24` }] });
    await vms.updateAll(
      new Map([
        [a!.id, nic(2)],
        [b!.id, nic(1)],
      ]),
    );
    expect((await vms.get(a!.id))?.nics).toMatchObject([{ mac: mac(2), ip: '10.0.0.2/24' }]);
    expect(await code(vms.updateAll(new Map([[a!.id, nic(3)]])))).toBe('MAC_IN_USE');
    expect((await vms.get(c!.id))?.nics).toMatchObject([{ mac: mac(3) }]);
  });

  it('get a new epoch with a new owner only', async () => {
    const { id } = await vms.create(spec('mover'));
    expect(await vms.update(id, { host: 'alpha', memoryMiB: 128 })).toMatchObject({ epoch: 1 });
    expect(await vms.update(id, { host: 'beta' })).toMatchObject({
      host: 'beta',
      ownerHost: 'beta',
      epoch: 2,
    });
  });

  it('hold their host and networks', async () => {
    await vms.create(spec('a1', { nics: [{ networkId: lan.id, mac: mac(1), ip: null }] }));
    expect(await code(hosts.remove('alpha'))).toBe('HOST_IN_USE');
    expect(await code(networks.remove(lan))).toBe('NETWORK_IN_USE');
  });
});

describe('what VMs do', () => {
  const status = (vmId: string, more: Partial<VmStatusRecord> = {}): VmStatusRecord => ({
    vmId,
    host: 'alpha',
    epoch: 1,
    state: 'RUNNING',
    reason: 'started',
    agent: true,
    ips: [['10.0.0.1', 'fe80::1'], []],
    startedAt: new Date('2026-01-01T00:00:00.123Z'),
    incarnation: randomUUID(),
    desired: 'running',
    resumeState: null,
    ...more,
  });
  let statuses: VmStatusRepository;
  beforeAll(() => {
    statuses = new VmStatusRepository(source);
  });

  it('is written whole, again and again', async () => {
    const { id } = await vms.create(spec('a1'));
    const first = status(id);
    expect(await statuses.save(first)).toBe(true);
    expect(await statuses.get(id)).toMatchObject(first);
    const second = status(id, {
      state: 'STOPPED',
      desired: 'stopped',
      startedAt: null,
      ips: [],
      agent: false,
    });
    expect(await statuses.save(second)).toBe(true);
    expect(await statuses.get(id)).toMatchObject(second);
    expect((await statuses.ofHost('alpha')).length).toBe(1);
    await statuses.forget(id);
    expect(await statuses.get(id)).toBeNull();
  });

  it('of an earlier epoch, or of a deleted VM, is not written', async () => {
    const { id } = await vms.create(spec('a1'));
    expect(await statuses.save(status(id, { epoch: 2, host: 'beta' }))).toBe(true);
    expect(await statuses.save(status(id, { epoch: 1, state: 'ERROR' }))).toBe(false);
    expect(await statuses.get(id)).toMatchObject({ epoch: 2, state: 'RUNNING' });
    await vms.remove(id);
    expect(await statuses.get(id)).toBeNull();
    expect(await statuses.save(status(id, { epoch: 3 }))).toBe(false);
  });
});

describe('snapshots', () => {
  it('are named once per VM, outlive it, and are listed by age', async () => {
    const snapshots = new SnapshotRepository(source);
    const { id: vmId } = await vms.create(spec('a1'));
    const row = (name: string) => ({
      ...{ id: randomUUID(), name, vmId, vmName: 'a1', host: 'alpha', memoryMiB: 64, image: 'debian' },
      ...{ nics: [], bytes: 5_000_000_000, digest: 'a'.repeat(64) },
      ...{ pages: 9_000, newPages: 40, pauseMs: 17.5, parent: null },
    });
    for (const name of ['one', 'two', 'three']) await snapshots.insert(row(name));
    expect(await code(snapshots.insert(row('one')))).toBe('SNAPSHOT_EXISTS');
    await vms.remove(vmId);
    const listed = await snapshots.list({ limit: 10, vm: 'a1' });
    expect(listed.map(({ name }) => name)).toEqual(['one', 'two', 'three']);
    expect(listed[0]?.bytes).toBe(5_000_000_000);
    const [first] = listed;
    const rest = await snapshots.list({ limit: 1, vm: vmId, after: first! });
    expect(rest.map(({ name }) => name)).toEqual(['two']);
    expect(await snapshots.latest(vmId)).toMatchObject({ name: 'three' });
    expect(await snapshots.find(vmId, 'two')).toEqual(await snapshots.find(vmId, listed[1]!.id));
    expect(await snapshots.find(randomUUID(), listed[1]!.id)).toBeNull();
    expect(await snapshots.usingImage('debian')).toEqual(['a1/one', 'a1/two', 'a1/three']);
  });
});

describe('operations', () => {
  it('hold a resource one at a time, until they end, once', async () => {
    const operations = new OperationRepository(source);
    const begin = (verb: string) =>
      operations.insert({ id: randomUUID(), verb, target: 'vms/a1', actor: 'admin' });
    const [first, second] = await Promise.all([begin('start'), begin('stop')]);
    expect(await operations.lock(first.id, 'vms/1')).toBe(first.id);
    expect(await operations.lock(first.id, 'vms/1')).toBe(first.id);
    expect(await operations.lock(second.id, 'vms/1')).toBe(first.id);
    expect((await operations.unfinished()).map(({ id }) => id).sort()).toEqual([first.id, second.id].sort());
    expect(await operations.end(first.id, { response: { a: 1 } })).toMatchObject({
      done: true,
      response: { a: 1 },
    });
    expect(await operations.end(first.id, { response: {} })).toBeNull();
    expect(await operations.lock(second.id, 'vms/1')).toBe(second.id);
    await operations.progress(first.id, 'too late');
    expect(await operations.get(first.id)).toMatchObject({ progress: '', response: { a: 1 } });
    expect(await operations.removeEndedBefore(new Date(Date.now() + 60_000))).toBe(1);
    expect(await operations.get(first.id)).toBeNull();
    expect(await operations.get(second.id)).not.toBeNull();
  });
});

describe('requests', () => {
  it('are claimed once, kept with their result, and freed without', async () => {
    const requests = new RequestRepository(source);
    const ids = [randomUUID(), randomUUID()] as const;
    const claims = await Promise.all(Array.from({ length: 5 }, () => requests.claim(ids[0], 'f')));
    expect(claims.filter(claim => claim === null)).toHaveLength(1);
    await requests.succeed(ids[0], 201, { name: 'a1' });
    expect(await requests.claim(ids[1], 'g')).toBeNull();
    await requests.releaseUnfinished();
    expect(await requests.claim(ids[0], 'f')).toMatchObject({ status: 201, response: { name: 'a1' } });
    expect(await requests.claim(ids[1], 'g')).toBeNull();
  });
});
