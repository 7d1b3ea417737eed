import type { INestApplication } from '@nestjs/common';
import { Bus } from '@v3vee/bus';
import { impairment, vnetCalls } from '@v3vee/contracts';
import { OverlayNode, type NicPort } from '@v3vee/overlay';
import { createService } from '@v3vee/service';
import {
  createDataSource,
  migrate,
  NetworkRepository,
  VnetLinkRepository,
  type NetworkEntity,
} from '@v3vee/store';
import { testNats, testPostgres } from '@v3vee/testkit';
import { BROADCAST_MAC, parseMac } from '@v3vee/wire';
import { randomUUID } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { vnetConfig } from '../config';
import { VnetModule } from '../vnet.module';

const [GUEST, OUTSIDE] = ['02:00:00:00:00:01', '02:00:00:00:00:02'];

/** An Ethernet frame of 60 bytes with `id` in its payload. */
function frame(destination: string, source: string, id: number): Uint8Array {
  const bytes = new Uint8Array(60);
  bytes.set([...parseMac(destination), ...parseMac(source), 0x88, 0xb5, id]);
  return bytes;
}
const superFrame = (bytes: Uint8Array) => Buffer.concat([new Uint8Array(12), bytes]);

/** Waits for a condition, and fails with it when it does not come true on the slowest machine either. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`never came true: ${condition.toString()}`);
    await new Promise(resolve => setTimeout(resolve, 5));
  }
}

/** What is outside: a socket that keeps the ids of the frames it gets. */
class Outside {
  readonly ids: number[] = [];
  private constructor(readonly socket: Socket) {
    socket.on('message', bytes => this.ids.push(bytes[14]!));
  }
  static async open(): Promise<Outside> {
    const socket = createSocket('udp4');
    await once(socket.bind(0, '127.0.0.1'), 'listening');
    return new Outside(socket);
  }
  get port(): number {
    return this.socket.address().port;
  }
}

