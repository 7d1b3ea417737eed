import type { AccessPoint, ApplyResult, List, Vm } from '@v3vee/contracts';
import type { ScriptedHost } from '../testing/scripted-host.fixture';
import { ScriptedWifi } from '../testing/scripted-wifi.fixture';
import { TestGateway } from '../testing/test-gateway.fixture';

const secret = 'correct horse';

describe('the Wi-Fi of a cluster file', () => {
  let gateway: TestGateway;
  let alpha: ScriptedHost;
  let wifi: ScriptedWifi;
  beforeAll(async () => {
    gateway = await TestGateway.start();
    wifi = await new ScriptedWifi(gateway.bus, gateway.dataSource).start();
    [alpha] = (await gateway.withHosts('alpha', 'beta')) as [ScriptedHost];
  });
  afterAll(() => gateway?.stop());
  // Each test begins with the hosts alone.
  beforeEach(async () => {
    for (const table of ['vm', 'access_point', 'network'])
      await gateway.dataSource.query(`DELETE FROM ${table}`);
    await apply({ hosts: { alpha: null, beta: null } });
    alpha.calls.length = 0;
  });

  const run = (body: object) => gateway.operate('post', '/v1/cluster:apply', body);
  const apply = async (body: object) => {
    const { error, response } = await run(body);
    expect(error).toBeNull();
    return (response as ApplyResult).changes;
  };
  const changes = async (body: object) =>
    (await apply(body)).map(({ action, resource }) => `${action} ${resource}`);
  const refused = async (body: object) =>
    (await gateway.call('post', '/v1/cluster:apply', body)).body as { code: string; detail: string };
  const radio0 = { name: 'radio0' };
  const home = { ssid: 'Zuhause', passphrase: secret, channel: 6, network: 'lan' };
  const cluster = (radios: object[], vms: object = {}, more: object = {}) => ({
    ...{ hosts: { alpha: { radios }, beta: { radios } }, networks: { lan: null }, vms },
    ...more,
  });
  const vm = (...nics: object[]) => ({ host: 'alpha', image: 'debian-wifi', wifi: nics });

  it('is made; a second time there is nothing to do', async () => {
    const body = cluster(
      [radio0],
      { a1: vm({ radio: 'radio0', ssid: 'Zuhause', passphrase: secret, ip: 'dhcp' }) },
      { accessPoints: { home, open: { ssid: 'cafe', channel: 36, network: 'lan', txPower: 5 } } },
    );
    expect(await changes(body)).toEqual([
      ...['update hosts/alpha', 'update hosts/beta', 'create networks/lan', 'create vms/a1'],
      ...['create access-points/home', 'create access-points/open', 'start vms/a1'],
    ]);
    expect(wifi.radios).toMatchObject([{ id: 'alpha/radio0' }, { id: 'beta/radio0' }]);
    expect(wifi.accessPoints).toMatchObject([
      { name: 'home', passphrase: secret, txPower: 20 },
      { name: 'open', passphrase: null, txPower: 5 },
    ]);
    expect(await changes(body)).toEqual([]);
    const kept = JSON.stringify([
      await gateway.dataSource.query('SELECT * FROM operation'),
      await gateway.dataSource.query('SELECT * FROM request'),
    ]);
    expect(kept).not.toContain('horse');
  });

  it('is in the wifi service before a VM starts', async () => {
    const held = alpha.hold('start');
    const body = cluster([radio0], { a1: vm({ radio: 'radio0' }) }, { accessPoints: { home } });
    const { id } = await gateway.ok<{ id: string }>('post', '/v1/cluster:apply', body);
    await held.arrived;
    expect(wifi.accessPoints).toMatchObject([{ name: 'home' }]);
    held.release();
    expect((await gateway.ended(id)).error).toBeNull();
  });

  it('changes access points in what differs, without a word of their passphrases', async () => {
    await apply(cluster([], {}, { accessPoints: { home } }));
    const to = async (change: object) =>
      (await apply(cluster([], {}, { accessPoints: { home: { ...home, ...change } } })))
        .map(({ resource, detail }) => `${resource}: ${detail}`)
        .join();
    expect(await to({ channel: 11, ssid: 'x' })).toBe('access-points/home: ssid Zuhause → x, channel 6 → 11');
    expect(await to({ passphrase: `${secret}!` })).toBe(
      'access-points/home: ssid x → Zuhause, channel 11 → 6, another passphrase',
    );
    expect(wifi.accessPoints).toMatchObject([{ passphrase: `${secret}!` }]);
    expect(await to({ passphrase: undefined })).toBe('access-points/home: security wpa2-psk → open');
    expect(await to({ passphrase: undefined })).toBe('');
  });

  it('leaves what it does not say: where radios and access points were moved to', async () => {
    const body = cluster([radio0], {}, { accessPoints: { home } });
    await apply(body);
    const move = (id: string, position: number[]) =>
      gateway.ok('post', '/v1/wifi/links:setPosition', { id, position });
    await move('alpha/radio0', [1, 2]);
    await move('ap/home', [3, 4]);
    await gateway.ok('patch', '/v1/access-points/home', { hidden: true });
    expect(await changes(body)).toEqual([]);
    expect([wifi.radios[0]?.position, wifi.accessPoints[0]]).toMatchObject([
      [1, 2],
      { position: [3, 4], hidden: true },
    ]);
    const said = cluster(
      [{ ...radio0, position: [9, 9], channels: 2 }],
      {},
      {
        accessPoints: { home: { ...home, position: [8, 8], hidden: false } },
      },
    );
    expect(await changes(said)).toEqual([
      'update hosts/alpha',
      'update hosts/beta',
      'update access-points/home',
    ]);
    expect([wifi.radios[0], wifi.accessPoints[0]]).toMatchObject([
      { position: [9, 9], channels: 2 },
      { position: [8, 8], hidden: false },
    ]);
  });

  it('adopts an access point made by hand, and removes only its own', async () => {
    await apply(cluster([]));
    await gateway.ok('post', '/v1/access-points', { name: 'home', ...home });
    await gateway.ok('post', '/v1/access-points', { name: 'mine', ...home });
    const [change] = await apply(cluster([], {}, { accessPoints: { home } }));
    expect(change).toMatchObject({ action: 'update', detail: 'now managed by the cluster file' });
    expect(await changes(cluster([]))).toEqual(['delete access-points/home']);
    const { items } = await gateway.ok<List<AccessPoint>>('get', '/v1/access-points');
    expect(items.map(({ name }) => name)).toEqual(['mine']);
    expect(wifi.accessPoints.map(({ name }) => name)).toEqual(['mine']);
    // It holds its network.
    const without = { hosts: { alpha: null, beta: null } };
    expect(await refused(without)).toMatchObject({
      code: 'NETWORK_IN_USE',
      detail: expect.stringContaining('access point mine, made by hand, bridges into it'),
    });
    await gateway.ok('delete', '/v1/access-points/mine');
    expect(await changes(without)).toEqual(['delete networks/lan']);
  });

  it('takes radios away and brings others under the VMs that use them', async () => {
    await apply(cluster([radio0], { a1: vm({ radio: 'radio0', ssid: 'Zuhause' }) }));
    const { wifi: before } = await gateway.ok<Vm>('get', '/v1/vms/a1');
    const other = cluster([{ name: 'radio1' }], { a1: vm({ radio: 'radio1', ssid: 'Zuhause' }) });
    expect(await changes(other)).toEqual([
      ...['update hosts/alpha', 'update hosts/beta', 'stop vms/a1', 'update vms/a1', 'start vms/a1'],
    ]);
    expect(wifi.radios.map(({ id }) => id)).toEqual(['alpha/radio1', 'beta/radio1']);
    const { wifi: after } = await gateway.ok<Vm>('get', '/v1/vms/a1');
    expect([after[0]?.radio, after[0]?.mac === before[0]?.mac]).toEqual(['radio1', false]);
    const secretly = cluster([{ name: 'radio1' }], {
      a1: vm({ radio: 'radio1', ssid: 'Zuhause', passphrase: secret }),
    });
    const detail = (await apply(secretly)).find(({ action }) => action === 'update')?.detail;
    expect(detail).toBe('Wi-Fi NICs');
    expect(await changes(secretly)).toEqual([]);
  });

  it('does not take the radio of a VM made by hand', async () => {
    await apply(cluster([radio0]));
    const mine = { name: 'mine', host: 'alpha', image: 'debian-wifi', wifi: [{ radio: 'radio0' }] };
    await gateway.ok('post', '/v1/vms', mine);
    expect(await refused(cluster([]))).toMatchObject({
      code: 'DEVICE_IN_USE',
      detail: expect.stringContaining('radio alpha/radio0 is not declared any more, but mine/wlan0'),
    });
    expect(wifi.radios).toHaveLength(2);
  });

  it('needs images that have the drivers', async () => {
    const body = cluster([radio0], { a1: { host: 'alpha', wifi: [{ radio: 'radio0' }] } });
    expect(await refused(body)).toMatchObject({
      code: 'CLUSTER_FILE_INVALID',
      errors: [
        {
          path: 'vms.a1.image',
          message: 'the image debian has no drivers for Wi-Fi NICs; images that have them are: debian-wifi',
        },
      ],
    });
  });

  it('is applied while the wifi service is away', async () => {
    await wifi.stop();
    expect(await changes(cluster([radio0], {}, { accessPoints: { home } }))).toContain(
      'create access-points/home',
    );
    await wifi.start();
  });
});
