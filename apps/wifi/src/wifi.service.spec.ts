import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import type { INestApplication } from '@nestjs/common';
import { Bus, decodeHwsimBatch, HwsimSender } from '@v3vee/bus';
import { AIR_HOST, captureCalls, rawSubjects, wifiCalls, wifiHello } from '@v3vee/contracts';
import { decodeBatch, type CapturedFrame } from '@v3vee/overlay';
import { createService } from '@v3vee/service';
import { ensureNats, resolvePaths, startNats, type Daemon, type NatsServer } from '@v3vee/setup';
import {
  AccessPointRepository,
  createDataSource,
  HostRepository,
  migrate,
  NetworkRepository,
  RadioRepository,
} from '@v3vee/store';
import { stateFolder, testPostgres } from '@v3vee/testkit';
import type { Radio } from '@v3vee/wifi';
import { Ieee80211Frame, readRadiotap } from '@v3vee/wire';
import type { DataSource } from 'typeorm';
// eslint-disable-next-line @nx/enforce-module-boundaries -- a scripted driver is no part of what the library offers
import { Guest } from '../../../libs/wifi/src/radio/testing/guest';
import { wifiConfig } from './config';
import { WifiModule } from './wifi.module';

const BSSID = '02:00:00:00:aa:01';
/** 5 GHz, where the scripted driver's rates are all that are basic. */
const HOME = { ssid: 'home', channel: 36, freq: 5180 };

