import { Bus, decodeFrameBatch, encodeFrameBatch, type Stoppable } from '@v3vee/bus';
import {
  rawSubjects,
  vnetCalls,
  vnetHello,
  vnetInvalidate,
  vnetQuery,
  vnetRouteFound,
  type Attachment,
  type EdgeAttachment,
} from '@v3vee/contracts';
import { BROADCAST_MAC } from '@v3vee/wire';
import { randomUUID } from 'node:crypto';
import { OverlayNode } from './overlay-node';
import type { LinkPort, NicPort } from './port';
import { frameTo, idOf, macOf, vmOf } from './testing/frames';
import { RestartableNats, until } from './testing/nats';

jest.setTimeout(30_000);

/** The other side of the bus: what a router would hear, and what it would say. */
class RouterSide {
  incarnation = randomUUID();
  readonly announced: Attachment[][] = [];
  readonly edges: EdgeAttachment[][] = [];
  readonly queried: string[][] = [];
  readonly missed: { host: string; ids: number[] }[] = [];
  readonly places: unknown[] = [];
  readonly sentToBeta: number[][] = [];
  private serving: Stoppable[] = [];

  constructor(readonly bus: Bus) {
    bus.listen(vnetQuery, '*', ({ flows }) => this.queried.push(flows.map(f => f.destination)));
    bus.subscribeRaw(rawSubjects.framesTo('beta'), bytes =>
      this.sentToBeta.push(decodeFrameBatch(bytes).map(({ frame }) => idOf(frame))),
    );
  }

  async serve(): Promise<void> {
    this.serving = [
      this.bus.subscribeRaw(rawSubjects.framesToRouter('*'), (bytes, subject) => {
        const batch = decodeFrameBatch(bytes);
        this.missed.push({ host: subject.split('.').at(-1)!, ids: batch.map(({ frame }) => idOf(frame)) });
        this.places.push(...batch.map(({ place }) => place));
      }),
      this.bus.serve(vnetCalls.attach, '*', ({ nics, edges }) => {
        this.announced.push(nics);
        this.edges.push(edges);
        return { incarnation: this.incarnation };
      }),
    ];
    await this.bus.flush();
  }

  async stop(): Promise<void> {
    for (const each of this.serving.splice(0)) each.stop();
    await this.bus.flush();
  }

  hello(): void {
    this.bus.announce(vnetHello, undefined, { incarnation: this.incarnation });
  }

  route(n: number | string, hosts: string[], incarnation = this.incarnation): void {
    const destination = typeof n === 'string' ? n : macOf(n);
    const from = { type: 'interface' as const, mac: macOf(1) };
    const targets = hosts.map(host => ({ host, to: null }));
    const flow = { vni: 1, from, source: macOf(1), destination };
    this.bus.announce(vnetRouteFound, 'alpha', { ...flow, targets, incarnation });
  }
}

