import { PassThrough } from 'node:stream';
import type { Stoppable } from '@v3vee/bus';
import { Client, openCapture, type CaptureSession } from '@v3vee/client';
import { AIR_HOST, captureQuery, LINKS_HOST, V3Error, type Vm } from '@v3vee/contracts';
import { serveCaptures, Taps } from '@v3vee/overlay';
import { AccessPoint, Air, AirTaps, systemClock } from '@v3vee/wifi';
import {
  Ieee80211Frame,
  pcapngBlocks,
  PcapngSplitter,
  RADIOTAP_LINK_TYPE,
  readInterface,
  readPacket,
  readRadiotap,
  readStatistics,
  type PcapngBlock,
} from '@v3vee/wire';
import { NetworkRepository } from '@v3vee/store';
import type { ScriptedHost } from '../testing/scripted-host.fixture';
import { TestGateway } from '../testing/test-gateway.fixture';
import { CaptureStream } from './capture-stream';

/** Reads a capture as it comes. */
class Reader {
  readonly blocks: PcapngBlock[] = [];
  isEnded = false;

  constructor(readonly session: CaptureSession) {
    void this.read();
  }
  private async read(): Promise<void> {
    const splitter = new PcapngSplitter();
    for await (const chunk of this.session.stream) this.blocks.push(...splitter.push(chunk));
    this.isEnded = true;
  }
  get packets() {
    return this.blocks.filter(({ type }) => type === pcapngBlocks.ENHANCED_PACKET).map(readPacket);
  }
  get interface() {
    const description = this.blocks.find(({ type }) => type === pcapngBlocks.INTERFACE_DESCRIPTION);
    return description && readInterface(description);
  }
  get statistics() {
    const last = this.blocks.findLast(({ type }) => type === pcapngBlocks.INTERFACE_STATISTICS);
    return last && readStatistics(last);
  }
  get payloads(): number[] {
    return this.packets.map(({ bytes }) => bytes[20] as number);
  }
}

/** An IPv4 super-frame that carries `id`. */
function superFrame(id: number): Uint8Array {
  const frame = new Uint8Array(12 + 60);
  frame.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00, 0x45, 0], 12);
  frame[12 + 20] = id;
  return frame;
}

