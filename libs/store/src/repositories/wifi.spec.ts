import type { Radio } from '@v3vee/contracts';
import type { DataSource } from 'typeorm';
import { createDataSource, migrate } from '../data-source';
import type { NetworkEntity } from '../entities';
import { Wifi1764500000000 } from '../migrations/1764500000000-wifi';
import { testPostgres, type TestPostgres } from '../testing/database.fixture';
import { AccessPointRepository, type NewAccessPoint } from './access-point.repository';
import { HostRepository } from './host.repository';
import { NetworkRepository } from './network.repository';
import { RadioRepository } from './radio.repository';
import { VmRepository, type NewNic, type NewWifiNic } from './vm.repository';

let postgres: TestPostgres;
let source: DataSource;
let hosts: HostRepository;
let networks: NetworkRepository;
let vms: VmRepository;
let accessPoints: AccessPointRepository;
let radios: RadioRepository;
let lan: NetworkEntity;

beforeAll(async () => {
  postgres = await testPostgres();
  source = createDataSource(postgres.url);
  await migrate(source);
  hosts = new HostRepository(source);
  networks = new NetworkRepository(source);
  vms = new VmRepository(source);
  accessPoints = new AccessPointRepository(source);
  radios = new RadioRepository(source);
  lan = await networks.create({ name: 'lan', subnet: null, managed: false });
});
afterAll(async () => {
  await source?.destroy();
  await postgres?.remove();
});
beforeEach(async () => {
  await source.query('DELETE FROM vm');
  await source.query('DELETE FROM access_point');
  await source.query('DELETE FROM wifi_snr');
  await putHost('alpha', [
    { name: 'radio0', position: [1, -2.5], txPower: 15, channels: 2 },
    { name: 'radio1' },
  ]);
  await putHost('beta', [{ name: 'radio0' }]);
});

const putHost = (name: string, its: Radio[]) =>
  hosts.save({ name, memoryMiB: 1024, cores: 4, nics: [], radios: its });
let macs = 0;
const freshMac = () => `02:00:00:00:01:${(++macs).toString(16).padStart(2, '0')}`;
const wlan = (radio: string, more: Partial<NewWifiNic> = {}): NewWifiNic => ({
  ...{ radio, ssid: null, passphrase: null, mac: freshMac(), ip: null, dhcp: false },
  ...more,
});
const create = (name: string, wifi: NewWifiNic[], host = 'alpha', nics: NewNic[] = []) =>
  vms.create({
    ...{ name, host, memoryMiB: 64, image: 'debian', autostart: false, managed: false, nics, wifi },
    boot: 'template',
  });
const home = (more: Partial<NewAccessPoint> = {}): NewAccessPoint => ({
  ...{ name: 'home', bssid: freshMac(), ssid: 'Zuhause', passphrase: 'correct horse', channel: 6 },
  ...{ networkId: lan.id, position: [3, 4], txPower: 20, beaconInterval: 100, hidden: false, managed: false },
  ...more,
});

describe('radios of hosts', () => {
  it('are told with what was not said of them', async () => {
    const usual = { position: null, txPower: 20, channels: 1, dedicated: false };
    const given = { position: [1, -2.5], txPower: 15, channels: 2 };
    expect(await radios.all()).toEqual([
      { ...usual, id: 'alpha/radio0', host: 'alpha', name: 'radio0', ...given },
      { ...usual, id: 'alpha/radio1', host: 'alpha', name: 'radio1' },
      { ...usual, id: 'beta/radio0', host: 'beta', name: 'radio0' },
    ]);
  });

  it('can be moved while the rest of their host stays', async () => {
    expect(await radios.setPosition('alpha', 'radio0', [7, 8])).toBe(true);
    expect(await radios.setPosition('beta', 'radio0', null)).toBe(true);
    expect(await radios.setPosition('beta', 'radio7', [0, 0])).toBe(false);
    expect(await radios.setPosition('gamma', 'radio0', [0, 0])).toBe(false);
    expect(await radios.all()).toMatchObject([
      { position: [7, 8], txPower: 15 },
      { position: null },
      { position: null },
    ]);
  });

  it('of the schema of before lose their lists of channels', async () => {
    const before = { name: 'radio0', channels: [1, 6] } as unknown as Radio;
    await putHost('alpha', [before]);
    await source.query('DROP TABLE wifi_snr, wifi_nic, access_point');
    const runner = source.createQueryRunner();
    await new Wifi1764500000000().up(runner);
    expect((await hosts.find('alpha'))?.radios).toEqual([{ name: 'radio0' }]);
    await putHost('alpha', [{ name: 'radio0', channels: 3 }]);
    await new Wifi1764500000000().down(runner);
    expect((await hosts.find('alpha'))?.radios).toEqual([{ name: 'radio0' }]);
    await new Wifi1764500000000().up(runner);
    await runner.release();
  });
});