describe('links of the store, with a host on a real NATS server', () => {
  let nats: Awaited<ReturnType<typeof testNats>>;
  let postgres: Awaited<ReturnType<typeof testPostgres>>;
  let source: ReturnType<typeof createDataSource>;
  let bus: Bus;
  let alpha: OverlayNode;
  let vnet: INestApplication;
  let lan: NetworkEntity;
  let guest: NicPort;
  let one: Outside;
  let two: Outside;
  let port: number;
  const received: number[] = [];

  const startVnet = async () => {
    const config = vnetConfig.parse({
      V3_NATS_URL: nats.url,
      V3_DATABASE_URL: postgres.url,
      V3_LOG_LEVEL: 'silent',
      V3_HTTP_PORT: 0,
      // A new router keeps group frames for who turns up within this time: links that a test adds must not be among them.
      V3_VNET_HOLD_MS: 0,
    });
    vnet = await createService({ name: 'vnet', module: VnetModule, config: vnetConfig }, config);
  };
  const repository = () => new VnetLinkRepository(source);
  const reload = () => bus.call(vnetCalls.reload, undefined, {});
  const link = async (index: number) =>
    (await bus.call(vnetCalls.status, undefined, {})).links.find(status => status.index === index);
  const add = (name: string, to: Outside) =>
    repository().create({
      ...{ name, type: 'udp', remote: '127.0.0.1', remotePort: to.port, local: '127.0.0.1', localPort: port },
      ...{ networkId: lan.id, mtu: 1500, up: true, impairment: null, managed: false },
    });
  const transmit = (destination: string, id: number) =>
    alpha.transmit(guest, [superFrame(frame(destination, GUEST!, id))]);

  beforeAll(async () => {
    [nats, postgres] = await Promise.all([testNats(), testPostgres()]);
    source = createDataSource(postgres.url);
    await migrate(source);
    bus = await Bus.connect({ url: nats.url, name: 'test' });
    const free = await Outside.open();
    port = free.port;
    free.socket.close();
    [one, two] = [await Outside.open(), await Outside.open()];
    lan = await new NetworkRepository(source).create({
      ...{ name: 'lan', subnet: '10.10.0.0/24', dhcp: false, dns: false, managed: false },
    });
    await add('one', one);
    await startVnet();
    alpha = await OverlayNode.start({ bus, host: 'alpha' });
    guest = {
      ...{ place: { type: 'interface', mac: GUEST! }, vni: lan.vni, vmId: randomUUID(), epoch: 1 },
      deliver: frames => void received.push(...frames.map(bytes => bytes[26]!)),
    };
    await alpha.attach(guest);
    await reload();
  });
  afterAll(async () => {
    await alpha?.stop();
    await vnet?.close();
    await bus?.close();
    await source?.destroy();
    one?.socket.close();
    two?.socket.close();
    await Promise.all([nats?.stop(), postgres?.stop()]);
  });

  it('are open when the service has started; frames pass both ways, and addresses are learned', async () => {
    expect(await link(1)).toMatchObject({ state: 'UP', learned: [] });
    transmit(BROADCAST_MAC, 1);
    await until(() => one.ids.length === 1);
    one.socket.send(frame(GUEST!, OUTSIDE!, 2), port, '127.0.0.1');
    await until(() => received.includes(2));
    await until(async () => (await link(1))!.learned[0] === OUTSIDE);
    transmit(OUTSIDE!, 3);
    await until(() => one.ids.includes(3));
    const metrics = await (await fetch(`${await vnet.getUrl()}/metrics`)).text();
    expect(metrics).toContain('v3_vnet_link_up{link="one",service="vnet"} 1\n');
    expect(metrics).toContain(
      'v3_vnet_link_frames_total{link="one",direction="transmit",service="vnet"} 2\n',
    );
  });

  it('change with the store: a second one, an impairment, down, gone', async () => {
    const { index } = await add('two', two);
    await reload();
    expect(await link(index)).toMatchObject({ state: 'UP' });
    transmit(OUTSIDE!, 4);
    await until(() => one.ids.includes(4));
    await repository().update(index, { impairment: impairment.parse({ lossPercent: 100 }) });
    await reload();
    transmit(BROADCAST_MAC, 5);
    await until(async () => (await link(index))!.counters.dropped['transmit-impaired'] === 1);
    await repository().update(index, { up: false, impairment: null });
    await reload();
    expect(await link(index)).toMatchObject({ state: 'DOWN', reason: 'it is set down' });
    transmit(BROADCAST_MAC, 6);
    await until(() => one.ids.includes(6));
    expect(two.ids).toEqual([]);
    await repository().update(index, { up: true });
    await reload();
  });

  it('make no storm of a broadcast when they form a ring outside', async () => {
    // Whatever comes out of one link goes into the other: a switch with both cables.
    let hops = 0;
    const forward = (from: Outside, to: Outside) =>
      from.socket.on('message', bytes => {
        hops++;
        to.socket.send(bytes, port, '127.0.0.1');
      });
    forward(one, two);
    forward(two, one);
    received.length = 0;
    transmit(BROADCAST_MAC, 7);
    await until(() => hops === 2);
    // A frame sent after it, and come back, shows that nothing else was under way.
    two.socket.send(frame(GUEST!, OUTSIDE!, 8), port, '127.0.0.1');
    await until(() => received.includes(8));
    expect(hops).toBe(2);
    expect(received).toEqual([8]);
    for (const socket of [one.socket, two.socket]) socket.removeAllListeners('message');
  });

  it('are there again after a restart of the service', async () => {
    await vnet.close();
    await startVnet();
    await until(async () => (await link(1).catch(() => undefined))?.state === 'UP');
    const again = await Outside.open();
    await repository().remove({ index: 2, name: 'two' });
    await add('three', again);
    await reload();
    transmit(BROADCAST_MAC, 9);
    await until(() => again.ids.includes(9));
    expect(await link(2)).toBeUndefined();
    again.socket.close();
  });
});