describe('captures', () => {
  let gateway: TestGateway;
  let alpha: ScriptedHost;
  let client: Client;
  let taps: Record<'alpha' | 'beta' | typeof LINKS_HOST, Taps>;
  let servers: Stoppable[] = [];
  let vm: Vm;
  let vni: number;
  const readers: Reader[] = [];
  let count = 0;

  beforeAll(async () => {
    gateway = await TestGateway.start();
    [alpha] = (await gateway.withHosts('alpha', 'beta')) as [ScriptedHost];
    await gateway.ok('post', '/v1/networks', { name: 'lan' });
    vni = (await new NetworkRepository(gateway.dataSource).find('lan'))!.vni;
    client = new Client({ url: `http://127.0.0.1:${gateway.port}`, token: gateway.token });
  });
  afterAll(async () => {
    client?.close();
    await gateway?.stop();
  });
  beforeEach(async () => {
    taps = { alpha: new Taps(), beta: new Taps(), [LINKS_HOST]: new Taps() };
    servers = Object.entries(taps).map(([host, its]) => serveCaptures({ bus: gateway.bus, host, taps: its }));
    vm = await gateway.ok<Vm>('post', '/v1/vms', {
      name: `v${count++}`,
      host: 'alpha',
      nics: [{ network: 'lan' }],
    });
  });
  afterEach(() => {
    for (const { session } of readers.splice(0)) session.stop();
    for (const server of servers) server.stop();
  });

  const open = async (point: string, more: { filter?: string; snapLength?: number } = {}) => {
    const reader = new Reader(await openCapture(client, { point, ...more }));
    readers.push(reader);
    return reader;
  };
  const tapOf = (host: 'alpha' | 'beta') => taps[host].at(vni, { type: 'interface', mac: vm.nics[0]!.mac });
  const until = (condition: () => boolean) => gateway.until(async () => condition());

  it('stream what passes a NIC, with direction and filter, until the client leaves', async () => {
    const reader = await open(`${vm.name}/net0`, { filter: 'ip', snapLength: 40 });
    tapOf('alpha').see([superFrame(1), new Uint8Array(80)], 'out');
    tapOf('alpha').see([superFrame(2)], 'in');
    await until(() => reader.packets.length === 2);
    expect(reader.packets.map(({ direction, length, bytes }) => [direction, length, bytes.length])).toEqual([
      ['out', 60, 40],
      ['in', 60, 40],
    ]);
    expect(reader.payloads).toEqual([1, 2]);
    await until(() => reader.statistics?.delivered === 2);
    expect(reader.statistics).toMatchObject({ accepted: 2, dropped: 0, droppedOnTheWay: 0 });
    reader.session.stop();
    await until(() => !tapOf('alpha').isWatched);
  });

  it('are of a link, or of all that passes a host', async () => {
    const link = await gateway.ok<{ index: number }>('post', '/v1/vnet/links', {
      name: 'wan',
      remote: '192.0.2.1',
      network: 'lan',
    });
    const wan = await open('link/wan');
    const core = await open('host/beta');
    taps[LINKS_HOST].at(vni, { type: 'edge', link: link.index }).see([superFrame(3)], 'out');
    taps.beta.core.see([superFrame(4)], 'in');
    await until(() => wan.packets.length + core.packets.length === 2);
    expect([wan.payloads, core.payloads]).toEqual([[3], [4]]);
  });

  it('go on when the palacios of the host was restarted, and keep count', async () => {
    const reader = await open(`${vm.name}/net0`);
    tapOf('alpha').see([superFrame(1)], 'out');
    await until(() => reader.payloads.includes(1));
    servers[0]!.stop();
    taps.alpha = new Taps();
    servers[0] = serveCaptures({ bus: gateway.bus, host: 'alpha', taps: taps.alpha });
    await until(() => tapOf('alpha').isWatched);
    tapOf('alpha').see([superFrame(2)], 'out');
    await until(() => reader.statistics?.delivered === 2);
    expect(reader.payloads).toEqual([1, 2]);
  });

  it('follow a virtual machine to another host', async () => {
    const reader = await open(`${vm.name}/net0`);
    await gateway.ok('patch', `/v1/vms/${vm.name}`, { host: 'beta' });
    await until(() => tapOf('beta').isWatched && !tapOf('alpha').isWatched);
    tapOf('beta').see([superFrame(5)], 'in');
    await until(() => reader.packets.length === 1);
    expect(reader.payloads).toEqual([5]);
  });

  it('end with the reason when their point is deleted', async () => {
    const reader = await open(`${vm.name}/net0`);
    await gateway.operate('delete', `/v1/vms/${vm.name}`);
    await until(() => reader.isEnded);
    expect(reader.statistics?.comment).toBe(`there is no virtual machine ${vm.name}`);
    await until(() => !tapOf('alpha').isWatched);
  });

  it('end with the reason when the gateway stops', async () => {
    const reader = await open('host/alpha');
    await gateway.restart();
    await until(() => reader.isEnded);
    expect(reader.statistics?.comment).toBe('the gateway stops');
    client.close();
    client = new Client({ url: `http://127.0.0.1:${gateway.port}`, token: gateway.token });
    for (const host of ['alpha', 'beta']) {
      await gateway.until(async () => (await gateway.hostState(host)) === 'READY');
    }
  });

  it.each([
    ['point=v99/net0', 404, 'CAPTURE_POINT_NOT_FOUND', 'there is no virtual machine v99'],
    ['point=link/none', 404, 'CAPTURE_POINT_NOT_FOUND', 'there is no link none'],
    ['point=host/gamma', 404, 'CAPTURE_POINT_NOT_FOUND', 'there is no host gamma'],
    ['point=nonsense', 400, 'INVALID_REQUEST', 'write VM/net0'],
    ['point=wlan:gamma', 404, 'CAPTURE_POINT_NOT_FOUND', 'there is no host gamma'],
    ['point=wlan:beta', 404, 'CAPTURE_POINT_NOT_FOUND', 'host beta has no radio'],
    ['point=wlan:ap/none', 404, 'CAPTURE_POINT_NOT_FOUND', 'there is no access point none'],
    ['point=wlan:v99/wlan0', 404, 'CAPTURE_POINT_NOT_FOUND', 'there is no virtual machine v99'],
    ['point=wlan:', 400, 'INVALID_REQUEST', 'wlan:HOST/RADIO'],
    ['point=wlan:alpha&filter=tcp', 400, 'CAPTURE_FILTER_INVALID', 'no word of filters on the air'],
    ['point=host/alpha&filter=type mgt', 400, 'CAPTURE_FILTER_INVALID', '"type" is not a word'],
    ['', 400, 'INVALID_REQUEST', 'point'],
    ['point=host/alpha&filter=tcp port', 400, 'CAPTURE_FILTER_INVALID', 'column 9: a port is missing'],
    ['point=host/alpha&snapLength=3', 400, 'INVALID_REQUEST', 'snapLength'],
    ['point=host/alpha&color=red', 400, 'INVALID_REQUEST', 'color'],
  ])('refuse "%s" with %d', async (query, status, code, detail) => {
    const response = await gateway.call('get', `/v1/captures?${query}`);
    expect([response.status, response.body.code]).toEqual([status, code]);
    expect(response.body.detail).toContain(detail);
  });

  describe('on the air', () => {
    const air = new Air();
    const bssid = '02:00:00:00:aa:01';
    const home = new AccessPoint({
      ...{ id: 'ap/home', ssid: 'home', bssid, channel: 6, txPower: 20, beaconInterval: 20, air },
      ...{ clock: systemClock, distribution: { send: () => undefined } },
    });
    const radio = (id: string) => ({
      ...{ id, txPower: 20, freq: 2437, acknowledges: () => false, receive: () => undefined },
    });
    const beacons = (reader: Reader) =>
      reader.packets.map(({ bytes, direction }) => {
        const { signal, length } = readRadiotap(bytes);
        const { isBeacon, transmitter } = Ieee80211Frame.read(bytes.subarray(length));
        return { direction, signal, isBeacon, transmitter };
      });

    beforeAll(async () => {
      const { error } = await gateway.operate('post', '/v1/cluster:apply', {
        hosts: { alpha: { radios: [{ name: 'radio0' }, { name: 'radio1' }] }, beta: null },
      });
      expect(error).toBeNull();
      for (const antenna of [home, radio('alpha/radio0'), radio('alpha/radio1')]) air.join(antenna);
      air.setSnr('ap/home', 'alpha/radio0', 40);
      air.setSnr('ap/home', 'alpha/radio1', 10);
      home.start();
    });
    afterAll(() => home.stop());
    beforeEach(() =>
      servers.push(serveCaptures({ bus: gateway.bus, host: AIR_HOST, taps: new AirTaps(air) })),
    );

    it('stream 802.11 with radiotap: of one radio, and of all of a host', async () => {
      const one = await open('wlan:alpha/radio0', { filter: 'type mgt' });
      const all = await open('wlan:alpha');
      await until(() => one.packets.length > 2 && all.packets.length > 2);
      expect(one.interface).toEqual({
        ...{ name: 'wlan:alpha/radio0', linkType: RADIOTAP_LINK_TYPE, description: 'radio alpha/radio0' },
        ...{ filter: 'type mgt', snapLength: 66_000 },
      });
      expect(all.interface).toMatchObject({ description: 'radios alpha/radio0, alpha/radio1' });
      for (const beacon of beacons(one)) {
        const signal = air.noiseFloor + 40;
        expect(beacon).toEqual({ direction: 'in', signal, isBeacon: true, transmitter: bssid });
      }
      expect(new Set(beacons(all).map(({ signal }) => signal! - air.noiseFloor))).toEqual(new Set([40, 10]));
    });

    it('follow a Wi-Fi NIC, and an access point as long as it is defined', async () => {
      const payload = { name: 'home', ssid: 'home', channel: 6, network: 'lan' };
      await gateway.ok('post', '/v1/access-points', payload);
      const ap = await open('wlan:ap/home');
      await until(() => ap.packets.length > 0);
      expect(beacons(ap)[0]).toMatchObject({ direction: 'out', isBeacon: true });
      await gateway.ok('delete', '/v1/access-points/home');
      await until(() => ap.isEnded);
      expect(ap.statistics?.comment).toBe('there is no access point home');

      const { wifi } = await gateway.ok<Vm>('post', '/v1/vms', {
        ...{ name: 'w1', host: 'alpha', image: 'debian-wifi', wifi: [{ radio: 'radio0' }] },
      });
      const nic = await open('wlan:w1/wlan0');
      await until(() => nic.interface !== undefined);
      expect(nic.interface).toMatchObject({ description: `${wifi[0]!.mac} of w1 at radio alpha/radio0` });
      await expect(open('wlan:w1/wlan1')).rejects.toMatchObject({
        message: 'virtual machine w1 has 1 Wi-Fi NICs; there is no wlan1',
      });
      await expect(open('wlan:alpha/radio7')).rejects.toMatchObject({
        message: 'host alpha has no radio radio7; it has radio0, radio1',
      });
    });

    it('are refused while the wifi service is away', async () => {
      servers.pop()!.stop();
      await gateway.bus.flush();
      await expect(open('wlan:alpha')).rejects.toMatchObject({
        ...{
          code: 'SERVICE_UNAVAILABLE',
          message: 'the wifi service does not answer; try again in a moment',
        },
      });
    });
  });

  it('refuse a NIC that the VM has not, a host that is silent, and who has no token', async () => {
    await expect(open(`${vm.name}/net1`)).rejects.toMatchObject({
      code: 'CAPTURE_POINT_NOT_FOUND',
      message: `virtual machine ${vm.name} has 1 NICs; there is no net1`,
    });
    const stranger = new Client({ url: client.url, token: 'x'.repeat(40) });
    await expect(openCapture(stranger, { point: 'host/alpha' })).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    });
    alpha.stop();
    await gateway.until(async () => (await gateway.hostState('alpha')) !== 'READY');
    await expect(open('host/alpha')).rejects.toMatchObject({ code: 'HOST_NOT_READY' });
    alpha.start();
    await gateway.until(async () => (await gateway.hostState('alpha')) === 'READY');
  });

  it('leave packets out for a client that reads slower than they come, and count them', async () => {
    const out = new PassThrough({ highWaterMark: 1 });
    const stream = new CaptureStream({
      bus: gateway.bus,
      query: captureQuery.parse({ point: 'host/alpha' }),
      out,
      locate: async () => ({ host: 'alpha', place: null, description: '' }),
      maxUnread: 1_000,
      renewMs: 20,
    });
    await stream.open();
    const frames = Array.from({ length: 100 }, (_, i) => superFrame(i));
    taps.alpha.core.see(frames, 'in');
    await until(() => out.writableLength + out.readableLength > 5_000);
    taps.alpha.core.see(frames, 'in');
    taps.alpha.core.see(frames, 'in');
    const splitter = new PcapngSplitter();
    const blocks: PcapngBlock[] = [];
    await until(() => stream.seen === 300);
    out.on('data', chunk => blocks.push(...splitter.push(chunk as Buffer)));
    stream.end('enough');
    await stream.ended;
    await until(() => out.readableEnded);
    expect(readStatistics(blocks.at(-1)!)).toMatchObject({
      accepted: 300,
      droppedOnTheWay: 200,
      delivered: 100,
      comment: 'enough',
    });
    expect(blocks.filter(({ type }) => type === pcapngBlocks.ENHANCED_PACKET).length).toBe(100);
  });

  it('fail the first time with what their host answers', async () => {
    const fail = new CaptureStream({
      bus: gateway.bus,
      query: captureQuery.parse({ point: 'host/alpha' }),
      out: new PassThrough(),
      locate: () => Promise.reject(new V3Error('CAPTURE_POINT_NOT_FOUND', 'gone')),
    });
    await expect(fail.open()).rejects.toMatchObject({ code: 'CAPTURE_POINT_NOT_FOUND' });
    await fail.ended;
  });
});
