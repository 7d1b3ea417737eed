import type { INestApplication } from '@nestjs/common';
import { Bus } from '@v3vee/bus';
import { serviceMac, vmChanged, vnetCalls } from '@v3vee/contracts';
import { OverlayNode, type NicPort } from '@v3vee/overlay';
import { createService } from '@v3vee/service';
import {
  createDataSource,
  DhcpLeaseRepository,
  HostRepository,
  migrate,
  NetworkRepository,
  VmRepository,
  VmStatusRepository,
  VnetLinkRepository,
  type NetworkEntity,
  type VmDefinition,
} from '@v3vee/store';
import { testNats, testPostgres } from '@v3vee/testkit';
import {
  BROADCAST_MAC,
  dhcpNumber,
  dhcpOptions,
  dhcpTypes,
  dhcpValue,
  encodeDhcp,
  findIpPacket,
  findUdp,
  formatIpv4,
  parseDhcp,
  parseIpv4,
  parseMac,
  SUPER_FRAME_ETHERNET,
  udpFrame,
} from '@v3vee/wire';
import { decode, encode } from 'dns-packet';
import { randomUUID } from 'node:crypto';
import { vnetConfig } from '../config';
import { VnetModule } from '../vnet.module';

const MACS = ['02:00:00:00:00:01', '02:00:00:00:00:02', '02:00:00:00:00:03'];

/** What one guest of a network would do: sends datagrams and waits for what its service answers. */
class Station {
  private readonly port: NicPort;
  private received: (frame: Uint8Array) => void = () => undefined;
  /** Of the last question: an answer to an earlier one, or another station's question to all, is no answer to it. */
  private transaction = 0;

  constructor(
    private readonly node: OverlayNode,
    private readonly vni: number,
    private readonly mac: string,
  ) {
    this.port = {
      place: { type: 'interface', mac },
      vni,
      vmId: randomUUID(),
      epoch: 1,
      deliver: frames => frames.forEach(frame => this.received(frame)),
    };
  }

  plug = () => this.node.attach(this.port);
  unplug = () => this.node.detach(this.port);

  /** Again and again until there is an answer, as clients do. */
  private async ask<Answer>(
    to: string,
    mac: string,
    port: number,
    payload: Uint8Array,
    read: (payload: Uint8Array) => Answer | undefined,
  ): Promise<Answer> {
    const ends = {
      sourceMac: parseMac(this.mac),
      destinationMac: parseMac(mac),
      source: to === '255.255.255.255' ? 0 : parseIpv4('10.10.0.200'),
      destination: parseIpv4(to),
    };
    const answer = new Promise<Answer>(resolve => {
      this.received = frame => {
        const packet = findIpPacket(frame, SUPER_FRAME_ETHERNET);
        const datagram = packet && findUdp(frame, packet, true);
        if (datagram?.sourcePort !== port) return;
        const answer = read(datagram.payload.slice());
        if (answer !== undefined) resolve(answer);
      };
    });
    const send = () => this.node.transmit(this.port, [udpFrame(ends, 68, port, payload)]);
    const again = setInterval(send, 500);
    send();
    return answer.finally(() => clearInterval(again));
  }

  async dhcp(type: number, address?: string) {
    const options = new Map<number, Uint8Array>([[dhcpOptions.MESSAGE_TYPE, Uint8Array.of(type)]]);
    if (address) options.set(dhcpOptions.REQUESTED_ADDRESS, dhcpValue(parseIpv4(address)));
    const transaction = ++this.transaction;
    const request = encodeDhcp({
      op: 1,
      ...{ transaction, broadcast: false, clientAddress: 0, yourAddress: 0, relayAddress: 0 },
      clientMac: parseMac(this.mac),
      options,
    });
    const answer = await this.ask('255.255.255.255', BROADCAST_MAC, 67, request, payload => {
      const message = parseDhcp(payload);
      return message.transaction === transaction ? message : undefined;
    });
    return {
      type: answer.options.get(dhcpOptions.MESSAGE_TYPE)?.[0],
      address: formatIpv4(answer.yourAddress),
      dns: dhcpNumber(answer.options, dhcpOptions.DNS_SERVERS),
      mtu: answer.options.get(dhcpOptions.INTERFACE_MTU),
    };
  }

  async lookUp(name: string): Promise<string[]> {
    const id = ++this.transaction;
    const query = encode({ type: 'query', id, questions: [{ type: 'A', name }] });
    const answer = await this.ask('10.10.0.1', serviceMac(this.vni), 53, query, payload => {
      const message = decode(Buffer.from(payload));
      return message.id === id ? message : undefined;
    });
    return (answer.answers ?? []).flatMap(each => (each.type === 'A' ? [each.data] : []));
  }
}

