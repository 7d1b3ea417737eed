import type { Host, List, Problem, Vm, VnetInterface } from '@v3vee/contracts';
import type { ScriptedHost } from '../testing/scripted-host.fixture';
import { TestGateway } from '../testing/test-gateway.fixture';

describe('NICs of VMs on physical cards', () => {
  let gateway: TestGateway;
  let alpha: ScriptedHost;
  const cards = {
    alpha: [
      { name: 'eth0', model: 'rtl8139', network: 'lan' },
      { name: 'eth1', model: 'ne2000', network: 'lan', mac: '02:00:00:00:00:fe' },
      { name: 'eth2', model: 'rtl8139c+' },
    ],
    beta: [{ name: 'eth0', model: 'rtl8139', network: 'lan' }],
  };
  beforeAll(async () => {
    gateway = await TestGateway.start();
    [alpha] = (await gateway.withHosts('alpha', 'beta')) as [ScriptedHost];
    const { error } = await gateway.operate('post', '/v1/cluster:apply', {
      hosts: { alpha: { nics: cards.alpha }, beta: { nics: cards.beta } },
      networks: { lan: { subnet: '10.0.0.0/24' }, wan: {} },
    });
    expect(error).toBeNull();
  });
  afterAll(() => gateway?.stop());
  afterEach(() => gateway.dataSource.query('DELETE FROM vm'));

  const virtio = { network: 'lan' };
  const on = (device: string, more: object = {}) => ({ network: 'lan', device, ...more });
  const create = (name: string, nics: object[], host = 'alpha') =>
    gateway.ok<Vm>('post', '/v1/vms', { name, host, nics });
  const refused = async (method: 'post' | 'patch' | 'delete', path: string, body?: object) =>
    (await gateway.call(method, path, body)).body as Problem;

  it('say which card they are, what it is and how it is used', async () => {
    const vm = await create('a1', [virtio, on('eth0'), on('eth1', { access: 'emulated' })]);
    expect(vm.nics).toMatchObject([
      { name: 'eth0', model: 'virtio-net', device: null, access: null },
      { name: 'eth1', model: 'rtl8139', device: 'eth0', access: 'vpio' },
      { name: 'eth2', model: 'ne2000', device: 'eth1', access: 'emulated' },
    ]);
    expect(await gateway.ok('get', '/v1/vms/a1')).toEqual(vm);
    // The overlay makes no difference between them.
    const { items } = await gateway.ok<List<VnetInterface>>('get', '/v1/vnet/interfaces');
    expect(items.map(({ name, mac }) => [name, mac])).toEqual(
      vm.nics.map(({ mac }, index) => [`net${index}`, mac]),
    );
    expect((await gateway.ok<Host>('get', '/v1/hosts/alpha')).nics).toEqual(cards.alpha);
  });

  it.each([
    [[on('eth9')], 'DEVICE_MISMATCH', 'nics[0].device', 'host alpha has no physical NIC "eth9"'],
    [[virtio, on('eth2')], 'DEVICE_MISMATCH', 'nics[1].device', 'alpha/eth2 has no cable'],
    [
      [{ network: 'wan', device: 'eth0' }],
      'INVALID_REQUEST',
      'nics[0].device',
      'the cable of alpha/eth0 leads to network lan, not to wan',
    ],
    [[on('eth0'), on('eth0')], 'INVALID_REQUEST', 'nics[1].device', "eth0 is net0's already"],
    [[on('eth0'), virtio], 'INVALID_REQUEST', 'nics[1]', 'the guest names them in that order'],
    [[{ network: 'lan', access: 'vpio' }], 'INVALID_REQUEST', 'nics[0].access', 'name the NIC with "device"'],
    [[on('eth0', { access: 'own' })], 'INVALID_REQUEST', 'nics[0].access', 'vpio, passthrough, emulated'],
    [
      [on('eth0', { settings: { mode: 'adaptive' } })],
      'INVALID_REQUEST',
      'nics[0].settings.mode',
      'mode is a setting of virtio NICs',
    ],
  ])('%j are refused: %s at %s', async (nics, code, path, words) => {
    expect(await refused('post', '/v1/vms', { name: 'x', host: 'alpha', nics })).toMatchObject({
      code,
      detail: expect.stringContaining(`${path}: `),
      errors: [{ path, message: expect.stringContaining(words) }],
    });
    await create('a1', [virtio]);
    expect(await refused('patch', '/v1/vms/a1', { nics })).toMatchObject({ code, errors: [{ path }] });
    expect((await gateway.ok<List<Vm>>('get', '/v1/vms')).items).toMatchObject([
      { nics: [{ device: null }] },
    ]);
  });

  it('have all that is wrong listed', async () => {
    const nics = [
      on('eth0', { access: 'passthrough', settings: { optimisticInterrupts: true } }),
      virtio,
      on('eth9'),
    ];
    expect((await refused('post', '/v1/vms', { name: 'x', host: 'alpha', nics })).errors).toMatchObject([
      { path: 'nics[0].settings.optimisticInterrupts' },
      { path: 'nics[1]' },
    ]);
  });

  it('that are passed through are one VM’s alone', async () => {
    await create('a1', [on('eth0', { access: 'passthrough' })]);
    const body = { name: 'a2', host: 'alpha', nics: [on('eth0')] };
    expect(await refused('post', '/v1/vms', body)).toMatchObject({
      status: 409,
      code: 'DEVICE_IN_USE',
      detail: expect.stringContaining('a1/net0 has it by passthrough, for itself alone'),
    });
    await gateway.ok('patch', '/v1/vms/a1', { nics: [on('eth0')] });
    await gateway.ok('post', '/v1/vms', body);
    const clone = { nics: [on('eth0', { access: 'passthrough' })] };
    expect(await refused('patch', '/v1/vms/a2', clone)).toMatchObject({ code: 'DEVICE_IN_USE' });
  });

  it('change only while the VM does not run, and keep their MAC', async () => {
    const { id, nics } = await create('a1', [{ ...virtio, settings: { mode: 'adaptive', linkUp: false } }]);
    await alpha.put(id, 'RUNNING');
    const changed = { nics: [on('eth0')] };
    expect(await refused('patch', '/v1/vms/a1', changed)).toMatchObject({
      code: 'VM_CHANGE_NEEDS_STOP',
      detail: expect.stringContaining('a change of nics'),
    });
    await alpha.put(id, 'STOPPED');
    const vm = await gateway.ok<Vm>('patch', '/v1/vms/a1', changed);
    // What only a virtio NIC has is gone, the rest stays.
    expect(vm.nics).toMatchObject([
      { model: 'rtl8139', mac: nics[0]?.mac, settings: { mode: 'guest-driven', linkUp: false } },
    ]);
    await alpha.put(id, 'RUNNING');
    // As they are already, in full or by default.
    await gateway.ok('patch', '/v1/vms/a1', changed);
    await gateway.ok('patch', '/v1/vms/a1', { nics: [on('eth0', { access: 'vpio' })] });
    expect(
      await refused('patch', '/v1/vms/a1', { nics: [on('eth0', { access: 'emulated' })] }),
    ).toMatchObject({ code: 'VM_CHANGE_NEEDS_STOP' });
  });

  it('are not moved to a host without such a card; nothing is given up for it', async () => {
    const { id } = await create('a1', [on('eth1')]);
    await alpha.put(id, 'STOPPED');
    alpha.calls.length = 0;
    expect(await refused('patch', '/v1/vms/a1', { host: 'beta' })).toMatchObject({
      status: 409,
      code: 'DEVICE_MISMATCH',
      detail:
        'host beta has no ne2000 named eth1 on network lan, which a1/net0 uses; its physical NICs are: ' +
        'eth0 (rtl8139 on lan); give the VM other NICs with the move',
    });
    expect(await refused('patch', '/v1/vms/a1', { host: 'beta', nics: [on('eth1')] })).toMatchObject({
      code: 'DEVICE_MISMATCH',
    });
    expect(await refused('patch', '/v1/vms/a1', { host: 'gamma' })).toMatchObject({ code: 'HOST_NOT_FOUND' });
    expect(alpha.verbs()).toEqual([]);
    const moved = await gateway.ok<Vm>('patch', '/v1/vms/a1', { host: 'beta', nics: [on('eth0')] });
    expect(moved).toMatchObject({ host: 'beta', nics: [{ device: 'eth0', model: 'rtl8139' }] });
    expect(alpha.verbs()).toEqual(['forget']);
    expect(await gateway.ok('patch', '/v1/vms/a1', { host: 'alpha' })).toMatchObject({ host: 'alpha' });
  });

  it('take the settings that all NICs have, and not those of virtio', async () => {
    await create('a1', [virtio, on('eth0')]);
    expect(await refused('patch', '/v1/vms/a1/nics/net1', { optimisticInterrupts: true })).toMatchObject({
      code: 'INVALID_REQUEST',
      errors: [
        { path: 'optimisticInterrupts', message: expect.stringContaining('a setting of virtio NICs') },
      ],
    });
    const settings = { mode: 'guest-driven', linkUp: false, impairment: { delayMs: 5 } };
    expect(await gateway.ok('patch', '/v1/vms/a1/nics/net1', settings)).toMatchObject({
      settings: { linkUp: false, impairment: { delayMs: 5 } },
    });
    await gateway.ok('patch', '/v1/vms/a1/nics/net0', { mode: 'adaptive' });
  });

  it('go to clones, unless the card is had alone', async () => {
    await create('a1', [virtio, on('eth1', { access: 'emulated' })]);
    await create('a2', [on('eth0', { access: 'passthrough' })]);
    for (const name of ['a1', 'a2']) await gateway.operate('post', `/v1/vms/${name}:start`);
    const { error, response } = await gateway.operate('post', '/v1/vms/a1:clone', { name: 'c1' });
    expect(error).toBeNull();
    expect((response as Vm).nics).toMatchObject([{ device: null }, { device: 'eth1', access: 'emulated' }]);
    const second = await gateway.operate('post', '/v1/vms/a2:clone', { name: 'c2' });
    expect(second.error).toMatchObject({ code: 'DEVICE_IN_USE' });
    const elsewhere = await gateway.operate('post', '/v1/vms/a1:clone', { name: 'c3', host: 'beta' });
    expect(elsewhere.error).toMatchObject({ code: 'DEVICE_MISMATCH' });
  });

  it('keep the network of their cable', async () => {
    expect(await refused('delete', '/v1/networks/lan')).toMatchObject({
      code: 'NETWORK_IN_USE',
      detail: expect.stringContaining(
        'the cables of physical NICs lead to network lan: alpha/eth0, alpha/eth1, beta/eth0',
      ),
    });
  });
});