describe('Wi-Fi NICs of VMs', () => {
  it('come back in their order, beside wired ones, and are replaced as a whole', async () => {
    const nics = [0, 1].map(() => ({ networkId: lan.id, mac: freshMac(), ip: null }));
    const first = wlan('radio1', { ssid: 'Zuhause', passphrase: 'correct horse', dhcp: true });
    const second = wlan('radio0', { ssid: 'cafe', ip: '10.10.0.9/24' });
    const { id } = await create('a1', [first, second], 'alpha', nics);
    const found = await vms.find('a1');
    expect(found?.wifi).toEqual([
      { index: 0, ...first },
      { index: 1, ...second },
    ]);
    expect(found?.nics.map(({ mac }) => mac)).toEqual(nics.map(({ mac }) => mac));
    const changed = await vms.update(id, { wifi: [second] });
    expect([changed.wifi, changed.nics.length]).toEqual([[{ index: 0, ...second }], 2]);
    expect((await vms.update(id, { memoryMiB: 96 })).wifi).toHaveLength(1);
    expect((await create('a2', [])).wifi).toEqual([]);
  });

  it('are on a radio that the host has, wherever the VM goes', async () => {
    const mismatch = { code: 'DEVICE_MISMATCH', message: expect.stringContaining('and a1/wlan0 uses it') };
    await expect(create('a1', [wlan('radio7')])).rejects.toMatchObject(mismatch);
    const { id } = await create('a1', [wlan('radio1')]);
    const swap = { from: 'alpha', epoch: 1, to: 'beta' };
    await expect(vms.update(id, { host: 'beta' })).rejects.toMatchObject(mismatch);
    await expect(vms.updateAll(new Map([[id, { host: 'beta' }]]))).rejects.toMatchObject(mismatch);
    await expect(vms.swapOwner(id, swap)).rejects.toMatchObject(mismatch);
    expect(await vms.get(id)).toMatchObject({ ownerHost: 'alpha', epoch: 1 });
    await vms.update(id, { wifi: [wlan('radio0')] });
    expect(await vms.swapOwner(id, swap)).toMatchObject({ ownerHost: 'beta', wifi: [{ radio: 'radio0' }] });
  });

  it('hold their radio', async () => {
    await create('a1', [wlan('radio1')]);
    await expect(putHost('alpha', [{ name: 'radio0' }])).rejects.toMatchObject({
      code: 'DEVICE_IN_USE',
      message: 'host alpha has no radio "radio1", and a1/wlan0 uses it',
    });
    await putHost('alpha', [{ name: 'radio1', channels: 4 }]);
  });

  it('have a vMAC that no other NIC and no access point has', async () => {
    const taken = (message: string) => ({ code: 'MAC_IN_USE', message: expect.stringContaining(message) });
    const [wired, air, bssid] = [freshMac(), freshMac(), freshMac()];
    const a1 = await create('a1', [wlan('radio0', { mac: air })], 'alpha', [
      { networkId: lan.id, mac: wired, ip: null },
    ]);
    await accessPoints.create(home({ bssid }));
    const clash = (mac: string) => create('a2', [wlan('radio0', { mac })]);
    await expect(clash(air)).rejects.toMatchObject(taken(`MAC ${air} belongs to another NIC`));
    await expect(clash(wired)).rejects.toMatchObject(taken(`MAC ${wired} would be of a1/net0 and a2/wlan0`));
    await expect(clash(bssid)).rejects.toMatchObject(taken('would be of a2/wlan0 and access point home'));
    await expect(
      create('a2', [], 'alpha', [{ networkId: lan.id, mac: air, ip: null }]),
    ).rejects.toMatchObject(taken('would be of a1/wlan0 and a2/net0'));
    await expect(accessPoints.create(home({ name: 'guest', bssid: wired }))).rejects.toMatchObject(
      taken('would be of a1/net0 and access point guest'),
    );
    expect(await accessPoints.all()).toHaveLength(1);
    // Two may swap theirs.
    const b1 = await create('b1', [wlan('radio0')], 'beta');
    const own = b1.wifi[0]?.mac as string;
    await vms.updateAll(
      new Map([
        [a1.id, { wifi: [wlan('radio0', { mac: own })] }],
        [b1.id, { wifi: [wlan('radio0', { mac: air })] }],
      ]),
    );
    expect((await vms.all()).map(({ wifi }) => wifi[0]?.mac)).toEqual([own, air]);
  });

  it('of many that are written at once with one vMAC, one is', async () => {
    const mac = freshMac();
    const results = await Promise.allSettled([
      create('a1', [wlan('radio0', { mac })]),
      create('b1', [], 'beta', [{ networkId: lan.id, mac, ip: null }]),
      accessPoints.create(home({ bssid: mac })),
    ]);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected']);
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'MAC_IN_USE' });
  });
});

