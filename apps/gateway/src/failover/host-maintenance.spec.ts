import {
  V3Error,
  type DrainProgress,
  type DrainResult,
  type Operation,
  type Problem,
  type Vm,
} from '@v3vee/contracts';
import { HostLeaseRepository } from '@v3vee/store';
import type { ScriptedHost } from '../testing/scripted-host.fixture';
import { TestGateway } from '../testing/test-gateway.fixture';

describe('the maintenance of a host', () => {
  let gateway: TestGateway;
  let alpha: ScriptedHost;
  let beta: ScriptedHost;
  beforeAll(async () => {
    gateway = await TestGateway.start();
    const hosts = (await gateway.withHosts('alpha', 'beta')) as [ScriptedHost, ScriptedHost];
    [alpha, beta] = hosts;
    const leases = new HostLeaseRepository(gateway.dataSource);
    for (const { name: host, incarnation } of hosts) {
      await leases.take({ host, incarnation, holder: host, seconds: 3_600 });
    }
    const { error } = await gateway.operate('post', '/v1/cluster:apply', {
      hosts: { alpha: { nics: [{ name: 'eth0', model: 'rtl8139', network: 'lan' }] }, beta: null },
      networks: { lan: null },
    });
    expect(error).toBeNull();
  });
  afterAll(() => gateway?.stop());
  afterEach(async () => {
    for (const host of ['alpha', 'beta']) await gateway.ok('post', `/v1/hosts/${host}:uncordon`);
    await gateway.dataSource.query('DELETE FROM vm');
  });

  const running = async (name: string, more: object = {}) => {
    await gateway.ok<Vm>('post', '/v1/vms', { name, host: 'alpha', ...more });
    await gateway.operate('post', `/v1/vms/${name}:start`);
  };
  const show = (name: string) => gateway.ok<Vm>('get', `/v1/vms/${name}`);
  const problem = async (path: string, body: object) =>
    (await gateway.call('post', path, body)).body as Problem;

  it('a cordoned host is shown as that, and what it has runs on', async () => {
    await running('a1');
    expect(await gateway.ok('post', '/v1/hosts/alpha:cordon')).toMatchObject({
      cordoned: true,
      lease: 'HELD',
    });
    expect(await gateway.ok('get', '/v1/hosts/alpha')).toMatchObject({ cordoned: true });
    expect(await show('a1')).toMatchObject({ host: 'alpha', state: 'RUNNING' });
    // An apply, which saves hosts, leaves that alone.
    await gateway.operate('post', '/v1/cluster:apply', {
      hosts: { alpha: { cores: 4, nics: [{ name: 'eth0', model: 'rtl8139', network: 'lan' }] }, beta: null },
      networks: { lan: null },
    });
    expect(await gateway.ok('get', '/v1/hosts/alpha')).toMatchObject({ cordoned: true });
    expect(await gateway.ok('post', '/v1/hosts/alpha:uncordon')).toMatchObject({ cordoned: false });
    expect((await gateway.call('post', '/v1/hosts/nowhere:cordon')).body).toMatchObject({
      code: 'HOST_NOT_FOUND',
    });
  });

  it('a cordoned host takes no VM by a move or as a clone', async () => {
    await running('a1');
    await gateway.ok('post', '/v1/hosts/beta:cordon');
    const refusal = { code: 'HOST_CORDONED', detail: expect.stringContaining('host beta is cordoned') };
    expect(await problem('/v1/vms/a1:migrate', { host: 'beta' })).toMatchObject(refusal);
    expect(await problem('/v1/vms/a1:clone', { name: 'c1', host: 'beta' })).toMatchObject(refusal);
  });

  it('a drained host has nothing running any more but what nobody can take, and says why', async () => {
    await running('a1');
    await running('a2');
    await running('fixed', { nics: [{ network: 'lan', device: 'eth0' }] });
    await gateway.ok('post', '/v1/vms', { name: 'idle', host: 'alpha' });
    await gateway.operate('post', '/v1/vms/a2:pause');
    const { error, response, progress, metadata, target } = await gateway.operate(
      'post',
      '/v1/hosts/alpha:drain',
    );
    expect([error, target]).toEqual([null, 'hosts/alpha']);
    const reason = 'beta has as the only one room (944 MiB)';
    expect(response as DrainResult).toEqual({
      host: 'alpha',
      moved: [
        { vm: 'a1', host: 'beta', reason },
        { vm: 'a2', host: 'beta', reason },
      ],
      left: [
        {
          ...{ vm: 'fixed', code: 'MIGRATION_BLOCKED' },
          reason: expect.stringContaining('no host can take fixed; not beta: it has no free rtl8139'),
        },
      ],
    });
    expect(progress).toBe('2 of 3 moved, 1 left: fixed');
    expect(metadata as DrainProgress).toEqual({
      host: 'alpha',
      counts: { WAITING: 0, MOVING: 0, MOVED: 2, LEFT: 1 },
      vms: [
        { vm: 'a1', state: 'MOVED', host: 'beta', reason },
        { vm: 'a2', state: 'MOVED', host: 'beta', reason },
        { vm: 'fixed', state: 'LEFT', host: null, reason: expect.stringContaining('no host can take fixed') },
      ],
    });
    expect(await gateway.ok('get', '/v1/hosts/alpha')).toMatchObject({ cordoned: true });
    expect(await Promise.all(['a1', 'a2', 'fixed', 'idle'].map(show))).toMatchObject([
      { host: 'beta', state: 'RUNNING' },
      { host: 'beta', state: 'PAUSED' },
      { host: 'alpha', state: 'RUNNING' },
      { host: 'alpha', state: 'STOPPED' },
    ]);
  });

  it('a drain tells how far it is', async () => {
    for (const name of ['a1', 'a2']) await running(name);
    alpha.migrations.holds.add('COPYING');
    const { id } = await gateway.ok<Operation>('post', '/v1/hosts/alpha:drain');
    const now = () => gateway.ok<Operation>('get', `/v1/operations/${id}`);
    await gateway.until(async () => ((await now()).metadata as DrainProgress | null)?.counts.MOVING === 1);
    const { metadata, progress } = await now();
    expect((metadata as DrainProgress).vms).toMatchObject([
      { vm: 'a1', state: 'MOVING', host: 'beta' },
      { vm: 'a2', state: 'WAITING', host: null },
    ]);
    expect(progress).toMatch(/^0 of 2 moved, 1 waits: moving a1 from alpha to beta \(/);
    alpha.migrations.release();
    expect((await gateway.ended(id)).metadata).toMatchObject({ counts: { MOVED: 2 } });
  });

  it('a VM that does not arrive runs on where it is', async () => {
    await running('a1');
    beta.migrations.incomplete = new V3Error('STATE_CORRUPT', 'a page is damaged');
    const { response } = await gateway.operate('post', '/v1/hosts/alpha:drain');
    beta.migrations.incomplete = undefined;
    expect(response).toMatchObject({
      moved: [],
      left: [{ vm: 'a1', code: 'MIGRATION_FAILED', reason: 'a1 did not move to beta: a page is damaged' }],
    });
    expect(await show('a1')).toMatchObject({ host: 'alpha', state: 'RUNNING' });
  });
});