/** Waits for a condition, and fails with it when it does not come true on the slowest machine either. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`never came true: ${condition.toString()}`);
    await new Promise(resolve => setTimeout(resolve, 2));
  }
}

describe('the wifi service, with scripted drivers at hosts on a real NATS server', () => {
  let nats: NatsServer;
  let folder: string;
  let postgres: Daemon & { url: string };
  let source: DataSource;
  let bus: Bus;
  let service: INestApplication | undefined;
  let sender: HwsimSender;
  const hellos: string[] = [];
  let guests = 0;

  const start = async () => {
    const config = wifiConfig.parse({
      ...{ V3_NATS_URL: nats.url, V3_DATABASE_URL: postgres.url, V3_LOG_LEVEL: 'silent' },
    });
    const before = hellos.length;
    service = await createService({ name: 'wifi', module: WifiModule, config: wifiConfig }, config);
    await until(() => hellos.length > before);
  };
  const text = async (path: string) => (await fetch(`${await service!.getUrl()}${path}`)).text();
  const status = () => bus.call(wifiCalls.status, undefined, {});
  const reload = () => bus.call(wifiCalls.reload, undefined, {});
  const stationAt = async (address: string) =>
    (await status()).stations.find(each => each.address === address);

  /** A VM's driver at a host, as far as the service sees it. */
  class Vm {
    readonly id = randomUUID();
    readonly address = `02:00:00:00:01:${(++guests).toString(16).padStart(2, '0')}`;
    readonly driver: Guest;

    constructor(public host = 'alpha') {
      const ends = {
        addVm: () => undefined,
        fromVm: (vmId: string, epoch: number, message: Uint8Array) =>
          sender.send(rawSubjects.wifiToService(this.host), { vmId, epoch, message }),
      };
      this.driver = new Guest(ends as unknown as Radio, this.id, this.address);
      bus.subscribeRaw(rawSubjects.wifiToHost('*'), (bytes, subject) => {
        if (!subject.endsWith(`.${this.host}`)) return;
        for (const { vmId, epoch, message } of decodeHwsimBatch(bytes)) {
          if (vmId === this.id && epoch === this.driver.epoch) this.driver.take(message);
        }
      });
    }

    attach(more: { radio?: string; address?: string } = {}) {
      const { radio = 'radio0', address = this.address } = more;
      return bus.call(wifiCalls.attach, this.host, {
        ...{ vmId: this.id, vm: `vm-${this.address.slice(-2)}`, epoch: this.driver.epoch },
        nics: [{ index: 0, radio, address }],
        context: null,
      });
    }

    async join(): Promise<void> {
      await this.attach();
      this.driver.up().join(BSSID, HOME.ssid, HOME.freq);
      await until(() => this.driver.associated);
    }
  }

  beforeAll(async () => {
    folder = await stateFolder();
    [nats, postgres] = await Promise.all([
      startNats({ program: await ensureNats({ cache: resolvePaths().cache }), dir: folder }),
      testPostgres(),
    ]);
    source = createDataSource(postgres.url);
    await migrate(source);
    bus = await Bus.connect({ url: nats.url, name: 'test' });
    sender = new HwsimSender(bus);
    bus.listen(wifiHello, undefined, ({ incarnation }) => void hellos.push(incarnation));
    await bus.flush();
    for (const name of ['alpha', 'beta']) {
      const radios = [{ name: 'radio0' }, { name: 'radio1' }];
      await new HostRepository(source).save({ name, memoryMiB: 1024, cores: 4, nics: [], radios });
    }
    const lan = await new NetworkRepository(source).create({ name: 'lan', subnet: null, managed: false });
    await new AccessPointRepository(source).create({
      ...{ name: 'home', bssid: BSSID, ssid: HOME.ssid, passphrase: null, channel: HOME.channel },
      ...{
        networkId: lan.id,
        position: null,
        txPower: 20,
        beaconInterval: 100,
        hidden: false,
        managed: false,
      },
    });
    await start();
  }, 120_000);
  afterAll(async () => {
    await service?.close();
    await bus.close();
    await source.destroy();
    await Promise.all([nats.stop(), postgres.stop()]);
    await rm(folder, { recursive: true, force: true });
  });

  it('has the radios and access points of the store, and serves a VM at one of them', async () => {
    const { radios, accessPoints } = await status();
    expect(radios.map(({ id }) => id)).toEqual([
      'alpha/radio0',
      'alpha/radio1',
      'beta/radio0',
      'beta/radio1',
    ]);
    expect(accessPoints).toMatchObject([{ name: 'home', state: 'UP', stations: [] }]);
    const vm = new Vm();
    await vm.join();
    const seen = await stationAt(vm.address);
    expect(seen).toMatchObject({
      radio: 'alpha/radio0',
      state: 'ASSOCIATED',
      ssid: 'home',
      accessPoint: 'ap/home',
    });
    const [home] = (await status()).accessPoints;
    const nic = `vm-${vm.address.slice(-2)}/wlan0`;
    expect(home?.stations).toMatchObject([{ address: vm.address, nic, state: 'AUTHORIZED' }]);
    expect((await status()).events.filter(each => each.nic === nic).map(({ event }) => event)).toEqual([
      'AUTHENTICATED',
      'ASSOCIATED',
      'AUTHORIZED',
    ]);
    const metrics = await text('/metrics');
    expect(metrics).toMatch(
      /v3_wifi_frames_total\{antenna="ap\/home",direction="transmit",service="wifi"\} [1-9]/,
    );
    expect(metrics).toContain('v3_wifi_stations{access_point="home",state="AUTHORIZED",service="wifi"} 1');
  });

  it('keeps the association of a VM that moves to the radio of another host, and hears its old host no more', async () => {
    const vm = new Vm();
    await vm.join();
    const past = vm.driver.epoch;
    vm.driver.epoch++;
    vm.host = 'beta';
    await vm.attach();
    vm.driver.up();
    await until(async () => (await stationAt(vm.address))?.radio === 'beta/radio0');
    expect(await stationAt(vm.address)).toMatchObject({ state: 'ASSOCIATED', accessPoint: 'ap/home' });
    // It is awake at the new radio: what it says is acknowledged.
    const cookie = vm.driver.data(1);
    await until(() => vm.driver.status(cookie) !== undefined);
    expect(vm.driver.status(cookie)).toMatchObject({ acked: true });
    const { events } = await status();
    expect(
      events.filter(({ address, event }) => address === vm.address && event === 'ASSOCIATED'),
    ).toHaveLength(1);
    // What the source still says is stale, and so is what beta says of an epoch that is over.
    const stale = async () => Number(/v3_wifi_stale_total\{[^}]*\} (\d+)/.exec(await text('/metrics'))?.[1]);
    const before = await stale();
    const message = new Uint8Array(20);
    for (const [host, epoch] of [
      ['alpha', vm.driver.epoch],
      ['beta', past],
    ] as const) {
      sender.send(rawSubjects.wifiToService(host), { vmId: vm.id, epoch, message });
    }
    await until(async () => (await stale()) === before + 2);
    await expect(
      bus.call(wifiCalls.attach, 'alpha', {
        ...{ vmId: vm.id, vm: 'late', epoch: past, context: null },
        nics: [{ index: 0, radio: 'radio0', address: vm.address }],
      }),
    ).rejects.toMatchObject({ code: 'VM_WRONG_STATE' });
  });

  it('refuses a radio that there is not, and an address that another VM has', async () => {
    const [one, other] = [new Vm(), new Vm('beta')];
    await one.attach();
    await expect(other.attach({ radio: 'radio7' })).rejects.toMatchObject({
      code: 'RADIO_NOT_FOUND',
      message: expect.stringContaining('host beta has no radio "radio7"'),
    });
    await expect(other.attach({ address: one.address })).rejects.toMatchObject({
      code: 'MAC_IN_USE',
      message: expect.stringContaining(one.address),
    });
    await bus.call(wifiCalls.detach, 'alpha', { vmId: one.id, epoch: one.driver.epoch });
    await other.attach({ address: one.address });
  });

  it('takes a VM that is gone from its access point', async () => {
    const vm = new Vm();
    await vm.join();
    await bus.call(wifiCalls.detach, 'alpha', { vmId: vm.id, epoch: vm.driver.epoch - 1 });
    await bus.call(wifiCalls.detach, 'beta', { vmId: vm.id, epoch: vm.driver.epoch });
    expect(await stationAt(vm.address)).toBeDefined();
    await bus.call(wifiCalls.detach, 'alpha', { vmId: vm.id, epoch: vm.driver.epoch });
    const atHome = async () =>
      (await status()).accessPoints[0]!.stations.some(({ address }) => address === vm.address);
    await until(async () => !(await atHome()));
    expect(await stationAt(vm.address)).toBeUndefined();
  });

  it('throws a station off on demand', async () => {
    const vm = new Vm();
    await vm.join();
    const deauthenticate = (accessPoint: string, address: string) =>
      bus.call(wifiCalls.deauthenticate, undefined, { accessPoint, address });
    await deauthenticate('home', vm.address);
    await until(() => !vm.driver.associated);
    await expect(deauthenticate('home', '02:00:00:00:ff:ff')).rejects.toMatchObject({
      code: 'STATION_NOT_FOUND',
    });
    await expect(deauthenticate('nowhere', vm.address)).rejects.toMatchObject({
      code: 'ACCESS_POINT_NOT_FOUND',
    });
  });

  it('follows the store: positions, an SNR, another radio under the same name, another access point', async () => {
    const vm = new Vm();
    await vm.join();
    const radios = new RadioRepository(source);
    const link = async () =>
      (await status()).links.find(({ from, to }) => from === 'ap/home' && to === 'alpha/radio0');
    await radios.setSnr('alpha/radio0', 'ap/home', 33);
    await reload();
    expect(await link()).toMatchObject({ snr: 33, fixed: true, distance: null });
    await radios.setSnr('alpha/radio0', 'ap/home', null);
    await radios.setPosition('alpha', 'radio0', [30, 40]);
    await new AccessPointRepository(source).update('home', { position: [0, 0] });
    await reload();
    expect(await link()).toMatchObject({ fixed: false, distance: 50 });
    expect(await stationAt(vm.address)).toMatchObject({ state: 'ASSOCIATED' });

    const all = [{ name: 'radio0', channels: 2 }, { name: 'radio1' }];
    await new HostRepository(source).save({
      name: 'alpha',
      memoryMiB: 1024,
      cores: 4,
      nics: [],
      radios: all,
    });
    await reload();
    const cookie = vm.driver.data(1);
    await until(() => vm.driver.status(cookie)?.acked === true);

    await new AccessPointRepository(source).update('home', { channel: 40 });
    await reload();
    vm.driver.join(BSSID, HOME.ssid, 5200);
    await until(() => vm.driver.associated);
    expect(await stationAt(vm.address)).toMatchObject({ channel: 40 });
    await new AccessPointRepository(source).update('home', { channel: HOME.channel });
    await reload();
  });

  it('gives a radio to one VM alone and shares it again, and the VM stays associated', async () => {
    const [vm, other] = [new Vm('beta'), new Vm('beta')];
    const declare = async (dedicated: boolean) => {
      const radios = [{ name: 'radio0' }, { name: 'radio1', dedicated }];
      await new HostRepository(source).save({ name: 'beta', memoryMiB: 1024, cores: 4, nics: [], radios });
      await reload();
    };
    const isHeard = async () => {
      const cookie = vm.driver.data(1);
      await until(() => vm.driver.status(cookie) !== undefined);
      expect(vm.driver.status(cookie)).toMatchObject({ acked: true });
    };
    await vm.attach({ radio: 'radio1' });
    vm.driver.up().join(BSSID, HOME.ssid, HOME.freq);
    await until(() => vm.driver.associated);
    await declare(true);
    await isHeard();
    // Nobody looks into its frames.
    expect(await stationAt(vm.address)).toMatchObject({ radio: 'beta/radio1', state: 'UP', bssid: null });
    await expect(other.attach({ radio: 'radio1' })).rejects.toMatchObject({
      code: 'DEVICE_IN_USE',
      message: expect.stringContaining('radio beta/radio1 is dedicated'),
    });
    await declare(false);
    await isHeard();
    expect(await stationAt(vm.address)).toMatchObject({ state: 'ASSOCIATED', accessPoint: 'ap/home' });
    // A scan of its interface does not end that.
    vm.driver.use('addMac');
    vm.driver.use('delMac');
    await isHeard();
    const { events } = await status();
    expect(
      events.filter(({ address, event }) => address === vm.address && event === 'ASSOCIATED'),
    ).toHaveLength(1);
  });

  it('lets what is on the air be captured: at an access point, at a radio, and of one station', async () => {
    const vm = new Vm();
    const capture = async (antennas: string[], address: string | null, filter = '') => {
      const id = randomUUID();
      const seen: CapturedFrame[] = [];
      bus.subscribeRaw(rawSubjects.capture('*', id), batch => void seen.push(...decodeBatch(batch.slice())));
      const place = { antennas, address };
      await bus.call(captureCalls.start, AIR_HOST, { id, place, filter, snapLength: 66_000 });
      return { id, seen };
    };
    const home = await capture(['ap/home'], null, 'subtype beacon');
    const radio = await capture(['alpha/radio0'], null, `wlan ta ${BSSID} and not subtype beacon`);
    const station = await capture(['alpha/radio0'], vm.address);
    await vm.join();
    const frame = ({ bytes }: CapturedFrame) =>
      Ieee80211Frame.read(bytes.subarray(readRadiotap(bytes).length));
    await until(() => home.seen.length > 1 && station.seen.length > 3 && radio.seen.length > 1);
    for (const beacon of home.seen) {
      expect(frame(beacon)).toMatchObject({ isBeacon: true, transmitter: BSSID });
      expect([beacon.direction, readRadiotap(beacon.bytes)]).toMatchObject([
        'out',
        { freq: HOME.freq, txPower: 20 },
      ]);
    }
    expect(radio.seen.every(({ direction }) => direction === 'in')).toBe(true);
    for (const each of station.seen) {
      const { transmitter, receiver } = frame(each);
      expect(each.direction === 'out' ? transmitter : receiver).toBe(vm.address);
    }
    expect(new Set(station.seen.map(({ direction }) => direction))).toEqual(new Set(['out', 'in']));
    const { captured, dropped } = await bus.call(captureCalls.renew, AIR_HOST, { id: station.id });
    expect([captured, dropped]).toEqual([station.seen.length, 0]);
    for (const { id } of [home, radio, station]) await bus.call(captureCalls.stop, AIR_HOST, { id });
    await expect(bus.call(captureCalls.renew, AIR_HOST, { id: home.id })).rejects.toMatchObject({
      code: 'CAPTURE_POINT_NOT_FOUND',
    });
  });

  it('is not hurt by what is no batch, nor by what is no message', async () => {
    const vm = new Vm();
    await vm.join();
    bus.publishRaw(rawSubjects.wifiToService('alpha'), Uint8Array.of(1, 2, 3));
    for (const message of [new Uint8Array(0), new Uint8Array(19).fill(255), new Uint8Array(64).fill(7)]) {
      sender.send(rawSubjects.wifiToService('alpha'), { vmId: vm.id, epoch: vm.driver.epoch, message });
    }
    const dropped = async () =>
      (await status()).radios.find(({ id }) => id === 'alpha/radio0')?.counters.dropped;
    await until(async () => (await dropped())?.malformed === 3);
    const cookie = vm.driver.data(1);
    await until(() => vm.driver.status(cookie)?.acked === true);
    expect(await text('/metrics')).toMatch(/v3_wifi_malformed_batches_total\{[^}]*\} 1\n/);
  });

  it('is found again by its hosts after a restart', async () => {
    const vm = new Vm();
    await vm.join();
    await service!.close();
    await start();
    // Its Palacios attaches it on hearing the greeting; its access point knows it no more, and says so.
    await vm.attach();
    vm.driver.up();
    vm.driver.data(1);
    await until(() => !vm.driver.associated);
    vm.driver.join(BSSID, HOME.ssid, HOME.freq);
    await until(() => vm.driver.associated);
    expect(new Set(hellos).size).toBe(hellos.length);
  });
});
