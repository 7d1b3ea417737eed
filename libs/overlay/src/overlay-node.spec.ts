import { Bus, decodeFrameBatch, encodeFrameBatch, type Stoppable } from '@v3vee/bus';
import {
  rawSubjects,
  vnetCalls,
  vnetHello,
  vnetInvalidate,
  vnetQuery,
  vnetRoute,
  type Attachment,
} from '@v3vee/contracts';
import { BROADCAST_MAC } from '@v3vee/wire';
import { randomUUID } from 'node:crypto';
import { OverlayNode } from './overlay-node';
import type { Port } from './port';
import { frameTo, idOf, macOf, vmOf } from './testing/frames';
import { RestartableNats, until } from './testing/nats';

jest.setTimeout(30_000);

/** The other side of the bus: what a router would hear, and what it would say. */
class RouterSide {
  incarnation = randomUUID();
  readonly announced: Attachment[][] = [];
  readonly queried: string[][] = [];
  readonly missed: { host: string; ids: number[] }[] = [];
  readonly sentToBeta: number[][] = [];
  private serving: Stoppable | undefined;

  constructor(readonly bus: Bus) {
    bus.listen(vnetQuery, '*', ({ routes }) => this.queried.push(routes.map(({ mac }) => mac)));
    bus.subscribeRaw(rawSubjects.framesToRouter('*'), (bytes, subject) =>
      this.missed.push({
        host: subject.split('.').at(-1)!,
        ids: decodeFrameBatch(bytes).map(({ frame }) => idOf(frame)),
      }),
    );
    bus.subscribeRaw(rawSubjects.framesTo('beta'), bytes =>
      this.sentToBeta.push(decodeFrameBatch(bytes).map(({ frame }) => idOf(frame))),
    );
  }

  async serve(): Promise<void> {
    this.serving = this.bus.serve(vnetCalls.attach, undefined, ({ nics }) => {
      this.announced.push(nics);
      return { incarnation: this.incarnation };
    });
    await this.bus.flush();
  }

  stop(): void {
    this.serving?.stop();
  }

  hello(): void {
    this.bus.announce(vnetHello, undefined, { incarnation: this.incarnation });
  }

  route(n: number | string, hosts: string[], incarnation = this.incarnation): void {
    const mac = typeof n === 'string' ? n : macOf(n);
    this.bus.announce(vnetRoute, 'alpha', { vni: 1, mac, hosts, incarnation });
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
  const port = (n: number, received: number[] = []): Port => ({
    vni: 1,
    mac: macOf(n),
    vmId: vmOf(n),
    epoch: 1,
    deliver: frames => void received.push(...frames.map(idOf)),
  });
  const to = (n: number, id: number) => frameTo(macOf(n), macOf(1), id);
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
    router.route(2, ['beta']);
    await until(() => node.core.cache.size > 0);
    node.transmit(a, [to(2, 3)]);
    node.transmit(a, [to(2, 4)]);
    await until(() => router.sentToBeta.length > 0);
    expect(router.sentToBeta).toEqual([[3, 4]]);
    router.bus.announce(vnetInvalidate, undefined, {
      incarnation: router.incarnation,
      routes: [{ vni: 1, mac: macOf(2) }],
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
    await until(() => node.core.cache.get(1, to(2, 0), 12)?.hosts[0] === 'gamma');
    expect(node.core.cache.get(1, to(5, 0), 12)).toBeUndefined();
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
    node.transmit(a, [to(2, 1), to(7, 2)]);
    expect(node.core.counters.dropped['link-down']).toBe(2);
    const before = router.announced.length;
    await nats.startAgain();
    await until(() => router.announced.length > before && router.queried.length > 0);
    expect(macs().at(-1)).toEqual([macOf(1)]);
    node.transmit(a, [to(2, 3)]);
    await until(() => router.sentToBeta.length > 0);
    expect(router.sentToBeta).toEqual([[3]]);
  });

  it('stops while nobody acknowledges, and sends what was waiting', async () => {
    const a = port(1);
    const attaching = node.attach(a);
    await until(() => notices.length > 0);
    node.transmit(a, [to(2, 1)]);
    await node.stop();
    await attaching;
    await until(() => router.missed.length > 0);
    expect(node.announced).toBe(false);
  });
});
