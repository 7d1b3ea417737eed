import type { INestApplication } from '@nestjs/common';
import { Bus } from '@v3vee/bus';
import { LINKS_HOST, palaciosHeartbeat, vnetCalls } from '@v3vee/contracts';
import { OverlayNode, type NicPort } from '@v3vee/overlay';
import { createService } from '@v3vee/service';
import { ensureNats, resolvePaths, startNats, type Daemon, type NatsServer } from '@v3vee/setup';
import { createDataSource, migrate, NetworkRepository, VnetRouteRepository } from '@v3vee/store';
import { testPostgres } from '@v3vee/testkit';
import { BROADCAST_MAC, parseMac } from '@v3vee/wire';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vnetConfig } from './config';
import { VnetModule } from './vnet.module';

jest.setTimeout(30_000);

const macOf = (n: number) => `02:00:00:00:00:0${n}`;
const vmOf = (n: number) => `00000000-0000-4000-8000-00000000000${n}`;

/** A super-frame with `id` in its payload. */
function frameTo(destination: string, source: string, id: number): Uint8Array {
  const frame = new Uint8Array(72);
  frame.set(parseMac(destination), 12);
  frame.set(parseMac(source), 18);
  frame[26] = id;
  return frame;
}

/** Waits for a condition, and fails with it when it does not come true on the slowest machine either. */
async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`never came true: ${condition.toString()}`);
    await new Promise(resolve => setTimeout(resolve, 5));
  }
}

interface TestPort extends NicPort {
  mac: string;
  received: number[];
}
function port(n: number, epoch = 1): TestPort {
  const received: number[] = [];
  const deliver = (frames: Uint8Array[]) => void received.push(...frames.map(frame => frame[26]!));
  const mac = macOf(n);
  return { vni: 1, place: { type: 'interface', mac }, mac, vmId: vmOf(n), epoch, received, deliver };
}

