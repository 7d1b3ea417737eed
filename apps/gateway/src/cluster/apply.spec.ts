import { V3Error, type ApplyResult, type List, type Operation, type Vm } from '@v3vee/contracts';
import { ScriptedHost } from '../testing/scripted-host.fixture';
import { TestGateway } from '../testing/test-gateway.fixture';

describe('cluster:apply', () => {
  let gateway: TestGateway;
  let alpha: ScriptedHost;
  let beta: ScriptedHost;
  beforeAll(async () => {
    gateway = await TestGateway.start();
  });
  afterAll(() => gateway?.stop());
  // Each test begins with two hosts and nothing on them.
  beforeEach(async () => {
    [alpha, beta] = (await gateway.withHosts('alpha', 'beta')) as [ScriptedHost, ScriptedHost];
  });
  afterEach(() => {
    alpha.stop();
    beta.stop();
  });

  const nic = (last: number) => ({ network: 'lan', mac: `02:00:00:00:00:0${last}`, ip: `10.0.0.${last}/24` });
  const cluster = (vms: object, more: object = {}) => ({
    hosts: { alpha: null, beta: null },
    networks: { lan: { subnet: '10.0.0.0/24' } },
    vms,
    ...more,
  });
  const two = {
    a1: { host: 'alpha', nics: [nic(1)] },
    b1: { host: 'beta', nics: [nic(2)] },
  };
  const apply = (body: object) => gateway.operate('post', '/v1/cluster:apply', body);
  const changes = async (body: object) => {
    const { error, response } = await apply(body);
    expect(error).toBeNull();
    return (response as ApplyResult).changes.map(({ action, resource }) => `${action} ${resource}`);
  };
  const vm = (name: string) => gateway.ok<Vm>('get', `/v1/vms/${name}`);

  it('creates and starts what is declared; a second time there is nothing to do', async () => {
    expect((await changes(cluster(two))).sort()).toEqual([
      'create networks/lan',
      'create vms/a1',
      'create vms/b1',
      'start vms/a1',
      'start vms/b1',
    ]);
    expect(await vm('a1')).toMatchObject({ state: 'RUNNING', host: 'alpha' });
    expect(await vm('b1')).toMatchObject({
      state: 'RUNNING',
      host: 'beta',
      nics: [{ ips: ['10.0.0.2/24'] }],
    });
    expect(await changes(cluster(two))).toEqual([]);
  });

  it('stops a running VM to change it, and starts it again', async () => {
    await apply(cluster(two));
    alpha.calls.length = 0;
    const body = cluster({ ...two, a1: { ...two.a1, memory: '128MiB' } });
    expect(await changes(body)).toEqual(['stop vms/a1', 'update vms/a1', 'start vms/a1']);
    expect(alpha.verbs()).toEqual(['stop', 'start']);
    expect(await vm('a1')).toMatchObject({ memoryMiB: 128, state: 'RUNNING' });
    expect(await changes(body)).toEqual([]);
  });

  it('lets VMs swap their addresses', async () => {
    await apply(cluster(two));
    const swapped = { a1: { ...two.a1, nics: [nic(2)] }, b1: { ...two.b1, nics: [nic(1)] } };
    await changes(cluster(swapped));
    expect((await vm('a1')).nics).toMatchObject([{ mac: '02:00:00:00:00:02', ips: ['10.0.0.2/24'] }]);
    expect((await vm('b1')).nics).toMatchObject([{ mac: '02:00:00:00:00:01', ips: ['10.0.0.1/24'] }]);
  });

  it('removes what is no longer declared, VMs before their networks and hosts', async () => {
    await apply(cluster(two));
    const rest = { hosts: { alpha: null } };
    expect(await changes(rest)).toEqual([
      'stop vms/a1',
      'delete vms/a1',
      'stop vms/b1',
      'delete vms/b1',
      'delete networks/lan',
      'delete hosts/beta',
    ]);
    expect(beta.verbs().slice(-2)).toEqual(['stop', 'forget']);
    expect((await gateway.ok<List<Vm>>('get', '/v1/vms')).items).toEqual([]);
    expect(await changes(rest)).toEqual([]);
  });

  it('gives the address of a removed VM to a new one', async () => {
    await apply(cluster(two));
    await changes(cluster({ a1: two.a1, b2: two.b1 }));
    expect((await vm('b2')).nics).toMatchObject([{ mac: '02:00:00:00:00:02' }]);
  });

  it('moves a running VM to another host as it runs, and back when it was moved by hand', async () => {
    await apply(cluster(two));
    const before = await vm('a1');
    alpha.calls.length = 0;
    const body = cluster({ ...two, a1: { ...two.a1, host: 'beta', autostart: false } });
    const { response, error } = await apply(body);
    expect(error).toBeNull();
    expect((response as ApplyResult).changes).toEqual([
      { action: 'move', resource: 'vms/a1', detail: 'from alpha to beta' },
      { action: 'update', resource: 'vms/a1', detail: 'autostart true → false' },
    ]);
    expect(await vm('a1')).toMatchObject({
      ...{ host: 'beta', epoch: 2, state: 'RUNNING', startedAt: before.startedAt, autostart: false },
    });
    expect(alpha.verbs()).toEqual([]);
    expect(await changes(body)).toEqual([]);
    await gateway.operate('post', '/v1/vms/a1:migrate', { host: 'alpha' });
    await gateway.operate('post', '/v1/vms/a1:pause');
    expect(await changes(body)).toEqual(['move vms/a1']);
    expect(await vm('a1')).toMatchObject({ host: 'beta', epoch: 4, state: 'PAUSED' });
  });

  it('moves a VM to another host by a stop when more than the host differs, or when it does not run', async () => {
    await apply(cluster(two));
    await changes(cluster({ ...two, a1: { ...two.a1, host: 'beta', memory: 128 } }));
    expect(await vm('a1')).toMatchObject({ host: 'beta', epoch: 2, state: 'RUNNING', memoryMiB: 128 });
    expect(alpha.verbs().slice(-2)).toEqual(['stop', 'forget']);
    await gateway.operate('post', '/v1/vms/a1:stop');
    expect(await changes(cluster({ ...two, a1: { ...two.a1, memory: 128 } }))).toEqual([
      ...['update vms/a1', 'start vms/a1'],
    ]);
  });

  it('leaves a VM running where it is when it cannot move, and says why', async () => {
    await apply(cluster(two));
    beta.migrations.incomplete = new V3Error('STATE_CORRUPT', 'a page is damaged');
    const body = cluster({ ...two, a1: { ...two.a1, host: 'beta' } });
    expect((await apply(body)).error).toMatchObject({
      code: 'MIGRATION_FAILED',
      detail: 'a1 did not move to beta: a page is damaged',
    });
    expect(await vm('a1')).toMatchObject({ host: 'alpha', state: 'RUNNING' });
    beta.migrations.incomplete = undefined;
    expect(await changes(body)).toEqual(['move vms/a1']);
  });

  it('leaves alone what was made by hand', async () => {
    await apply(cluster(two));
    await gateway.ok('post', '/v1/vms', { name: 'mine', host: 'alpha', nics: [{ network: 'lan' }] });
    expect(await changes(cluster(two))).toEqual([]);
    expect(await vm('mine')).toMatchObject({ state: 'STOPPED' });
    const response = await gateway.call('post', '/v1/cluster:apply', { hosts: { beta: null } });
    expect(response.body).toMatchObject({ status: 409, code: 'HOST_IN_USE' });
    expect(await vm('a1')).toMatchObject({ state: 'RUNNING' });
    await gateway.operate('delete', '/v1/vms/mine');
  });

  it('removes the VMs of a host that is gone for good', async () => {
    await apply(cluster(two));
    beta.stop();
    await gateway.until(async () => (await gateway.hostState('beta')) === 'NOT_READY');
    expect(await changes({ ...cluster({ a1: two.a1 }), hosts: { alpha: null } })).toEqual([
      'delete vms/b1',
      'delete hosts/beta',
    ]);
  });

  it('waits for a host that comes up, and says which one does not', async () => {
    const gamma = new ScriptedHost(gateway.bus, gateway.dataSource, 'gamma');
    const body = (memory: number) => ({
      ...cluster({ ...two, g1: { host: 'gamma', memory } }),
      hosts: { alpha: null, beta: null, gamma: null },
    });
    const { error } = await apply(body(64));
    expect(error).toMatchObject({
      code: 'HOST_NOT_READY',
      detail: expect.stringMatching(
        /^g1 was not started: host gamma is not ready: the kitten of gamma was not heard yet/,
      ),
    });
    // The others were started all the same, and a second try does what is left.
    expect(await vm('a1')).toMatchObject({ state: 'RUNNING' });
    const { id } = await gateway.ok<Operation>('post', '/v1/cluster:apply', body(64));
    await gateway.until(async () => {
      const { progress } = await gateway.ok<Operation>('get', `/v1/operations/${id}`);
      return progress === 'starting g1';
    });
    gamma.start();
    expect((await gateway.ended(id)).response).toMatchObject({ changes: [{ resource: 'vms/g1' }] });
    await changes(cluster({}));
    gamma.stop();
  });

  it('tells of each VM that did not start, and keeps the rest', async () => {
    alpha.failing('start', new V3Error('HOST_MEMORY_EXHAUSTED', 'no hole of 64 MiB'));
    const { error } = await apply(cluster(two));
    expect(error).toMatchObject({
      code: 'HOST_MEMORY_EXHAUSTED',
      detail: 'a1 was not started: no hole of 64 MiB',
    });
    expect(await vm('b1')).toMatchObject({ state: 'RUNNING' });
    alpha.failing('start', undefined);
    expect(await changes(cluster(two))).toEqual(['start vms/a1']);
  });

  it('one at a time, and not beside an operation on a VM it concerns', async () => {
    await apply(cluster(two));
    const held = alpha.hold('pause');
    const pausing = await gateway.ok<Operation>('post', '/v1/vms/a1:pause');
    await held.arrived;
    const body = cluster({ ...two, a1: { ...two.a1, memory: 128 } });
    expect((await apply(body)).error).toMatchObject({
      code: 'VM_BUSY',
      detail: expect.stringContaining(`a1 is busy with operation ${pausing.id} (pause)`),
    });
    held.release();
    await gateway.ended(pausing.id);

    const start = alpha.hold('start');
    const first = await gateway.ok<Operation>('post', '/v1/cluster:apply', body);
    await start.arrived;
    expect((await gateway.call('post', '/v1/cluster:apply', body)).body).toMatchObject({
      status: 409,
      code: 'CLUSTER_BUSY',
      detail: expect.stringContaining(`the cluster is busy with operation ${first.id} (apply)`),
    });
    start.release();
    expect(await gateway.ended(first.id)).toMatchObject({ error: null });
  });
});