describe('an overlay node on a real NATS server', () => {
  let nats: RestartableNats;
  let buses: Bus[];
  let node: OverlayNode;
  let router: RouterSide;
  let notices: string[];

  const connect = async (name: string) => {
    const bus = await Bus.connect({ url: nats.url, name });
    buses.push(bus);
    return bus;
  };
  const port = (n: number, received: number[] = []): NicPort => ({
    vni: 1,
    place: { type: 'interface', mac: macOf(n) },
    vmId: vmOf(n),
    epoch: 1,
    deliver: frames => void received.push(...frames.map(idOf)),
  });
  const to = (n: number, id: number) => frameTo(macOf(n), macOf(1), id);
  /** Where frames of port 1, the only one, go; the core numbers its ports from 1. */
  const cachedFor = (n: number) => node.core.cache.get(1, to(n, 0), 12)?.targets[0]?.host;
  const macs = () => router.announced.map(nics => nics.map(({ mac }) => mac));

  beforeEach(async () => {
    nats = await RestartableNats.start();
    buses = [];
    notices = [];
    router = new RouterSide(await connect('router'));
    await router.bus.flush();
    const bus = await connect('alpha');
    node = await OverlayNode.start({ bus, host: 'alpha', onNotice: notice => notices.push(notice) });
  });

  afterEach(async () => {
    await node.stop();
    await Promise.all(buses.map(bus => bus.close()));
    await nats.stop();
  });

  it('announces its NICs until the router acknowledges, and only then says that they are attached', async () => {
    let attached = false;
    const attaching = node.attach(port(1)).then(() => (attached = true));
    await until(() => notices.length > 0);
    expect([attached, node.announced]).toEqual([false, false]);
    await router.serve();
    await attaching;
    expect(node.announced).toBe(true);
    expect(macs().at(-1)).toEqual([macOf(1)]);
    expect(notices).toEqual([
      'the router does not acknowledge the attached NICs yet',
      'the router has acknowledged the attached NICs',
    ]);
  });

  it('announces the whole list at each change, the changes of one moment together', async () => {
    await router.serve();
    await until(() => node.announced);
    const before = router.announced.length;
    const [a, b] = [port(1), port(2)];
    await Promise.all([node.attach(a), node.attach(b)]);
    await node.detach(a);
    // On a machine that stands still for a second an announcement is made again.
    const lists = new Set(macs().slice(before).map(String));
    expect([...lists]).toEqual([`${macOf(1)},${macOf(2)}`, macOf(2)]);
    await expect(node.attach(port(2))).rejects.toMatchObject({ code: 'MAC_IN_USE' });
  });

  it('sends a miss to the router in its own name, then takes the route', async () => {
    await router.serve();
    const a = port(1);
    await node.attach(a);
    node.transmit(a, [to(2, 1), to(2, 2)]);
    await until(() => router.missed.length > 0);
    expect(router.missed).toEqual([{ host: 'alpha', ids: [1, 2] }]);
    expect(router.places).toEqual([a.place, a.place]);
    router.route(2, ['beta']);
    await until(() => node.core.cache.size > 0);
    node.transmit(a, [to(2, 3)]);
    node.transmit(a, [to(2, 4)]);
    await until(() => router.sentToBeta.length > 0);
    expect(router.sentToBeta).toEqual([[3, 4]]);
    router.bus.announce(vnetInvalidate, undefined, {
      incarnation: router.incarnation,
      flows: [{ vni: 1, destination: macOf(2) }],
    });
    await until(() => node.core.cache.size === 0);
  });

  it('delivers what comes for its ports, and survives what is no batch', async () => {
    const received: number[] = [];
    void node.attach(port(3, received));
    const { bus } = router;
    bus.publishRaw(rawSubjects.framesTo('alpha'), new Uint8Array(100).fill(0xff));
    bus.publishRaw(rawSubjects.framesTo('alpha'), new Uint8Array(0));
    bus.publishRaw(
      rawSubjects.framesTo('alpha'),
      encodeFrameBatch([
        { vni: 1, frame: to(3, 1) },
        { vni: 2, frame: to(3, 2) },
        { vni: 1, frame: new Uint8Array(5) },
        { vni: 1, frame: to(3, 3) },
      ]),
    );
    await until(() => received.length === 2);
    expect(received).toEqual([1, 3]);
    expect(node.core.counters.dropped).toMatchObject({ 'no-port': 1, malformed: 1 });
  });

  it('keeps its cached routes over a restart of the router and has them confirmed', async () => {
    await router.serve();
    const a = port(1);
    await node.attach(a);
    router.route(2, ['beta']);
    router.route(BROADCAST_MAC, ['beta']);
    await until(() => node.core.cache.size === 2);
    const old = router.incarnation;
    router.incarnation = randomUUID();
    const before = router.announced.length;
    router.hello();
    node.transmit(a, [to(2, 1)]);
    await until(() => router.queried.length > 0);
    expect(router.announced.length).toBeGreaterThan(before);
    expect(router.queried.map(keys => keys.sort())).toEqual([[macOf(2), BROADCAST_MAC]]);
    await until(() => router.sentToBeta.length > 0);
    // Late words of the old router count no more; those of the new one do.
    router.route(5, ['gamma'], old);
    router.route(2, ['gamma']);
    await until(() => cachedFor(2) === 'gamma');
    expect(cachedFor(5)).toBeUndefined();
  });

  it('notices a new router by its answer, though it missed the greeting', async () => {
    await router.serve();
    await node.attach(port(1));
    router.route(2, ['beta']);
    await until(() => node.core.cache.size === 1);
    router.incarnation = randomUUID();
    await node.attach(port(4));
    await until(() => router.queried.length > 0);
    expect(router.queried).toEqual([[macOf(2)]]);
  });

  it('drops frames while the server is away, then announces all again', async () => {
    await router.serve();
    const a = port(1);
    await node.attach(a);
    router.route(2, ['beta']);
    await until(() => node.core.cache.size === 1);
    const [bus] = buses.slice(-1);
    await nats.kill();
    await until(() => !bus!.connected);
    // A known flow's frame is lost, as on a cut cable; what has no route yet waits.
    node.transmit(a, [to(2, 1), to(7, 2)]);
    expect(node.core.counters.dropped['link-down']).toBe(1);
    const before = router.announced.length;
    await nats.startAgain();
    await until(() => router.announced.length > before && router.queried.length > 0);
    expect(macs().at(-1)).toEqual([macOf(1)]);
    node.transmit(a, [to(2, 3)]);
    await until(() => router.sentToBeta.length > 0);
    expect(router.sentToBeta).toEqual([[3]]);
    await until(() => router.missed.length > 0);
    expect(router.missed).toEqual([{ host: 'alpha', ids: [2] }]);
  });

  it('holds what has no route while there is no router, and sends it in order when one is back', async () => {
    await router.serve();
    const a = port(1);
    await node.attach(a);
    await router.stop();
    node.transmit(a, [to(2, 1)]);
    await until(() => node.stats().counters['waiting'] === 1);
    node.transmit(a, [to(2, 2), to(3, 3)]);
    expect([node.stats().counters['waiting'], node.announced]).toEqual([3, false]);
    await router.serve();
    await until(() => router.missed.length > 0);
    expect(router.missed.flatMap(({ ids }) => ids)).toEqual([1, 2, 3]);
    expect(node.stats().counters).toMatchObject({ waiting: 0, misses: 3, 'dropped.queue-full': 0 });
  });

  it('shares the room for waiting frames fairly between ports', async () => {
    await router.serve();
    const [a, b] = [port(1), port(5)];
    await Promise.all([node.attach(a), node.attach(b)]);
    await router.stop();
    node.transmit(b, [to(2, 7777)]);
    for (let id = 0; id < 2_000; id++) node.transmit(a, [to(2, id)]);
    await until(() => node.stats().counters['dropped.queue-full'] === 2_001 - 1_024);
    await router.serve();
    await until(() => router.missed.flatMap(({ ids }) => ids).length === 1_024);
    expect(router.missed.flatMap(({ ids }) => ids)).toEqual([
      7777,
      ...Array.from({ length: 1_023 }, (_, i) => 977 + i),
    ]);
  });

  it('announces links and what is learned behind them', async () => {
    await router.serve();
    const received: number[] = [];
    const link: LinkPort = {
      vni: 1,
      place: { type: 'edge', link: 4 },
      deliver: frames => void received.push(...frames.map(idOf)),
    };
    await node.attach(link);
    await node.setLearned(link, [macOf(9)]);
    expect(router.edges.at(-1)).toEqual([{ vni: 1, link: 4, learned: [macOf(9)] }]);
    const frame = { vni: 1, frame: to(9, 1), place: link.place };
    router.bus.publishRaw(rawSubjects.framesTo('alpha'), encodeFrameBatch([frame]));
    await until(() => received.length > 0);
    node.transmit(link, [to(1, 2)]);
    await until(() => router.missed.length > 0);
    expect(router.places).toEqual([link.place]);
  });

  it('stops while nobody acknowledges, and sends what waited for the end of the tick', async () => {
    const a = port(1);
    const attaching = node.attach(a);
    await until(() => notices.length > 0);
    node.core.learn({
      vni: 1,
      from: a.place,
      source: macOf(1),
      destination: macOf(2),
      targets: [{ host: 'beta', to: null }],
    });
    node.transmit(a, [to(2, 1)]);
    await node.stop();
    await attaching;
    await until(() => router.sentToBeta.length > 0);
    expect(node.announced).toBe(false);
  });
});
