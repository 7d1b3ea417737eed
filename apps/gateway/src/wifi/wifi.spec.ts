import { Client } from '@v3vee/client';
import type {
  AccessPoint,
  AirtimeEntry,
  Bss,
  Host,
  List,
  Problem,
  RadioView,
  Station,
  StationStatus,
  Vm,
} from '@v3vee/contracts';
import { ScriptedWifi } from '../testing/scripted-wifi.fixture';
import { TestGateway } from '../testing/test-gateway.fixture';

const secret = 'correct horse';

describe('Wi-Fi', () => {
  let gateway: TestGateway;
  let wifi: ScriptedWifi;
  let client: Client;
  beforeAll(async () => {
    gateway = await TestGateway.start();
    wifi = await new ScriptedWifi(gateway.bus, gateway.dataSource).start();
    await gateway.withHosts('alpha', 'beta');
    const { error } = await gateway.operate('post', '/v1/cluster:apply', {
      hosts: {
        alpha: { radios: [{ name: 'radio0', position: [0, 0], channels: 2 }, { name: 'radio1' }] },
        beta: { radios: [{ name: 'radio0', txPower: 10 }] },
      },
      networks: { lan: { subnet: '10.10.0.0/24', dhcp: true }, dmz: null },
    });
    expect(error).toBeNull();
    client = new Client({ url: `http://127.0.0.1:${gateway.port}`, token: gateway.token });
  });
  afterAll(async () => {
    client?.close();
    await gateway?.stop();
  });
  beforeEach(async () => {
    for (const table of ['vm', 'access_point', 'wifi_snr'])
      await gateway.dataSource.query(`DELETE FROM ${table}`);
    Object.assign(wifi, { stations: [], bss: {}, links: [], events: [] });
    await wifi.stop();
    await wifi.start();
  });

  const refused = async (method: 'post' | 'patch' | 'delete' | 'get', path: string, body?: object) =>
    (await gateway.call(method, path, body)).body as Problem;
  const home = { name: 'home', ssid: 'Zuhause', passphrase: secret, channel: 6, network: 'lan' };
  const addHome = () => gateway.ok<AccessPoint>('post', '/v1/access-points', home);
  const create = (name: string, nics: object[], host = 'alpha') =>
    gateway.ok<Vm>('post', '/v1/vms', { name, host, image: 'debian-wifi', wifi: nics });
  const connected = (vm: Vm, change: Partial<StationStatus> = {}): StationStatus => ({
    ...{ vmId: vm.id, index: 0, radio: 'alpha/radio0', address: vm.wifi[0]?.mac as string },
    ...{ state: 'ASSOCIATED', power: 'SAVING', ssid: 'Zuhause', bssid: '02:00:00:00:00:99', channel: 6 },
    ...{ accessPoint: 'ap/home', signal: -48.5, transmitRate: 54, receiveRate: 48 },
    associatedAt: '2026-01-01T00:00:00.000Z',
    counters: {
      ...{ transmitFrames: 10, transmitBytes: 900, retries: 3, failed: 1, receiveFrames: 8 },
      ...{ receiveBytes: 700, dropped: { spoofed: 2 } },
    },
    airtime: { airtimeUs: 1234, share: 0.25 },
    ...change,
  });

  describe('radios', () => {
    it('are shown as they are defined and as the service has them', async () => {
      await gateway.ok('post', '/v1/wifi/links:setPosition', { id: 'beta/radio0', position: [5, -6] });
      await create('a1', [{ radio: 'radio0' }, { radio: 'radio0' }]);
      const items = await client.list('listRadios');
      expect(items).toMatchObject([
        { id: 'alpha/radio0', position: [0, 0], txPower: 20, channels: 2, nics: 2, state: 'READY' },
        { id: 'alpha/radio1', position: null, txPower: 20, channels: 1, nics: 0 },
        {
          id: 'beta/radio0',
          position: [5, -6],
          txPower: 10,
          channels: 1,
          status: { tuned: [6], switches: 2 },
        },
      ]);
      expect(await client.call('getRadio', { radio: 'beta/radio0' })).toEqual(items[2]);
      expect(await client.list('listRadios', { pageSize: 1 })).toEqual(items);
      // As the host has it, too.
      expect((await gateway.ok<Host>('get', '/v1/hosts/beta')).radios).toMatchObject([{ position: [5, -6] }]);
      await wifi.stop();
      expect(await client.call('getRadio', { radio: 'beta/radio0' })).toMatchObject({
        ...{ txPower: 10, state: 'UNKNOWN', status: null },
      });
    });

    it('tell what they hear, while the service answers', async () => {
      const heard: Bss[] = ['a', 'b', 'c'].map(name => ({
        ...{
          bssid: '02:00:00:00:00:99',
          ssid: name,
          channel: 6,
          freq: 2437,
          signal: -40,
          beaconInterval: 100,
        },
        ...{ security: 'wpa2-psk', seenMs: 12, accessPoint: null },
      }));
      wifi.bss = { 'alpha/radio0': heard };
      await gateway.ok('post', '/v1/wifi/links:setPosition', { id: 'alpha/radio0', position: [0, 0] });
      const path = '/v1/radios/alpha%2Fradio0/bss';
      expect((await gateway.ok<List<Bss>>('get', path)).items).toEqual(heard);
      const first = await gateway.ok<List<Bss>>('get', `${path}?pageSize=2`);
      const next = await gateway.ok<List<Bss>>('get', `${path}?pageSize=2&pageToken=${first.nextPageToken}`);
      expect([...first.items, ...next.items, next.nextPageToken]).toEqual([...heard, '']);
      expect(await refused('get', '/v1/radios/alpha%2Fradio7/bss')).toMatchObject({
        code: 'RADIO_NOT_FOUND',
        detail: 'there is no radio "alpha/radio7"; radios are: alpha/radio0, alpha/radio1, beta/radio0',
      });
      await wifi.stop();
      expect(await refused('get', path)).toMatchObject({ status: 503, code: 'SERVICE_UNAVAILABLE' });
    });
  });

  describe('access points', () => {
    it('are added, changed and deleted; the service is told of each', async () => {
      const { reloads } = wifi;
      const added = await addHome();
      expect(added).toMatchObject({
        ...{
          name: 'home',
          ssid: 'Zuhause',
          security: 'wpa2-psk',
          channel: 6,
          network: 'lan',
          position: null,
        },
        ...{ txPower: 20, beaconInterval: 100, hidden: false, state: 'UP', stations: [] },
        bssid: expect.stringMatching(/^02(:[0-9a-f]{2}){5}$/),
      });
      expect(wifi.accessPoints).toMatchObject([{ name: 'home', passphrase: secret, bssid: added.bssid }]);
      const patch = { ssid: 'Anderes', channel: 36, network: 'dmz', hidden: true, position: [1, 2] };
      expect(await gateway.ok('patch', '/v1/access-points/home', patch)).toEqual({ ...added, ...patch });
      expect(wifi.accessPoints).toMatchObject([{ passphrase: secret, ...patch }]);
      const opened = await gateway.ok('patch', '/v1/access-points/home', { passphrase: null });
      expect(opened).toMatchObject({ security: 'open', channel: 36 });
      await gateway.ok('delete', '/v1/access-points/home');
      expect([wifi.accessPoints, wifi.reloads]).toEqual([[], reloads + 4]);
      expect(await client.list('listAccessPoints')).toEqual([]);
    });

    it('never tell their passphrase', async () => {
      const responses = [
        await gateway.call('post', '/v1/access-points', home),
        await gateway.call('patch', '/v1/access-points/home', { passphrase: `${secret}!` }),
        await gateway.call('get', '/v1/access-points/home'),
        await gateway.call('get', '/v1/access-points'),
        await gateway.call('post', '/v1/access-points', { ...home, name: 'two', passphrase: 'hunter2' }),
      ];
      expect(responses.map(({ status }) => status)).toEqual([201, 200, 200, 200, 400]);
      for (const { text } of responses) expect(text).not.toMatch(/horse|hunter2/);
      // What is kept for repeats is the same.
      const kept = JSON.stringify(await gateway.dataSource.query('SELECT * FROM request'));
      expect(kept).not.toMatch(/horse|hunter2/);
    });

    it('are defined while the service is away, and known when it is back', async () => {
      await wifi.stop();
      expect(await addHome()).toMatchObject({
        ...{ state: 'UNKNOWN', reason: 'the wifi service does not answer', counters: null, airtime: null },
      });
      expect(await client.list('listAccessPoints')).toMatchObject([{ name: 'home', state: 'UNKNOWN' }]);
    });

    it.each([
      [{ ssid: '' }, 'ssid', 'an SSID has 1 to 32 bytes'],
      [{ ssid: 'é'.repeat(17) }, 'ssid', 'an SSID has 1 to 32 bytes'],
      [{ passphrase: 'short' }, 'passphrase', '8 to 63 printable ASCII'],
      [{ channel: 14 }, 'channel', 'a channel is 1 to 13'],
      [{ channel: '6' }, 'channel', 'expected a number'],
      [{ beaconInterval: 70_000 }, 'beaconInterval', ''],
      [{ txPower: 40 }, 'txPower', 'from -10 to 30 dBm'],
      [{ position: [1, 2, 3] }, 'position', '[x, y] in metres'],
      [{ position: [1e9, 0] }, 'position[0]', ''],
      [{ psk: 'x' }, 'psk', 'unknown key "psk"'],
      [{ name: 'Home' }, 'name', 'RFC 1123'],
    ])('with %j are refused', async (change, path, message) => {
      const answer = await refused('post', '/v1/access-points', { ...home, ...change });
      expect(answer).toMatchObject({ status: 400, code: 'INVALID_REQUEST' });
      expect(answer.errors).toContainEqual({ path, message: expect.stringContaining(message) });
    });

    it('are on a network that there is, and of a name that is free', async () => {
      expect(await refused('post', '/v1/access-points', { ...home, network: 'wan' })).toMatchObject({
        ...{ status: 404, code: 'NETWORK_NOT_FOUND' },
        errors: [{ path: 'network', message: expect.stringContaining('networks are: dmz, lan') }],
      });
      await addHome();
      expect(await refused('post', '/v1/access-points', home)).toMatchObject({ code: 'ACCESS_POINT_EXISTS' });
      expect(await refused('patch', '/v1/access-points/home', { network: 'wan' })).toMatchObject({
        code: 'NETWORK_NOT_FOUND',
      });
      expect(await refused('delete', '/v1/networks/lan')).toMatchObject({ code: 'NETWORK_IN_USE' });
      for (const [method, body] of [
        ['patch', {}],
        ['delete', undefined],
        ['get', undefined],
      ] as const) {
        expect(await refused(method, '/v1/access-points/away', body)).toMatchObject({
          ...{ status: 404, code: 'ACCESS_POINT_NOT_FOUND' },
          detail: 'there is no access point "away"; access points are: home',
        });
      }
    });

    it('throw a station off, by its address or by its name', async () => {
      await addHome();
      const a1 = await create('a1', [{ radio: 'radio0' }]);
      const mac = a1.wifi[0]?.mac as string;
      wifi.stations = [connected(a1)];
      const off = (station: string) =>
        gateway.call('post', '/v1/access-points/home:deauthenticate', { station });
      expect((await off('a1/wlan0')).status).toBe(200);
      expect((await off(mac.toUpperCase())).status).toBe(200);
      expect(wifi.thrownOff.splice(0)).toEqual([
        ['home', mac],
        ['home', mac],
      ]);
      for (const [station, code] of [
        ['a1/wlan1', 'STATION_NOT_FOUND'],
        ['02:00:00:00:00:77', 'STATION_NOT_FOUND'],
        ['a1', 'INVALID_REQUEST'],
        ['ff:ff:ff:ff:ff:ff', 'INVALID_REQUEST'],
      ] as const) {
        expect((await off(station)).body).toMatchObject({ code });
      }
      await wifi.stop();
      expect((await off(mac)).body).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
      expect(wifi.thrownOff).toEqual([]);
    });
  });

  describe('the air', () => {
    it('shows stations: those of all VMs, and how those that run are connected', async () => {
      const a1 = await create('a1', [{ radio: 'radio0', ssid: 'Zuhause', passphrase: secret }]);
      await create('b1', [{ radio: 'radio0' }], 'beta');
      wifi.stations = [connected(a1)];
      const stations = await client.list('listStations', { pageSize: 1 });
      const { vmId: _, index: __, radio: ___, address: ____, state: _____, ...status } = connected(a1);
      expect(stations).toEqual([
        {
          ...{ name: 'a1/wlan0', vm: 'a1', host: 'alpha', radio: 'alpha/radio0', mac: a1.wifi[0]?.mac },
          ...{ declared: 'Zuhause', state: 'ASSOCIATED', status },
        },
        expect.objectContaining({ name: 'b1/wlan0', declared: null, state: 'DETACHED', status: null }),
      ]);
      await wifi.stop();
      expect((await gateway.ok<List<Station>>('get', '/v1/stations')).items).toMatchObject([
        { state: 'UNKNOWN' },
        { state: 'UNKNOWN' },
      ]);
    });

    it('shows who took how much of it', async () => {
      const { bssid } = await addHome();
      const a1 = await create('a1', [{ radio: 'radio0' }]);
      const gone = { ...connected(a1), vmId: '0b54ed2c-6c9e-4c8a-9d3e-0a4cf7d5b101' };
      wifi.stations = [connected(a1), gone];
      const { items } = await gateway.ok<List<AirtimeEntry>>('get', '/v1/wifi/airtime');
      const use = { airtimeUs: 1234, share: 0.25, frames: 10, bytes: 900, retries: 3, failed: 1, channel: 6 };
      expect(items).toEqual([
        { antenna: 'alpha/radio0', name: 'a1/wlan0', address: a1.wifi[0]?.mac, ...use },
        expect.objectContaining({ name: `${gone.vmId}/wlan0` }),
        expect.objectContaining({
          antenna: 'ap/home',
          name: 'ap/home',
          address: bssid,
          channel: 6,
          frames: 0,
        }),
      ]);
      await wifi.stop();
      expect(await refused('get', '/v1/wifi/airtime')).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    });

    it('shows links, and the latest events first', async () => {
      const link = { from: 'alpha/radio0', to: 'ap/home', distance: 5, snr: 40, signal: -51, fixed: false };
      const event = (second: number) => ({
        ...{ at: `2026-01-01T00:00:0${second}.000Z`, accessPoint: 'home', address: '02:00:00:00:00:01' },
        ...{ nic: 'a1/wlan0', event: 'HANDSHAKE_FAILED' as const, reason: 'no answer to message 1' },
      });
      Object.assign(wifi, { links: [link], events: [event(1), event(2)] });
      expect(await client.list('listWifiLinks')).toEqual([link]);
      expect(await client.list('listWifiEvents', { pageSize: 1 })).toEqual([event(2), event(1)]);
      await wifi.stop();
      for (const path of ['links', 'events'])
        expect(await refused('get', `/v1/wifi/${path}`)).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    });

    it('has SNRs that are set, and positions, which the service is told of', async () => {
      await addHome();
      const pair = { a: 'ap/home', b: 'alpha/radio0' };
      expect(await client.call('setWifiSnr', {}, { body: { ...pair, snr: 12.5 } })).toEqual({
        ...pair,
        snr: 12.5,
      });
      expect(wifi.snrs).toEqual([{ a: 'alpha/radio0', b: 'ap/home', snr: 12.5 }]);
      await client.call('setWifiSnr', {}, { body: { ...pair, snr: null } });
      expect(wifi.snrs).toEqual([]);
      await client.call('setWifiPosition', {}, { body: { id: 'ap/home', position: [3, 4] } });
      await client.call('setWifiPosition', {}, { body: { id: 'alpha/radio1', position: [8, 9] } });
      expect(wifi.accessPoints).toMatchObject([{ position: [3, 4], passphrase: secret }]);
      expect(wifi.radios).toMatchObject([{ position: [0, 0], channels: 2 }, { position: [8, 9] }, {}]);
      await client.call('setWifiPosition', {}, { body: { id: 'alpha/radio1', position: null } });
      expect(wifi.radios[1]).toMatchObject({ position: null });
    });

    it.each([
      ['setSnr', { a: 'ap/home', b: 'ap/home', snr: 1 }, 'INVALID_REQUEST', 'has no link with itself'],
      ['setSnr', { a: 'ap/home', b: 'alpha/radio7', snr: 1 }, 'RADIO_NOT_FOUND', 'radios are: alpha/radio0'],
      ['setSnr', { a: 'ap/away', b: 'alpha/radio0', snr: 1 }, 'ACCESS_POINT_NOT_FOUND', 'are: home'],
      ['setSnr', { a: 'ap/home', b: 'alpha/radio0', snr: 101 }, 'INVALID_REQUEST', 'from -50 to 100 dB'],
      ['setSnr', { a: 'ap/home', b: 'alpha/radio0' }, 'INVALID_REQUEST', 'snr'],
      ['setSnr', { a: 'home', b: 'alpha/radio0', snr: 1 }, 'INVALID_REQUEST', 'write HOST/RADIO'],
      ['setPosition', { id: 'gamma/radio0', position: [0, 0] }, 'RADIO_NOT_FOUND', 'gamma/radio0'],
      ['setPosition', { id: 'ap/away', position: [0, 0] }, 'ACCESS_POINT_NOT_FOUND', 'away'],
      ['setPosition', { id: 'ap/home', position: ['1', 2] }, 'INVALID_REQUEST', 'position'],
    ])('%s refuses %j', async (verb, body, code, words) => {
      await addHome();
      expect(await refused('post', `/v1/wifi/links:${verb}`, body)).toMatchObject({
        code,
        detail: expect.stringContaining(words),
      });
      expect(await client.list('listRadios')).toMatchObject([{ position: [0, 0] }, {}, {}]);
    });
  });

  it('shows radios of the type that clients know', async () => {
    const view: RadioView = await client.call('getRadio', { radio: 'alpha/radio0' });
    expect(view.channels).toBe(2);
  });
});
