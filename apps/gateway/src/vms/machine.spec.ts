import type { Vm } from '@v3vee/contracts';
import type { ScriptedHost } from '../testing/scripted-host.fixture';
import { TestGateway } from '../testing/test-gateway.fixture';

describe('what is seen and changed of a machine', () => {
  let gateway: TestGateway;
  let alpha: ScriptedHost;
  let vm: Vm;
  beforeAll(async () => {
    gateway = await TestGateway.start();
    [alpha] = (await gateway.withHosts('alpha')) as [ScriptedHost];
    vm = await gateway.ok<Vm>('post', '/v1/vms', {
      ...{ name: 'v', host: 'alpha', yield: { strategy: 'adaptive' } },
      devices: [{ class: 'mailbox', id: 'box', options: { port: 768 } }],
    });
  });
  afterAll(() => gateway?.stop());
  const path = (rest: string) => `/v1/vms/v${rest}`;
  const lastRequest = () => alpha.calls.at(-1)?.request;

  it('is of a definition that is kept, with defaults, and changed only while the VM is stopped', async () => {
    expect(vm.yield).toEqual({ strategy: 'adaptive', thresholdUs: 100, sleepMs: 10, scheduleHz: 100 });
    expect(vm.devices).toEqual([{ class: 'mailbox', id: 'box', options: { port: 768 } }]);
    await gateway.operate('post', path(':start'));
    const change = { devices: [] };
    expect((await gateway.call('patch', path(''), change)).body).toMatchObject({
      code: 'VM_CHANGE_NEEDS_STOP',
      detail: expect.stringContaining('devices'),
    });
    const same = { devices: [{ id: 'box', options: { port: 768 }, class: 'mailbox' }] };
    expect(await gateway.ok('patch', path(''), same)).toMatchObject({ devices: vm.devices });
  });

  it('is told by the VM’s Palacios', async () => {
    expect(await gateway.ok('get', path('/exits'))).toEqual({
      ...{ vm: vm.id, host: 'alpha', exits: { halt: { count: 7 } }, ports: [], hypercalls: [] },
      yields: { quanta: 0, polls: 0, sleeps: 0, longestSleepMs: 0 },
    });
    expect(await gateway.ok('get', path('/memory/map'))).toMatchObject({ memoryBytes: 64 << 20 });
    expect(await gateway.ok('get', path('/memory?address=0x100000&length=3'))).toEqual({
      address: 0x100000,
      data: Buffer.from('***').toString('base64'),
    });
    expect(await gateway.ok('put', path('/memory'), { address: '0x10', data: 'AQI=' })).toEqual({});
    expect(lastRequest()).toEqual({ vmId: vm.id, address: 16, data: 'AQI=' });
    expect(await gateway.ok('get', path('/memory/hash'))).toMatchObject({ sha256: 'f'.repeat(64) });
    expect(await gateway.ok('get', path('/memory/search?pattern=7f454c46'))).toEqual({
      addresses: [4096],
      more: false,
    });
    expect(lastRequest()).toEqual({ vmId: vm.id, address: 0, pattern: '7f454c46', limit: 100 });
    expect(await gateway.ok('post', path(':balloon'), { memoryMiB: 48 })).toMatchObject({ hostMiB: 48 });
  });

  it.each([
    ['get', '/memory?address=0x1000000000&length=1', 'address'],
    ['get', '/memory?address=here&length=1', 'address'],
    ['get', '/memory?address=0&length=0', 'length'],
    ['get', `/memory?address=0&length=${(256 << 10) + 1}`, 'length'],
    ['get', '/memory/search?pattern=7', 'pattern'],
    ['get', `/memory/search?pattern=${'ab'.repeat(257)}`, 'pattern'],
  ] as const)('refuses %s %s', async (method, rest, field) => {
    const before = alpha.calls.length;
    const { status, body } = await gateway.call(method, path(rest));
    expect([status, (body as { code: string }).code]).toEqual([400, 'INVALID_REQUEST']);
    expect(JSON.stringify(body)).toContain(field);
    expect(alpha.calls).toHaveLength(before);
  });

  it('refuses two devices of one name, and a balloon for a VM that does not run', async () => {
    const box = { class: 'mailbox', id: 'box' };
    const { body } = await gateway.call('post', '/v1/vms', { name: 'w', host: 'alpha', devices: [box, box] });
    expect(body).toMatchObject({ code: 'INVALID_REQUEST', detail: expect.stringContaining('two devices') });
    await gateway.operate('post', path(':pause'));
    expect((await gateway.call('post', path(':balloon'), { memoryMiB: 48 })).body).toMatchObject({
      code: 'VM_WRONG_STATE',
    });
  });
});