describe('the services of networks, with hosts on a real NATS server and a real store', () => {
  let nats: Awaited<ReturnType<typeof testNats>>;
  let postgres: Awaited<ReturnType<typeof testPostgres>>;
  let source: ReturnType<typeof createDataSource>;
  let bus: Bus;
  let alpha: OverlayNode;
  let vnet: INestApplication;
  let lan: NetworkEntity;
  let vms: VmDefinition[];
  let station: Station;

  const startVnet = async () => {
    const config = vnetConfig.parse({
      V3_NATS_URL: nats.url,
      V3_DATABASE_URL: postgres.url,
      V3_LOG_LEVEL: 'silent',
      V3_HTTP_PORT: 0,
    });
    vnet = await createService({ name: 'vnet', module: VnetModule, config: vnetConfig }, config);
  };
  const reload = () => bus.call(vnetCalls.reload, undefined, {});
  const define = (name: string, mac: string, ip: string | null) =>
    new VmRepository(source).create({
      ...{ name, host: 'alpha', memoryMiB: 64, image: 'debian', boot: 'template' as const },
      ...{ autostart: false, managed: false },
      nics: [{ networkId: lan.id, mac, ip }],
    });

  beforeAll(async () => {
    [nats, postgres] = await Promise.all([testNats(), testPostgres()]);
    source = createDataSource(postgres.url);
    await migrate(source);
    await new HostRepository(source).save({ name: 'alpha', memoryMiB: 64, cores: 1, nics: [], radios: [] });
    bus = await Bus.connect({ url: nats.url, name: 'test' });
    await startVnet();
    alpha = await OverlayNode.start({ bus, host: 'alpha' });
    lan = await new NetworkRepository(source).create({
      ...{ name: 'lan', subnet: '10.10.0.0/24', dhcp: true, dns: true, managed: false },
    });
    vms = [await define('a1', MACS[0]!, null), await define('b1', MACS[1]!, '10.10.0.2/24')];
    station = new Station(alpha, lan.vni, MACS[0]!);
    await station.plug();
    await reload();
  });
  afterAll(async () => {
    await alpha?.stop();
    await vnet?.close();
    await bus?.close();
    await source?.destroy();
    await Promise.all([nats?.stop(), postgres?.stop()]);
  });

  it('begin with a reload, leave defined addresses to their NICs, and answer for names', async () => {
    expect(await station.dhcp(dhcpTypes.DISCOVER)).toEqual({
      type: dhcpTypes.OFFER,
      address: '10.10.0.3',
      dns: parseIpv4('10.10.0.1'),
      mtu: undefined,
    });
    expect(await station.dhcp(dhcpTypes.REQUEST, '10.10.0.3')).toMatchObject({ type: dhcpTypes.ACK });
    expect(await new DhcpLeaseRepository(source).ofNetwork(lan.id)).toMatchObject([
      { mac: MACS[0], address: '10.10.0.3' },
    ]);
    expect(await station.lookUp('b1')).toEqual(['10.10.0.2']);
    expect(await station.lookUp('a1.lan.internal')).toEqual(['10.10.0.3']);
  });

  it('know the leases again after a restart', async () => {
    await vnet.close();
    await startVnet();
    const options = await station.dhcp(dhcpTypes.DISCOVER);
    expect(options).toMatchObject({ address: '10.10.0.3' });
    expect(await station.lookUp('a1')).toEqual(['10.10.0.3']);
  });

  it('serve a VM that was defined after they last looked', async () => {
    vms.push(await define('c1', MACS[2]!, '10.10.0.77/24'));
    const other = new Station(alpha, lan.vni, MACS[2]!);
    await other.plug();
    expect(await other.dhcp(dhcpTypes.DISCOVER)).toMatchObject({ address: '10.10.0.77' });
    await other.unplug();
  });

  it('learn what guests report when a VM changes', async () => {
    const d1 = await define('d1', '02:00:00:00:00:04', null);
    await new VmStatusRepository(source).save({
      ...{ vmId: d1.id, host: 'alpha', epoch: 1, state: 'RUNNING', reason: '', agent: true },
      ...{ ips: [['10.10.0.150/24']], startedAt: null, incarnation: randomUUID() },
      ...{ desired: 'running', resumeState: null },
    });
    bus.announce(vmChanged, 'alpha', {
      ...{ vmId: d1.id, epoch: 1, state: 'RUNNING', reason: '', agent: true },
      ...{ ips: [['10.10.0.150/24']], startedAt: null },
    });
    for (;;) if ((await station.lookUp('d1'))[0] === '10.10.0.150') break;
  });

  it('tell the MTU of a link, and are gone with the wish for them', async () => {
    await new VnetLinkRepository(source).create({
      ...{ type: 'udp', remote: '192.0.2.1', networkId: lan.id, wireVni: null, mtu: 1400 },
      ...{ up: false, impairment: null, managed: false },
    });
    await reload();
    expect(await station.dhcp(dhcpTypes.DISCOVER)).toMatchObject({ mtu: Uint8Array.of(5, 120) });
    const attached = async () =>
      (await bus.call(vnetCalls.status, undefined, {})).automatic.map(({ mac }) => mac);
    expect(await attached()).toContain(serviceMac(lan.vni));
    await new NetworkRepository(source).update(lan.id, { dhcp: false, dns: false });
    await reload();
    expect(await attached()).not.toContain(serviceMac(lan.vni));
  });
});