describe('access points', () => {
  it('are defined once, with their network', async () => {
    const bssid = freshMac();
    const created = await accessPoints.create(home({ bssid }));
    const config = {
      ...{ name: 'home', bssid, ssid: 'Zuhause', passphrase: 'correct horse', channel: 6, network: 'lan' },
      ...{ vni: lan.vni, position: [3, 4], txPower: 20, beaconInterval: 100, hidden: false },
    };
    expect(created).toEqual({ ...config, networkId: lan.id, managed: false, createdAt: expect.any(Date) });
    expect(await accessPoints.allConfigs()).toEqual([config]);
    await expect(accessPoints.create(home())).rejects.toMatchObject({ code: 'ACCESS_POINT_EXISTS' });
    await accessPoints.create(home({ name: 'guest', passphrase: null }));
    expect((await accessPoints.list({ limit: 9 })).map(({ name }) => name)).toEqual(['guest', 'home']);
    expect((await accessPoints.list({ after: 'guest', limit: 9 })).map(({ name }) => name)).toEqual(['home']);
  });

  it('change in what is named', async () => {
    await accessPoints.create(home());
    expect(
      await accessPoints.update('home', { passphrase: null, position: null, channel: 36 }),
    ).toMatchObject({
      ...{ ssid: 'Zuhause', passphrase: null, position: null, channel: 36 },
    });
    expect(await accessPoints.update('home', {})).toMatchObject({ channel: 36 });
    await expect(accessPoints.update('away', { channel: 1 })).rejects.toMatchObject({
      code: 'ACCESS_POINT_NOT_FOUND',
    });
  });

  it('hold their network, and take the SNRs that were set for them along', async () => {
    const dmz = await networks.create({ name: 'dmz', subnet: null, managed: false });
    await accessPoints.create(home({ networkId: dmz.id }));
    await expect(networks.remove(dmz)).rejects.toMatchObject({
      code: 'NETWORK_IN_USE',
      message: 'network dmz still has access points; delete them first',
    });
    await radios.setSnr('ap/home', 'alpha/radio0', 20);
    await radios.setSnr('alpha/radio0', 'beta/radio0', 30);
    expect(await accessPoints.remove('home')).toBe(true);
    expect(await accessPoints.remove('home')).toBe(false);
    expect(await radios.snrs()).toEqual([{ a: 'alpha/radio0', b: 'beta/radio0', snr: 30 }]);
    await networks.remove(dmz);
  });
});

describe('SNRs that were set', () => {
  it('hold for both directions until they are taken back', async () => {
    await accessPoints.create(home());
    await radios.setSnr('ap/home', 'alpha/radio0', 20.5);
    await radios.setSnr('alpha/radio0', 'ap/home', -3);
    await radios.setSnr('beta/radio0', 'alpha/radio0', 40);
    expect(await radios.snrs()).toEqual([
      { a: 'alpha/radio0', b: 'ap/home', snr: -3 },
      { a: 'alpha/radio0', b: 'beta/radio0', snr: 40 },
    ]);
    await radios.setSnr('ap/home', 'alpha/radio0', null);
    expect(await radios.snrs()).toHaveLength(1);
    // A radio that goes takes its own along.
    await putHost('beta', []);
    expect(await radios.snrs()).toEqual([]);
  });

  it('are in the order of their bytes, whatever the database sorts by', async () => {
    await putHost('a-b', [{ name: 'r' }]);
    await putHost('ab', [{ name: 'r' }]);
    await radios.setSnr('ab/r', 'a-b/r', 1);
    expect(await radios.snrs()).toEqual([{ a: 'a-b/r', b: 'ab/r', snr: 1 }]);
    await hosts.remove('ab');
    expect(await radios.snrs()).toEqual([]);
  });
});
