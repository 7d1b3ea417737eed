import type { List, Network, Operation, Vm } from '@v3vee/contracts';
import type { ScriptedHost } from '../testing/scripted-host.fixture';
import { TestGateway } from '../testing/test-gateway.fixture';

describe('definitions of VMs', () => {
  let gateway: TestGateway;
  let alpha: ScriptedHost;
  beforeAll(async () => {
    gateway = await TestGateway.start();
    [alpha] = (await gateway.withHosts('alpha', 'beta')) as [ScriptedHost, ScriptedHost];
    await gateway.ok('post', '/v1/networks', { name: 'lan', subnet: '10.10.0.0/24' });
  });
  afterAll(() => gateway?.stop());

  const create = (name: string, more: object = {}) =>
    gateway.ok<Vm>('post', '/v1/vms', { name, host: 'alpha', ...more });
  const refused = async (method: 'post' | 'patch' | 'delete', path: string, body?: object) => {
    const response = await gateway.call(method, path, body);
    return { status: response.status, code: response.body.code, detail: response.body.detail as string };
  };

  it('a new VM is STOPPED, has MACs of its own and is found by id and name', async () => {
    const vm = await create('full', { nics: [{ network: 'lan', ip: '10.10.0.11/24' }, { network: 'lan' }] });
    expect(vm).toMatchObject({
      name: 'full',
      host: 'alpha',
      epoch: 1,
      state: 'STOPPED',
      reason: 'not started yet',
      image: 'debian',
      memoryMiB: 64,
      autostart: false,
      boot: 'template',
      agent: false,
      startedAt: null,
      nics: [
        { name: 'eth0', model: 'virtio-net', network: 'lan', ips: ['10.10.0.11/24'] },
        { name: 'eth1', model: 'virtio-net', network: 'lan', ips: [] },
      ],
    });
    const macs = vm.nics.map(({ mac }) => mac);
    for (const mac of macs) expect(mac).toMatch(/^02(:[0-9a-f]{2}){5}$/);
    expect(new Set(macs).size).toBe(2);
    expect(await gateway.ok('get', `/v1/vms/${vm.id}`)).toEqual(vm);
    expect(await gateway.ok('get', '/v1/vms/full')).toEqual(vm);
    expect(await gateway.ok<Network>('get', '/v1/networks/lan')).toMatchObject({ nics: 2 });
  });

  it('names, MACs and addresses are unique', async () => {
    await create('first', { nics: [{ network: 'lan', mac: '02:00:00:00:00:01', ip: '10.10.0.1/24' }] });
    expect(await refused('post', '/v1/vms', { name: 'first', host: 'beta' })).toEqual({
      status: 409,
      code: 'VM_EXISTS',
      detail: 'a virtual machine named "first" exists; choose another name',
    });
    const nics = (nic: object) => ({ name: 'second', host: 'beta', nics: [{ network: 'lan', ...nic }] });
    expect(await refused('post', '/v1/vms', nics({ mac: '02:00:00:00:00:01' }))).toMatchObject({
      code: 'MAC_IN_USE',
      detail: expect.stringContaining('02:00:00:00:00:01'),
    });
    expect(await refused('post', '/v1/vms', nics({ ip: '10.10.0.1/16' }))).toMatchObject({
      code: 'IP_IN_USE',
      detail: expect.stringContaining('10.10.0.1 '),
    });
    // Nothing of the refused ones is left.
    expect(await refused('delete', '/v1/vms/second')).toMatchObject({ code: 'VM_NOT_FOUND' });
  });

  it('of two creations at once of one name, one succeeds', async () => {
    const both = await Promise.all(
      ['alpha', 'beta'].map(host => gateway.call('post', '/v1/vms', { name: 'twin', host })),
    );
    expect(both.map(({ status }) => status).sort()).toEqual([201, 409]);
  });

  it('a stopped VM can be changed; NICs that stay keep their MAC', async () => {
    const { nics } = await create('plastic', { nics: [{ network: 'lan' }] });
    const changed = await gateway.ok<Vm>('patch', '/v1/vms/plastic', {
      memoryMiB: '128MiB',
      autostart: true,
      nics: [{ network: 'lan', ip: '10.10.0.50/24' }, { network: 'lan' }],
    });
    expect(changed).toMatchObject({ memoryMiB: 128, autostart: true });
    expect(changed.nics[0]).toMatchObject({ mac: nics[0]?.mac, ips: ['10.10.0.50/24'] });
    expect(changed.nics).toHaveLength(2);
  });

  it('what a running machine is made of does not change under it', async () => {
    const { id } = await create('busybee', { nics: [{ network: 'lan' }] });
    await alpha.put(id, 'RUNNING');
    expect(await refused('patch', '/v1/vms/busybee', { memoryMiB: 128, nics: [] })).toEqual({
      status: 409,
      code: 'VM_CHANGE_NEEDS_STOP',
      detail:
        'busybee is RUNNING; a change of memoryMiB, nics needs it to be STOPPED or ERROR: stop it first',
    });
    expect(await refused('patch', '/v1/vms/busybee', { host: 'beta' })).toMatchObject({
      code: 'VM_CHANGE_NEEDS_STOP',
    });
    // What it is already, and what does not concern the machine, may be said at any time.
    const vm = await gateway.ok<Vm>('patch', '/v1/vms/busybee', { memoryMiB: 64, autostart: true });
    expect(vm).toMatchObject({ autostart: true, state: 'RUNNING' });
  });

  it('what becomes of a VM whose host is lost can be changed while it runs', async () => {
    const { id } = await create('safe', { failover: 'checkpoint' });
    await alpha.put(id, 'RUNNING');
    const policy = ({ failover, checkpointEvery }: Vm) => [failover, checkpointEvery];
    const patched = async (patch: object) => policy(await gateway.ok<Vm>('patch', '/v1/vms/safe', patch));
    expect(policy(await gateway.ok<Vm>('get', '/v1/vms/safe'))).toEqual(['checkpoint', 30]);
    expect(await patched({ checkpointEvery: '2m' })).toEqual(['checkpoint', 120]);
    expect(await patched({ autostart: true })).toEqual(['checkpoint', 120]);
    expect(await patched({ failover: 'restart' })).toEqual(['restart', null]);
    expect(await refused('patch', '/v1/vms/safe', { checkpointEvery: 30 })).toMatchObject({
      code: 'INVALID_REQUEST',
      detail: 'checkpointEvery: checkpoints are made for "failover: checkpoint" only, not for "restart"',
    });
    expect(await refused('post', '/v1/vms', { name: 'x', host: 'alpha', checkpointEvery: 30 })).toMatchObject(
      {
        code: 'INVALID_REQUEST',
      },
    );
  });

  it('a VM that moves has a new owner under a new epoch, and the old one forgets it', async () => {
    const { id } = await create('mover');
    await alpha.put(id, 'STOPPED');
    expect(await gateway.ok('patch', '/v1/vms/mover', { host: 'beta' })).toMatchObject({
      host: 'beta',
      epoch: 2,
      state: 'STOPPED',
    });
    expect(alpha.calls).toContainEqual({ verb: 'forget', request: { vmId: id } });
  });

  it('shows the addresses the guest reports, and the configured one until it does', async () => {
    const { id } = await create('talker', { nics: [{ network: 'lan', ip: '10.10.0.77/24' }] });
    await alpha.put(id, 'RUNNING', { ips: [] });
    const ips = async () => (await gateway.ok<Vm>('get', '/v1/vms/talker')).nics.map(nic => nic.ips);
    expect(await ips()).toEqual([['10.10.0.77/24']]);
    await alpha.put(id, 'RUNNING', { ips: [['10.10.0.78', 'fe80::1']] });
    expect(await ips()).toEqual([['10.10.0.78', 'fe80::1']]);
    await alpha.put(id, 'STOPPED', { ips: [['10.10.0.78']] });
    expect(await ips()).toEqual([['10.10.0.77/24']]);
  });

  it('a network with NICs stays, one without goes', async () => {
    await gateway.ok('post', '/v1/networks', { name: 'brief' });
    expect(await refused('post', '/v1/networks', { name: 'brief' })).toMatchObject({
      status: 409,
      code: 'NETWORK_EXISTS',
    });
    expect(await refused('delete', '/v1/networks/lan')).toEqual({
      status: 409,
      code: 'NETWORK_IN_USE',
      detail: 'network lan still has NICs; remove them from their VMs first',
    });
    await gateway.ok('delete', '/v1/networks/brief');
    expect(await refused('delete', '/v1/networks/brief')).toMatchObject({ code: 'NETWORK_NOT_FOUND' });
  });

  it('lists page by page, each item once, by host if asked', async () => {
    for (let n = 0; n < 5; n++) await create(`page-${n}`, { host: n < 3 ? 'alpha' : 'beta' });
    const seen: string[] = [];
    let token = '';
    do {
      const query = `pageSize=2${token && `&pageToken=${token}`}`;
      const page = await gateway.ok<List<Vm>>('get', `/v1/vms?${query}`);
      expect(page.items.length).toBeLessThanOrEqual(2);
      seen.push(...page.items.map(({ name }) => name));
      token = page.nextPageToken;
    } while (token);
    const all = (await gateway.ok<List<Vm>>('get', '/v1/vms')).items.map(({ name }) => name);
    expect(seen).toEqual(all);
    expect(all).toEqual([...all].sort());
    const beta = await gateway.ok<List<Vm>>('get', '/v1/vms?host=beta&pageSize=1');
    expect(new Set(beta.items.map(({ host }) => host))).toEqual(new Set(['beta']));
    // A token is good for its own listing only.
    const response = await gateway.call('get', `/v1/vms?pageToken=${beta.nextPageToken}`);
    expect(response.body).toMatchObject({ status: 400, code: 'PAGE_TOKEN_INVALID' });
  });

  it('operations are listed newest first, also in pages', async () => {
    for (let n = 0; n < 3; n++) await gateway.ok('patch', '/v1/vms/plastic', { autostart: n % 2 === 0 });
    const { items } = await gateway.ok<List<Operation>>('get', '/v1/operations');
    const ages = items.map(({ createdAt }) => createdAt);
    expect(ages).toEqual([...ages].sort().reverse());
    const first = await gateway.ok<List<Operation>>('get', '/v1/operations?pageSize=1');
    const second = await gateway.ok<List<Operation>>(
      'get',
      `/v1/operations?pageSize=1&pageToken=${first.nextPageToken}`,
    );
    expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(
      items.slice(0, 2).map(({ id }) => id),
    );
  });
});
