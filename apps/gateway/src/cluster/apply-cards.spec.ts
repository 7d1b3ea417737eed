import type { ApplyResult, Host, Vm } from '@v3vee/contracts';
import type { ScriptedHost } from '../testing/scripted-host.fixture';
import { TestGateway } from '../testing/test-gateway.fixture';

describe('the physical NICs of a cluster file', () => {
  let gateway: TestGateway;
  let alpha: ScriptedHost;
  beforeAll(async () => {
    gateway = await TestGateway.start();
    [alpha] = (await gateway.withHosts('alpha', 'beta')) as [ScriptedHost];
  });
  afterAll(() => gateway?.stop());
  // Each test begins with the hosts alone.
  beforeEach(async () => {
    for (const table of ['vm', 'network']) await gateway.dataSource.query(`DELETE FROM ${table}`);
    await changes({ hosts: { alpha: null, beta: null } });
    alpha.calls.length = 0;
  });

  const eth0 = { name: 'eth0', model: 'rtl8139', network: 'lan' };
  const eth1 = { name: 'eth1', model: 'ne2000', network: 'lan' };
  const cluster = (cards: object[], vms: object, more: object = {}) => ({
    hosts: { alpha: { nics: cards }, beta: { nics: [eth0] } },
    networks: { lan: null, wan: null },
    vms,
    ...more,
  });
  const changes = async (body: object) => {
    const { error, response } = await gateway.operate('post', '/v1/cluster:apply', body);
    expect(error).toBeNull();
    return (response as ApplyResult).changes.map(({ action, resource }) => `${action} ${resource}`);
  };
  const on = (device: string, more: object = {}) => ({ network: 'lan', device, ...more });
  const vm = (...nics: object[]) => ({ host: 'alpha', nics });
  const cards = async () => (await gateway.ok<Host>('get', '/v1/hosts/alpha')).nics.map(({ name }) => name);
  const devices = async (name: string) =>
    (await gateway.ok<Vm>('get', `/v1/vms/${name}`)).nics.map(nic => nic.device);

  it('are made with the VMs that use them; a second time there is nothing to do', async () => {
    const body = cluster([eth0, eth1], {
      a1: vm({ network: 'lan' }, on('eth0')),
      a2: vm(
        on('eth0', { access: 'emulated' }),
        on('eth1', { access: 'passthrough', settings: { linkUp: true } }),
      ),
    });
    expect(await changes(body)).toEqual(
      expect.arrayContaining(['update hosts/alpha', 'create vms/a1', 'create vms/a2', 'start vms/a1']),
    );
    expect(await devices('a2')).toEqual(['eth0', 'eth1']);
    expect(await changes(body)).toEqual([]);
  });

  it('go, come and change under the VMs that use them', async () => {
    await changes(cluster([eth0], { a1: vm(on('eth0', { access: 'passthrough' })) }));
    const other = cluster([eth1], { a1: vm(on('eth1', { access: 'passthrough' })) });
    expect(await changes(other)).toEqual([
      'update hosts/alpha',
      'stop vms/a1',
      'update vms/a1',
      'start vms/a1',
    ]);
    expect([await cards(), await devices('a1')]).toEqual([['eth1'], ['eth1']]);
    expect(await changes(other)).toEqual([]);
    const another = cluster([{ ...eth1, model: 'rtl8139c+', network: 'wan' }], {
      a1: vm({ network: 'wan', device: 'eth1' }),
    });
    expect(await changes(another)).toEqual([
      'update hosts/alpha',
      'stop vms/a1',
      'update vms/a1',
      'start vms/a1',
    ]);
    expect((await gateway.ok<Vm>('get', '/v1/vms/a1')).nics).toMatchObject([
      { network: 'wan', model: 'rtl8139c+', access: 'vpio' },
    ]);
    expect(await changes(another)).toEqual([]);
    expect(await changes(cluster([], {}))).toEqual(['update hosts/alpha', 'stop vms/a1', 'delete vms/a1']);
    expect(await cards()).toEqual([]);
  });

  it('had alone pass from one VM to another', async () => {
    const alone = (device: string) => vm(on(device, { access: 'passthrough' }));
    await changes(cluster([eth0, eth1], { a1: alone('eth0'), a2: alone('eth1') }));
    await changes(cluster([eth0, eth1], { a1: alone('eth1'), a2: alone('eth0') }));
    expect([await devices('a1'), await devices('a2')]).toEqual([['eth1'], ['eth0']]);
  });

  it('take a VM to another host, where they are other cards', async () => {
    await changes(cluster([{ ...eth0, model: 'ne2000' }], { a1: vm(on('eth0')) }));
    const moved = cluster([], { a1: { ...vm(on('eth0')), host: 'beta' } });
    await changes(moved);
    expect(await gateway.ok<Vm>('get', '/v1/vms/a1')).toMatchObject({
      host: 'beta',
      nics: [{ device: 'eth0', model: 'rtl8139' }],
    });
    expect(await changes(moved)).toEqual([]);
  });

  it('stay while a VM made by hand uses them', async () => {
    await changes(cluster([eth0], {}));
    await gateway.ok('post', '/v1/vms', { name: 'mine', host: 'alpha', nics: [on('eth0')] });
    const { body } = await gateway.call('post', '/v1/cluster:apply', cluster([eth1], { a1: vm() }));
    expect(body).toMatchObject({
      status: 409,
      code: 'DEVICE_IN_USE',
      detail: expect.stringContaining('physical NIC alpha/eth0 is not declared any more, but mine/net0'),
    });
    expect((await gateway.call('get', '/v1/vms/a1')).status).toBe(404);
    expect(await cards()).toEqual(['eth0']);
  });

  it('are refused as a whole where they are wrong', async () => {
    const body = cluster([eth0], { a1: vm(on('eth7')) });
    expect((await gateway.call('post', '/v1/cluster:apply', body)).body).toMatchObject({
      code: 'CLUSTER_FILE_INVALID',
      errors: [{ path: 'vms.a1.nics[0].device', message: expect.stringContaining('eth0 (rtl8139 on lan)') }],
    });
  });
});
