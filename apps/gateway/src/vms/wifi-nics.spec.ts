import type { List, MigrationCheck, Operation, Problem, Vm } from '@v3vee/contracts';
import type { ScriptedHost } from '../testing/scripted-host.fixture';
import { TestGateway } from '../testing/test-gateway.fixture';

const secret = 'correct horse';

describe('Wi-Fi NICs of VMs', () => {
  let gateway: TestGateway;
  let alpha: ScriptedHost;
  let beta: ScriptedHost;
  beforeAll(async () => {
    gateway = await TestGateway.start();
    [alpha, beta] = (await gateway.withHosts('alpha', 'beta', 'gamma')) as [ScriptedHost, ScriptedHost];
    const { error } = await gateway.operate('post', '/v1/cluster:apply', {
      hosts: {
        alpha: { radios: [{ name: 'radio0' }, { name: 'radio1' }] },
        beta: { radios: [{ name: 'radio0' }] },
        gamma: null,
      },
      networks: { lan: { subnet: '10.0.0.0/24' } },
    });
    expect(error).toBeNull();
  });
  afterAll(() => gateway?.stop());
  afterEach(() => gateway.dataSource.query('DELETE FROM vm'));

  const home = { radio: 'radio0', ssid: 'Zuhause', passphrase: secret, ip: 'dhcp' };
  const body = (name: string, wifi: object[], more: object = {}) => ({
    ...{ name, host: 'alpha', image: 'debian-wifi', wifi },
    ...more,
  });
  const create = (name: string, wifi: object[], more: object = {}) =>
    gateway.ok<Vm>('post', '/v1/vms', body(name, wifi, more));
  const refused = async (method: 'post' | 'patch', path: string, request: object) =>
    (await gateway.call(method, path, request)).body as Problem;
  const stored = (name: string) =>
    gateway.dataSource.query(
      `SELECT nic.* FROM wifi_nic AS nic JOIN vm ON vm.id = vm_id WHERE vm.name = $1 ORDER BY index`,
      [name],
    ) as Promise<{ passphrase: string | null; mac: string }[]>;

  it('are shown with all but their passphrases', async () => {
    const mac = '02:00:00:00:00:AA';
    const wifi = [home, { radio: 'radio1', ssid: 'cafe', mac, ip: '10.0.0.9/24' }, { radio: 'radio1' }];
    const vm = await create('a1', wifi, { nics: [{ network: 'lan' }] });
    expect(vm.wifi).toEqual([
      {
        ...{ name: 'wlan0', radio: 'radio0', ssid: 'Zuhause', security: 'wpa2-psk', ip: 'dhcp', ips: [] },
        mac: expect.stringMatching(/^02(:[0-9a-f]{2}){5}$/),
      },
      {
        ...{ name: 'wlan1', radio: 'radio1', ssid: 'cafe', security: 'open', mac: mac.toLowerCase() },
        ...{ ip: '10.0.0.9/24', ips: ['10.0.0.9/24'] },
      },
      {
        ...{ name: 'wlan2', radio: 'radio1', ssid: null, security: null, ip: null, ips: [] },
        mac: expect.any(String),
      },
    ]);
    expect(vm.nics).toMatchObject([{ name: 'eth0', network: 'lan' }]);
    expect(await stored('a1')).toMatchObject([{ passphrase: secret }, {}, {}]);
    for (const path of ['vms', 'vms/a1', 'operations', 'stations'])
      expect((await gateway.call('get', `/v1/${path}`)).text).not.toContain('horse');
    expect(JSON.stringify(await gateway.dataSource.query('SELECT * FROM request'))).not.toContain('horse');
  });

  it('have the addresses that the guest reports behind those of its wired NICs', async () => {
    const { id } = await create('a1', [home], { nics: [{ network: 'lan' }] });
    await alpha.put(id, 'RUNNING', { ips: [['10.0.0.2/24'], ['10.0.0.77/24']] });
    expect(await gateway.ok<Vm>('get', '/v1/vms/a1')).toMatchObject({
      nics: [{ ips: ['10.0.0.2/24'] }],
      wifi: [{ ips: ['10.0.0.77/24'] }],
    });
  });

  it.each([
    [
      [{ radio: 'radio7' }],
      'DEVICE_MISMATCH',
      'wifi[0].radio',
      'host alpha has no radio "radio7"; its radios are: radio0, radio1',
    ],
    [[home, { ...home, passphrase: 'short' }], 'INVALID_REQUEST', 'wifi[1].passphrase', '8 to 63'],
    [
      [{ radio: 'radio0', passphrase: secret }],
      'INVALID_REQUEST',
      'wifi[0].passphrase',
      'say which with "ssid"',
    ],
    [[{ ...home, ssid: 'x'.repeat(33) }], 'INVALID_REQUEST', 'wifi[0].ssid', 'an SSID has 1 to 32 bytes'],
    [[{ ...home, ip: '10.0.0.9' }], 'INVALID_REQUEST', 'wifi[0].ip', 'dhcp, or an address with its prefix'],
    [[{ ...home, mac: '0a:56:33:00:00:01' }], 'INVALID_REQUEST', 'wifi[0].mac', 'range of network services'],
    [[{ ...home, network: 'lan' }], 'INVALID_REQUEST', 'wifi[0].network', 'unknown key "network"'],
    [[home, home, home, home, home], 'INVALID_REQUEST', 'wifi', 'at most 4 Wi-Fi NICs'],
  ])('%j are refused: %s at %s', async (wifi, code, path, words) => {
    const answer = await refused('post', '/v1/vms', body('x', wifi));
    expect(answer).toMatchObject({ code, errors: [{ path, message: expect.stringContaining(words) }] });
    expect(JSON.stringify(answer)).not.toContain('horse');
    await create('a1', [home]);
    expect(await refused('patch', '/v1/vms/a1', { wifi })).toMatchObject({ code, errors: [{ path }] });
    expect((await gateway.ok<List<Vm>>('get', '/v1/vms')).items).toMatchObject([{ wifi: [{}] }]);
  });

  it('need an image that has the drivers', async () => {
    const noDrivers = {
      code: 'INVALID_REQUEST',
      errors: [
        {
          path: 'image',
          message: 'the image debian has no drivers for Wi-Fi NICs; images that have them are: debian-wifi',
        },
      ],
    };
    expect(await refused('post', '/v1/vms', body('x', [home], { image: 'debian' }))).toMatchObject(noDrivers);
    await create('a1', [home]);
    expect(await refused('patch', '/v1/vms/a1', { image: 'debian' })).toMatchObject(noDrivers);
    await create('a2', [], { image: 'debian' });
    expect(await refused('patch', '/v1/vms/a2', { wifi: [home] })).toMatchObject(noDrivers);
    await gateway.ok('patch', '/v1/vms/a2', { wifi: [home], image: 'debian-wifi' });
    await gateway.ok('patch', '/v1/vms/a2', { wifi: [], image: 'debian' });
  });

  it('have a vMAC that no other NIC has', async () => {
    const mac = '02:00:00:00:00:aa';
    await create('a1', [], { nics: [{ network: 'lan', mac }] });
    expect(await refused('post', '/v1/vms', body('a2', [{ ...home, mac }]))).toMatchObject({
      ...{ status: 409, code: 'MAC_IN_USE' },
      detail: `MAC ${mac} would be of a1/net0 and a2/wlan0; each NIC needs its own`,
    });
  });

  it('change only while the VM does not run, and keep their vMAC on their radio', async () => {
    const { id, wifi } = await create('a1', [home]);
    await alpha.put(id, 'RUNNING');
    // As they are already.
    await gateway.ok('patch', '/v1/vms/a1', { wifi: [home] });
    for (const change of [
      { passphrase: 'another one' },
      { ssid: 'x' },
      { ip: undefined },
      { radio: 'radio1' },
    ]) {
      expect(await refused('patch', '/v1/vms/a1', { wifi: [{ ...home, ...change }] })).toMatchObject({
        code: 'VM_CHANGE_NEEDS_STOP',
        detail: expect.stringContaining('a change of wifi'),
      });
    }
    await alpha.put(id, 'STOPPED');
    const changed = await gateway.ok<Vm>('patch', '/v1/vms/a1', {
      wifi: [{ radio: 'radio0', ssid: 'cafe' }],
    });
    expect(changed.wifi).toMatchObject([{ ssid: 'cafe', security: 'open', mac: wifi[0]?.mac }]);
    const moved = await gateway.ok<Vm>('patch', '/v1/vms/a1', { wifi: [{ radio: 'radio1' }, home] });
    expect(moved.wifi[0]?.mac).not.toBe(wifi[0]?.mac);
    expect((await gateway.ok<Vm>('patch', '/v1/vms/a1', { memoryMiB: 96 })).wifi).toEqual(moved.wifi);
    expect((await gateway.ok<Vm>('patch', '/v1/vms/a1', { wifi: [] })).wifi).toEqual([]);
  });

  it('do not go to a host without their radio; nothing is given up for it', async () => {
    const { id } = await create('a1', [{ radio: 'radio1' }]);
    await alpha.put(id, 'STOPPED');
    alpha.calls.length = 0;
    expect(await refused('patch', '/v1/vms/a1', { host: 'beta' })).toMatchObject({
      ...{ status: 409, code: 'DEVICE_MISMATCH' },
      detail:
        'a1/wlan0: host beta has no radio "radio1"; its radios are: radio0; give the VM other Wi-Fi NICs with the move',
    });
    expect(alpha.verbs()).toEqual([]);
    const moved = await gateway.ok<Vm>('patch', '/v1/vms/a1', { host: 'beta', wifi: [home] });
    expect(moved).toMatchObject({ host: 'beta', wifi: [{ radio: 'radio0' }] });
    expect(alpha.verbs()).toEqual(['forget']);
  });

  it('are named by the planner when a host has no such radio, before anything starts', async () => {
    const { id } = await create('a1', [home, { radio: 'radio1' }]);
    await alpha.put(id, 'RUNNING');
    const check = async (host: string) =>
      (await gateway.ok<MigrationCheck>('post', '/v1/vms/a1:checkMigration', { host })).blockers;
    expect(await check('beta')).toEqual([
      {
        code: 'DEVICE_MISMATCH',
        detail: 'a1/wlan1: host beta has no radio "radio1"; its radios are: radio0',
      },
    ]);
    expect((await check('gamma')).map(({ detail }) => detail)).toEqual([
      'a1/wlan0: host gamma has no radio "radio0"; its radios are: none',
      'a1/wlan1: host gamma has no radio "radio1"; its radios are: none',
    ]);
    expect(await refused('post', '/v1/vms/a1:migrate', { host: 'beta' })).toMatchObject({
      ...{ status: 409, code: 'DEVICE_MISMATCH' },
    });
    await alpha.put(id, 'STOPPED');
    await gateway.ok('patch', '/v1/vms/a1', { wifi: [home] });
    await alpha.put(id, 'RUNNING');
    expect(await check('beta')).toEqual([]);
  });

  it('come to a clone with vMACs of its own, and without the addresses', async () => {
    const { id, wifi } = await create('a1', [home, { radio: 'radio0', ssid: 'cafe', ip: '10.0.0.9/24' }]);
    await alpha.put(id, 'RUNNING');
    const clone = (name: string, host: string) =>
      gateway.operate('post', '/v1/vms/a1:clone', { name, host }) as Promise<Operation & { response: Vm }>;
    const { error, response } = await clone('b1', 'beta');
    expect(error).toBeNull();
    expect(response.wifi).toMatchObject([
      { name: 'wlan0', radio: 'radio0', ssid: 'Zuhause', security: 'wpa2-psk', ip: 'dhcp' },
      { name: 'wlan1', radio: 'radio0', ssid: 'cafe', security: 'open', ip: null },
    ]);
    expect((await stored('b1'))[0]?.passphrase).toBe(secret);
    const macs = [...wifi, ...response.wifi].map(nic => nic.mac);
    expect(new Set(macs).size).toBe(4);
    expect(beta.verbs()).toContain('restore');
    expect((await clone('c1', 'gamma')).error).toMatchObject({ code: 'DEVICE_MISMATCH' });
    expect((await gateway.call('get', '/v1/vms/c1')).status).toBe(404);
  });
});
