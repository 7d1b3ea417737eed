import { V3Error, type Problem, type Vm } from '@v3vee/contracts';
import type { ScriptedHost } from '../testing/scripted-host.fixture';
import { TestGateway } from '../testing/test-gateway.fixture';

describe('the move of a VM to another host', () => {
  let gateway: TestGateway;
  let alpha: ScriptedHost;
  let beta: ScriptedHost;
  beforeAll(async () => {
    gateway = await TestGateway.start();
    [alpha, beta] = (await gateway.withHosts('alpha', 'beta', 'gamma')) as [ScriptedHost, ScriptedHost];
    const card = (name: string, model: string) => ({ name, model, network: 'lan' });
    const { error } = await gateway.operate('post', '/v1/cluster:apply', {
      hosts: {
        alpha: { nics: [card('eth0', 'rtl8139')] },
        beta: { nics: [card('eth0', 'ne2000'), card('eth7', 'rtl8139')] },
        gamma: { nics: [card('eth0', 'ne2000')] },
      },
      networks: { lan: { subnet: '10.0.0.0/24' } },
    });
    expect(error).toBeNull();
  });
  afterAll(() => gateway?.stop());
  afterEach(() => gateway.dataSource.query('DELETE FROM vm'));

  const running = async (nics: object[], host = 'alpha', name = 'a1') => {
    const vm = await gateway.ok<Vm>('post', '/v1/vms', { name, host, nics });
    await gateway.operate('post', `/v1/vms/${name}:start`);
    return vm;
  };
  const show = () => gateway.ok<Vm>('get', '/v1/vms/a1');
  const refused = async (host: string) =>
    (await gateway.call('post', '/v1/vms/a1:migrate', { host })).body as Problem;
  const card = (access = 'vpio') => ({ network: 'lan', device: 'eth0', access });

  it('takes its card’s twin there, whatever that is called, under a new epoch', async () => {
    const before = await running([{ network: 'lan', ip: '10.0.0.2/24' }, card()]);
    const operation = await gateway.operate('post', '/v1/vms/a1:migrate', { host: 'beta' });
    expect(operation).toMatchObject({ error: null, verb: 'migrate' });
    expect(await show()).toMatchObject({
      ...{ id: before.id, host: 'beta', epoch: before.epoch + 1, state: 'RUNNING' },
      nics: [
        { mac: before.nics[0]!.mac, device: null },
        { mac: before.nics[1]!.mac, device: 'eth7', access: 'vpio', model: 'rtl8139' },
      ],
    });
    expect(alpha.verbs().at(-1)).toBe('send');
    expect(beta.verbs().at(-1)).toBe('receive');
  });

  it('is refused before anything stops where it could not arrive', async () => {
    await running([card()]);
    expect(await refused('gamma')).toMatchObject({
      code: 'DEVICE_MISMATCH',
      detail: expect.stringContaining('host gamma has no rtl8139 on network lan, which a1/net0 uses'),
    });
    expect(await refused('delta')).toMatchObject({ code: 'HOST_NOT_FOUND' });
    expect(await refused('alpha')).toMatchObject({
      code: 'INVALID_REQUEST',
      detail: 'a1 is on alpha already',
    });
    await running([{ network: 'lan', device: 'eth7', access: 'passthrough' }], 'beta', 'b1');
    expect(await refused('beta')).toMatchObject({
      code: 'DEVICE_IN_USE',
      detail: expect.stringContaining('beta/eth7 is used by VM b1'),
    });
    expect(alpha.verbs().at(-1)).toBe('start');
    expect(await show()).toMatchObject({ state: 'RUNNING', host: 'alpha' });
  });

  it('is refused in the wrong state, which is named', async () => {
    await gateway.ok('post', '/v1/vms', { name: 'a1', host: 'alpha', nics: [] });
    expect(await refused('beta')).toMatchObject({
      code: 'VM_WRONG_STATE',
      detail: expect.stringContaining('migrate needs it to be RUNNING or PAUSED'),
    });
  });

  it('ends where it began when the other host cannot go on with it', async () => {
    const { epoch } = await running([card()]);
    beta.failing('receive', new V3Error('STATE_INCOMPATIBLE', 'so it is'));
    const { error } = await gateway.operate('post', '/v1/vms/a1:migrate', { host: 'beta' });
    beta.failing('receive', undefined);
    expect(error).toMatchObject({
      code: 'STATE_INCOMPATIBLE',
      detail: 'a1 did not arrive on beta and goes on on alpha: so it is',
    });
    expect(await show()).toMatchObject({
      host: 'alpha',
      epoch: epoch + 2,
      state: 'RUNNING',
      nics: [{ device: 'eth0' }],
    });
    expect(alpha.verbs().slice(-2)).toEqual(['send', 'receive']);
  });
});
