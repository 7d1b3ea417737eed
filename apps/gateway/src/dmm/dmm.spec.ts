import { randomUUID } from 'node:crypto';
import { Client } from '@v3vee/client';
import {
  defaultDmmPolicy,
  type DeviceAccount,
  type DeviceInventory,
  type DmmContext,
  type DmmDevice,
  type DmmViolation,
  type HookRule,
  type List,
  type Vm,
} from '@v3vee/contracts';
import { DmmContextRepository, DmmViolationRepository } from '@v3vee/store';
import { ScriptedDmm } from '../testing/scripted-dmm.fixture';
import type { ScriptedHost } from '../testing/scripted-host.fixture';
import { TestGateway } from '../testing/test-gateway.fixture';

const durations = { count: 3, minMs: 0.1, p50Ms: 0.2, p99Ms: 0.9, maxMs: 1 };
const account: DeviceAccount = {
  registers: [{ register: 'ISR', direction: 'read', open: 60, shadow: 1, exit: 1 }],
  exits: durations,
  switches: durations,
  forced: 1,
  interrupts: 40,
  frames: { received: 5, transmitted: 6, held: 1, dropped: 0, spoofed: 0 },
  denied: 0,
};
const hook: HookRule = {
  ...{ direction: 'write', offset: 0x37, length: 1, class: 'exit' },
  ...{ register: 'CR', why: 'a reset forgets all windows' },
};