describe('the router service, with hosts on a real NATS server', () => {
  let nats: NatsServer;
  let postgres: Daemon & { url: string };
  let dir: string;
  let router: INestApplication | undefined;
  let nodes: OverlayNode[];
  let buses: Bus[];

  const startNatsServer = async (port?: number) => {
    nats = await startNats({ program: await ensureNats({ cache: resolvePaths().cache }), dir, port });
  };
  /** It waits long, so that no test depends on the machine's speed, unless the test is about the end of waiting. */
  const startRouter = async (holdMs = 60_000) => {
    const config = vnetConfig.parse({
      V3_NATS_URL: nats.url,
      V3_DATABASE_URL: postgres.url,
      V3_LOG_LEVEL: 'silent',
      V3_VNET_HOLD_MS: holdMs,
    });
    router = await createService({ name: 'vnet', module: VnetModule, config: vnetConfig }, config);
  };
  const routerIsReady = async () => {
    const health = async () => JSON.parse(await fetchText('/health/ready')) as { ready: boolean };
    while (!(await health()).ready) await new Promise(resolve => setTimeout(resolve, 5));
  };
  const stopRouter = async () => {
    await router?.close();
    router = undefined;
  };
  const connect = async (name: string) => {
    const bus = await Bus.connect({ url: nats.url, name });
    buses.push(bus);
    return bus;
  };
  const startNode = async (host: string) => {
    const node = await OverlayNode.start({ bus: await connect(host), host });
    nodes.push(node);
    return node;
  };
  const send = (node: OverlayNode, from: TestPort, to: TestPort | typeof BROADCAST_MAC, id: number) =>
    node.transmit(from, [frameTo(typeof to === 'string' ? to : to.mac, from.mac, id)]);
  const got = (to: TestPort, ...ids: number[]) => until(() => String(to.received) === String(ids));
  const fetchText = async (path: string) => (await fetch(`${await router!.getUrl()}${path}`)).text();

  beforeAll(async () => {
    postgres = await testPostgres();
  });
  afterAll(() => postgres.stop());

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'v3-vnet-'));
    await startNatsServer();
    nodes = [];
    buses = [];
  });

  afterEach(async () => {
    await Promise.all(nodes.map(node => node.stop()));
    await stopRouter();
    await Promise.all(buses.map(bus => bus.close()));
    await nats.stop();
    await rm(dir, { recursive: true, force: true });
  });

  it('carries the first frame of a flow, and only that', async () => {
    await startRouter();
    const [alpha, beta] = [await startNode('alpha'), await startNode('beta')];
    const [a, b] = [port(1), port(2)];
    await Promise.all([alpha.attach(a), beta.attach(b)]);
    send(alpha, a, b, 1);
    await got(b, 1);
    await until(() => alpha.core.cache.size === 1);
    for (let id = 2; id <= 5; id++) send(alpha, a, b, id);
    await got(b, 1, 2, 3, 4, 5);
    expect(alpha.core.counters).toMatchObject({ misses: 1, hits: 4 });
    const metrics = await fetchText('/metrics');
    expect(metrics).toContain('v3_vnet_router_misses_total{service="vnet"} 1\n');
    expect(metrics).toContain('v3_vnet_router_frames_forwarded_total{service="vnet"} 1\n');
    expect(metrics).toContain('v3_vnet_attachments{service="vnet"} 2\n');
    expect(metrics).toContain('v3_vnet_router_dropped_total{reason="no-route",service="vnet"} 0\n');
  });

  it('shows its routes and counters, and refuses a list of NICs that is none', async () => {
    await startRouter();
    const alpha = await startNode('alpha');
    const a = port(1);
    await alpha.attach(a);
    const asker = await connect('asker');
    const { automatic, router: counters, core, links } = await asker.call(vnetCalls.status, undefined, {});
    expect(automatic).toEqual([{ vni: 1, mac: macOf(1), host: 'alpha', to: a.place }]);
    expect(counters).toMatchObject({ attached: 1, stale: 0, misses: 0, rules: 0, 'dropped.malformed': 0 });
    expect(core).toMatchObject({ host: LINKS_HOST, cached: 0, counters: { rx: 0, 'dropped.loop': 0 } });
    expect(links).toEqual([]);
    const nic = { vni: 0, mac: 'ff:ff:ff:ff:ff:ff', vmId: 'x', epoch: 1 };
    await expect(asker.call(vnetCalls.attach, 'beta', { nics: [nic] })).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      fields: [{ path: 'nics[0].vni' }, { path: 'nics[0].mac' }, { path: 'nics[0].vmId' }],
    });
    await routerIsReady();
    expect(JSON.parse(await fetchText('/health/ready'))).toMatchObject({
      checks: { nats: 'ok', router: 'ok', policy: 'ok' },
    });
  });

  it('lets cached flows go on while it is away, and loses no frame that reaches a new one early', async () => {
    await startRouter();
    const [alpha, beta] = [await startNode('alpha'), await startNode('beta')];
    const [a, b, c] = [port(1), port(2), port(3)];
    await Promise.all([alpha.attach(a), beta.attach(b), beta.attach(c)]);
    send(alpha, a, b, 1);
    await until(() => alpha.core.cache.size === 1);
    await stopRouter();
    send(alpha, a, b, 2);
    await got(b, 1, 2);
    // `gamma` has had no word with any router; its NIC becomes known only after the frame was sent.
    await startRouter();
    const gamma = await startNode('gamma');
    const d = port(4);
    send(alpha, a, d, 3);
    send(alpha, a, c, 4);
    send(alpha, a, b, 5);
    await until(() => alpha.core.counters.misses >= 3);
    await gamma.attach(d);
    await Promise.all([got(d, 3), got(c, 4), got(b, 1, 2, 5)]);
    // Frames may arrive before the router's acknowledgement of a repeated announcement does.
    await until(() => alpha.announced && beta.announced);
  });

  it('reaches all hosts of a network with a broadcast just after a restart', async () => {
    await startRouter();
    const [alpha, beta, gamma] = [
      await startNode('alpha'),
      await startNode('beta'),
      await startNode('gamma'),
    ];
    const [a, b, c] = [port(1), port(2), port(3)];
    await Promise.all([alpha.attach(a), beta.attach(b), gamma.attach(c)]);
    await stopRouter();
    await startRouter();
    send(alpha, a, BROADCAST_MAC, 1);
    await Promise.all([got(b, 1), got(c, 1)]);
    expect(a.received).toEqual([]);
  });

  it('follows a VM that moves: no frame goes to the old host once the new one is attached', async () => {
    await startRouter();
    const [alpha, beta, gamma] = [
      await startNode('alpha'),
      await startNode('beta'),
      await startNode('gamma'),
    ];
    const [a, before, after] = [port(1), port(2), port(2, 2)];
    await Promise.all([alpha.attach(a), beta.attach(before)]);
    send(alpha, a, before, 1);
    await until(() => alpha.core.cache.size === 1);
    await gamma.attach(after);
    // The word about it was sent to all hosts before the attachment was acknowledged.
    await buses[0]!.flush();
    send(alpha, a, after, 2);
    await got(after, 2);
    // The old host says again that it has the VM, with an epoch that is over.
    await beta.attach(port(5));
    send(alpha, a, after, 3);
    await got(after, 2, 3);
    expect(before.received).toEqual([1]);
    const { router: counters } = await buses[0]!.call(vnetCalls.status, undefined, {});
    expect(counters).toMatchObject({ attached: 3, stale: 1 });
  });

  it('drops what nobody ever claims, and says so to the sender’s host', async () => {
    await startRouter(100);
    const alpha = await startNode('alpha');
    const a = port(1);
    await alpha.attach(a);
    send(alpha, a, port(9), 1);
    await until(() => alpha.core.cache.size === 1);
    send(alpha, a, port(9), 2);
    expect(alpha.core.counters).toMatchObject({ misses: 1, dropped: { 'no-route': 1 } });
    const { router: counters } = await buses[0]!.call(vnetCalls.status, undefined, {});
    expect(counters).toMatchObject({ misses: 1, 'dropped.no-route': 1, waiting: 0 });
  });

  it('is whole again after the NATS server was away', async () => {
    await startRouter();
    const [alpha, beta] = [await startNode('alpha'), await startNode('beta')];
    const [a, b] = [port(1), port(2)];
    await Promise.all([alpha.attach(a), beta.attach(b)]);
    process.kill(nats.pid, 'SIGKILL');
    await nats.exited;
    await until(() => buses.every(bus => !bus.connected));
    const late = port(3);
    const attaching = beta.attach(late);
    await startNatsServer(nats.port);
    await attaching;
    await until(() => buses.every(bus => bus.connected) && alpha.announced);
    send(alpha, a, late, 1);
    await got(late, 1);
  });

  it('withdraws the NICs of a host that falls silent, and puts them back when it is heard again', async () => {
    await startRouter();
    const [alpha, beta] = [await startNode('alpha'), await startNode('beta')];
    const [a, b] = [port(1), port(2)];
    await Promise.all([alpha.attach(a), beta.attach(b)]);
    send(alpha, a, b, 1);
    await until(() => alpha.core.cache.size === 1);
    const incarnation = randomUUID();
    const beat = () => buses[1]!.announce(palaciosHeartbeat, 'beta', { host: 'beta', incarnation, vms: [] });
    beat();
    const attached = async () => (await buses[0]!.call(vnetCalls.status, undefined, {})).automatic.length;
    while ((await attached()) > 1) await new Promise(resolve => setTimeout(resolve, 50));
    expect(alpha.core.cache.size).toBe(0);
    // Waits for it.
    send(alpha, a, b, 2);
    beat();
    await got(b, 1, 2);
    expect(await attached()).toBe(2);
  });

  describe('with routes in the store', () => {
    const dataSource = () => createDataSource(postgres.url);
    let source: ReturnType<typeof dataSource>;
    let routes: VnetRouteRepository;
    let networkId: string;
    const add = (from: TestPort, to: TestPort) =>
      routes.create({
        networkId,
        source: from.mac,
        destination: 'any',
        to: to.place,
        from: null,
        managed: false,
      });

    beforeAll(async () => {
      source = dataSource();
      await migrate(source);
      routes = new VnetRouteRepository(source);
      const lan = await new NetworkRepository(source).create({ name: 'lan', subnet: null, managed: false });
      expect(lan.vni).toBe(1);
      networkId = lan.id;
    });
    afterEach(async () => {
      for (const { index } of await routes.all()) await routes.remove(index);
    });
    afterAll(() => source.destroy());

    it('has them in force on every host once a reload is acknowledged', async () => {
      await startRouter();
      const [alpha, beta] = [await startNode('alpha'), await startNode('beta')];
      const [a, b, c] = [port(1), port(2), port(3)];
      await Promise.all([alpha.attach(a), beta.attach(b), beta.attach(c)]);
      send(alpha, a, b, 1);
      await until(() => alpha.core.cache.size === 1);
      const { index } = await add(a, c);
      const reload = async () => {
        await buses[0]!.call(vnetCalls.reload, undefined, {});
        // The word about it was sent before the acknowledgement, on another connection.
        await buses[0]!.flush();
      };
      await reload();
      send(alpha, a, b, 2);
      await got(c, 2);
      await routes.remove(index);
      await reload();
      send(alpha, a, b, 3);
      await got(b, 1, 3);
      expect(c.received).toEqual([2]);
    });

    it('serves nobody before it has read them, after a restart too', async () => {
      const [alpha, beta] = [await startNode('alpha'), await startNode('beta')];
      const [a, b, c] = [port(1), port(2), port(3)];
      const attaching = Promise.all([alpha.attach(a), beta.attach(b), beta.attach(c)]);
      await add(a, c);
      send(alpha, a, b, 1);
      await startRouter();
      await attaching;
      await got(c, 1);
      await stopRouter();
      await startRouter();
      send(alpha, a, b, 2);
      await got(c, 1, 2);
      expect(b.received).toEqual([]);
    });

    it('says so when they can’t be read, and reads them as soon as it can', async () => {
      await startRouter();
      const [alpha, beta] = [await startNode('alpha'), await startNode('beta')];
      const [a, b, c] = [port(1), port(2), port(3)];
      await Promise.all([alpha.attach(a), beta.attach(b), beta.attach(c)]);
      await add(a, c);
      await source.query('ALTER TABLE vnet_route RENAME TO away');
      await expect(buses[0]!.call(vnetCalls.reload, undefined, {})).rejects.toThrow();
      send(alpha, a, b, 1);
      await got(b, 1);
      await source.query('ALTER TABLE away RENAME TO vnet_route');
      await until(() => alpha.core.cache.size === 0);
      send(alpha, a, b, 2);
      await got(c, 2);
    });
  });
});