describe('physical devices', () => {
  let gateway: TestGateway;
  let alpha: ScriptedHost;
  let beta: ScriptedHost;
  let dmm: ScriptedDmm;
  let client: Client;
  let a1: Vm;
  let a2: Vm;
  beforeAll(async () => {
    gateway = await TestGateway.start();
    dmm = new ScriptedDmm(gateway.bus, gateway.dataSource).start();
    [alpha, beta] = (await gateway.withHosts('alpha', 'beta')) as [ScriptedHost, ScriptedHost];
    const eth0 = { name: 'eth0', model: 'rtl8139', network: 'lan' };
    await gateway.operate('post', '/v1/cluster:apply', {
      hosts: { alpha: { nics: [{ name: 'eth1', model: 'ne2000' }, eth0] }, beta: { nics: [eth0] } },
      networks: { lan: null },
    });
    const nics = [{ network: 'lan', device: 'eth0' }];
    a1 = await gateway.ok<Vm>('post', '/v1/vms', { name: 'a1', host: 'alpha', nics });
    a2 = await gateway.ok<Vm>('post', '/v1/vms', { name: 'a2', host: 'alpha', nics });
    client = new Client({ url: `http://127.0.0.1:${gateway.port}`, token: gateway.token });
  });
  afterAll(async () => {
    client?.close();
    await gateway?.stop();
  });
  beforeEach(() => {
    const guest = ({ id: vmId, epoch }: Vm) => ({ vmId, epoch });
    const inventory: DeviceInventory = {
      ...{ nic: 'eth0', model: 'rtl8139', holder: guest(a1), use: null, account },
      waiting: [{ ...guest(a2), why: 'frame', waitedMs: 12.5 }],
      guests: [
        { ...guest(a1), access: 'vpio', heldMs: 300 },
        { vmId: stranger, epoch: 1, access: 'emulated', heldMs: 0 },
      ],
    };
    alpha.devices = [inventory];
    beta.devices = [{ ...inventory, holder: null, waiting: [], guests: [] }];
    dmm.hooks = { 'alpha/eth0': [hook] };
  });
  const stranger = randomUUID();

  const list = async () => (await gateway.ok<List<DmmDevice>>('get', '/v1/dmm/devices')).items;
  const show = (name: string) => gateway.ok<DmmDevice>('get', `/v1/dmm/devices/${encodeURIComponent(name)}`);

  it('are put together from their host, the DMM and the store', async () => {
    const device = await show('alpha/eth0');
    expect(device).toEqual({
      ...{ name: 'alpha/eth0', host: 'alpha', nic: 'eth0', model: 'rtl8139', network: 'lan' },
      ...{ state: 'READY', reason: 'its host and the dmm service answer', holder: 'a1' },
      waiting: [{ vm: 'a2', why: 'frame', waitedMs: 12.5 }],
      guests: [
        { vm: 'a1', access: 'vpio', heldMs: 300 },
        // Whoever it is, nothing is left out.
        { vm: stranger, access: 'emulated', heldMs: 0 },
      ],
      ...{ policy: defaultDmmPolicy, hooks: [hook], account, contexts: 0, violations: 0 },
    });
    // The typed client takes it, and encodes the slash.
    expect(await client.call('getDevice', { device: 'alpha/eth0' })).toEqual(device);
    expect(await client.list('listDevices', { pageSize: 1 })).toEqual(await list());
  });

  it('are all that hosts are declared to have, page by page', async () => {
    expect((await list()).map(({ name, state, reason }) => [name, state, reason])).toEqual([
      ['alpha/eth0', 'READY', expect.any(String)],
      ['alpha/eth1', 'NOT_READY', 'the palacios of alpha has no such card'],
      ['beta/eth0', 'READY', expect.any(String)],
    ]);
    const first = await gateway.ok<List<DmmDevice>>('get', '/v1/dmm/devices?pageSize=2');
    expect(first.items).toHaveLength(2);
    const next = `/v1/dmm/devices?pageSize=2&pageToken=${first.nextPageToken}`;
    const second = await gateway.ok<List<DmmDevice>>('get', next);
    expect([second.items.map(({ name }) => name), second.nextPageToken]).toEqual([['beta/eth0'], '']);
    expect((await gateway.call('get', '/v1/dmm/devices?pageToken=x')).body.code).toBe('PAGE_TOKEN_INVALID');
  });

  it.each(['alpha/eth7', 'gamma/eth0', 'nonsense', 'alpha/eth0/more'])(
    'of the name %s there is none',
    async name => {
      for (const [method, path] of [
        ['get', ''],
        ['patch', '/policy'],
      ] as const) {
        const response = await gateway.call(method, `/v1/dmm/devices/${encodeURIComponent(name)}${path}`, {});
        expect(response.body).toMatchObject({
          ...{ status: 404, code: 'DEVICE_NOT_FOUND' },
          detail: `there is no physical device "${name}"; devices are: alpha/eth0, alpha/eth1, beta/eth0`,
        });
      }
    },
  );

  it('are NOT_READY with the reason while who knows does not answer', async () => {
    dmm.stop();
    expect(await show('alpha/eth0')).toMatchObject({
      ...{ state: 'NOT_READY', reason: 'the dmm service does not answer', hooks: [] },
      ...{ holder: 'a1', account: { forced: 1 } },
    });
    dmm.start();
    beta.stop();
    await gateway.until(async () => (await gateway.hostState('beta')) !== 'READY');
    const [device, , away] = await list();
    expect(device).toMatchObject({ state: 'READY' });
    expect(away).toMatchObject({
      ...{ name: 'beta/eth0', state: 'NOT_READY', account: null, holder: null, guests: [] },
      reason: expect.stringContaining('the palacios of beta is silent since'),
    });
    beta.start();
    await gateway.until(async () => (await gateway.hostState('beta')) === 'READY');
  });

  it('are shared as their policy says, which is in force when it is answered', async () => {
    const patch = (body: object) => client.call('updateDevicePolicy', { device: 'alpha/eth0' }, { body });
    expect((await patch({ sliceMs: 50 })).policy).toEqual({ ...defaultDmmPolicy, sliceMs: 50 });
    expect((await patch({ onViolation: 'stop', onFrame: false })).policy).toEqual({
      ...{ sliceMs: 50, reusableMs: 250, onFrame: false, onViolation: 'stop' },
    });
    expect(dmm.policies.get('alpha/eth0')).toEqual((await show('alpha/eth0')).policy);
    expect((await show('beta/eth0')).policy).toEqual(defaultDmmPolicy);
    await expect(patch({ sliceMs: 0 })).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    await expect(patch({ color: 'red' })).rejects.toThrow('unknown key "color"');
    // It stands while the DMM is away.
    dmm.stop();
    expect((await patch({ sliceMs: 20 })).policy.sliceMs).toBe(20);
    dmm.start();
    expect(dmm.policies.get('alpha/eth0')?.sliceMs).toBe(50);
  });

  it('have contexts and violations, counted, filtered and in pages', async () => {
    const contexts = new DmmContextRepository(gateway.dataSource);
    for (const [device, vm] of [
      ['alpha/eth0', a1],
      ['alpha/eth0', a2],
      ['beta/eth0', a1],
    ] as const) {
      const row = { device, vmId: vm.id, epoch: 1, forced: false, state: { page: 1 } };
      await contexts.save({ ...row, context: Buffer.from('1234'), savedAt: new Date(0) });
    }
    const violations = new DmmViolationRepository(gateway.dataSource);
    const denied = {
      register: 'TSAD0',
      direction: 'read',
      address: 2 ** 33,
      length: 1792,
      action: 'deny',
    } as const;
    for (const [n, device] of ['alpha/eth0', 'alpha/eth0', 'beta/eth0'].entries()) {
      await violations.insert([
        { id: randomUUID(), device, vmId: a1.id, ...denied, at: new Date(n * 1_000) },
      ]);
    }
    expect(await show('alpha/eth0')).toMatchObject({ contexts: 2, violations: 2 });

    const kept = await client.list('listContexts', { pageSize: 1 });
    expect(kept.map(({ device, vm }) => [device, vm])).toEqual([
      ['alpha/eth0', 'a1'],
      ['alpha/eth0', 'a2'],
      ['beta/eth0', 'a1'],
    ]);
    const a1Context: DmmContext = {
      ...{
        device: 'alpha/eth0',
        vm: 'a1',
        vmId: a1.id,
        epoch: 1,
        bytes: 4,
        forced: false,
        model: { page: 1 },
      },
      savedAt: '1970-01-01T00:00:00.000Z',
    };
    expect(kept[0]).toEqual(a1Context);
    expect(await client.list('listContexts', { device: 'beta/eth0' })).toMatchObject([
      { device: 'beta/eth0' },
    ]);

    const seen = await client.list('listViolations', { pageSize: 1 });
    expect(seen.map(({ at }) => Date.parse(at))).toEqual([2_000, 1_000, 0]);
    const latest: Omit<DmmViolation, 'id'> = {
      ...{ device: 'beta/eth0', vm: 'a1', vmId: a1.id, ...denied },
      at: '1970-01-01T00:00:02.000Z',
    };
    expect(seen[0]).toMatchObject(latest);
    expect(await client.list('listViolations', { device: 'alpha/eth0' })).toEqual(seen.slice(1));
    expect(await client.list('listViolations', { device: 'none' })).toEqual([]);
    // A token is good for its own listing only.
    const { nextPageToken } = await client.call('listViolations', {}, { query: { pageSize: 1 } });
    await expect(
      client.call('listContexts', {}, { query: { pageToken: nextPageToken } }),
    ).rejects.toMatchObject({ code: 'PAGE_TOKEN_INVALID' });
  });
});
