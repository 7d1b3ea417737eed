import type { VnetRule } from '@v3vee/contracts';
import { BROADCAST_MAC, formatMac } from '@v3vee/wire';
import { frameTo, generator, macOf, type Random } from './testing/frames';
import { World, type TestLink, type TestPort } from './testing/world';

const HOSTS = ['alpha', 'beta', 'gamma'];

describe('the overlay, whole and in one process', () => {
  it('sends the first frame of a flow through the router and the rest straight', () => {
    const world = new World(HOSTS, generator(1));
    const [a, b] = [world.attach('alpha', 1, macOf(1), 1), world.attach('beta', 1, macOf(2), 2)];
    world.drain();
    for (let id = 1; id <= 10; id++) {
      world.send(a, b.mac, id);
      world.drain();
    }
    expect(b.received).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(world.router.counters.forwarded).toBe(1);
    expect(world.core('alpha').counters).toMatchObject({ misses: 1, hits: 9 });
  });

  it('does the same between two ports of one host, and needs no router for flows that are known', () => {
    const world = new World(HOSTS, generator(1));
    const [a, b] = [world.attach('alpha', 1, macOf(1), 1), world.attach('alpha', 1, macOf(2), 2)];
    world.settle();
    world.send(a, b.mac, 1);
    world.send(a, BROADCAST_MAC, 2);
    world.settle();
    world.send(a, b.mac, 3);
    world.send(a, BROADCAST_MAC, 4);
    // Not a message was needed.
    expect([a.received, b.received]).toEqual([[], [1, 2, 3, 4]]);
    expect(world.core('alpha').counters).toMatchObject({ misses: 2, hits: 2 });
  });

  it('stops sending to a host that is lost, and goes on when it is back', () => {
    const world = new World(HOSTS, generator(4));
    const [a, b] = [world.attach('alpha', 1, macOf(1), 1), world.attach('beta', 1, macOf(2), 2)];
    world.settle();
    world.send(a, b.mac, 1);
    world.settle();
    world.loseHost('beta');
    world.settle();
    world.send(a, b.mac, 2);
    world.settle();
    expect(world.core('alpha').counters).toMatchObject({ misses: 2 });
    const late = world.attach('beta', 1, macOf(3), 3);
    world.settle();
    world.send(a, b.mac, 3);
    world.send(a, late.mac, 4);
    world.settle();
    expect([b.received, late.received]).toEqual([[1, 3], [4]]);
  });

  it('puts a route in force for flows that are cached, and takes it back', () => {
    const world = new World(HOSTS, generator(5));
    const [a, b, c] = [1, 2, 3].map(n => world.attach(HOSTS[n - 1]!, 1, macOf(n), n)) as TestPort[] as [
      TestPort,
      TestPort,
      TestPort,
    ];
    const send = (id: number) => {
      world.settle();
      world.send(a, b.mac, id);
      world.settle();
    };
    send(1);
    const to = { type: 'interface' as const, mac: c.mac };
    const rule: VnetRule = { index: 1, vni: 1, source: a.mac, destination: 'any', to, from: null };
    world.setRules([rule]);
    send(2);
    world.setRules([{ ...rule, source: 'any' }]);
    send(3);
    world.restartRouter();
    send(4);
    world.setRules([]);
    send(5);
    expect([b.received, c.received]).toEqual([
      [1, 3, 4, 5],
      [2, 3, 4],
    ]);
  });

  it('loses no cached flow and no broadcast to a restart of the router', () => {
    const world = new World(HOSTS, generator(2));
    const [a, b] = [world.attach('alpha', 1, macOf(1), 1), world.attach('beta', 1, macOf(2), 2)];
    world.settle();
    world.send(a, b.mac, 1);
    world.send(a, BROADCAST_MAC, 2);
    world.drain();
    world.restartRouter();
    // Not a word has reached the new router yet.
    world.send(a, b.mac, 3);
    world.send(a, BROADCAST_MAC, 4);
    world.settle();
    world.send(a, b.mac, 5);
    world.send(a, BROADCAST_MAC, 6);
    world.settle();
    expect(b.received.sort()).toEqual([1, 2, 3, 4, 5, 6]);
    expect(world.router.counters.misses).toBe(0);
  });

  it('finds out after a restart that a VM moved while the router was away', () => {
    const world = new World(HOSTS, generator(3));
    const [a, b] = [world.attach('alpha', 1, macOf(1), 1), world.attach('beta', 1, macOf(2), 2)];
    world.settle();
    world.send(a, b.mac, 1);
    world.settle();
    world.detach(b);
    const moved = world.attach('gamma', 1, macOf(2), 2, 2);
    world.restartRouter();
    world.settle();
    world.send(a, b.mac, 2);
    world.settle();
    expect([b.received, moved.received]).toEqual([[1], [2]]);
  });

  it.each(Array.from({ length: 20 }, (_, i) => i + 1))(
    'delivers every frame once, to whom it is for, when changes have spread (seed %i)',
    seed => {
      const random = generator(seed);
      const world = new World(HOSTS, random, 1 + random(8));
      let id = 0;
      const epochs = new Map<number, number>();
      for (let step = 0; step < 300; step++) {
        const n = 1 + random(8);
        const vni = 1 + (n % 2);
        const port = world.ports.find(p => p.mac === macOf(n));
        switch (random(8)) {
          case 0:
            if (port) world.detach(port);
            break;
          case 1:
          case 2: {
            // A VM that starts, or that moves to another host with the next epoch.
            if (port) world.detach(port);
            const epoch = (epochs.get(n) ?? 0) + 1;
            epochs.set(n, epoch);
            world.attach(HOSTS[random(3)]!, vni, macOf(n), n, epoch);
            break;
          }
          case 3:
            if (random(10) === 0) world.restartRouter();
            break;
          case 4:
            world.now += random(1_500);
            world.router.expire();
            break;
          default: {
            world.settle();
            const from = world.ports[random(world.ports.length || 1)];
            if (!from) break;
            const to = random(3) === 0 ? BROADCAST_MAC : macOf(n);
            const before = world.ports.map(p => p.received.length);
            world.send(from, to, ++id);
            world.settle();
            world.ports.forEach((p, i) => {
              const meant = p !== from && p.vni === from.vni && (to === BROADCAST_MAC || p.mac === to);
              expect([p.mac, ...p.received.slice(before[i])]).toEqual(meant ? [p.mac, id] : [p.mac]);
            });
          }
        }
      }
      expect(id).toBeGreaterThan(50);
    },
  );

  it.each(Array.from({ length: 20 }, (_, i) => i + 101))(
    'never delivers a frame twice or to a stranger, however changes and frames overtake each other (seed %i)',
    seed => {
      const random = generator(seed);
      const world = new World(HOSTS, random, 1 + random(8));
      const everyPort = new Set(world.ports);
      const sent = new Map<number, { from: string; to: string; vni: number }>();
      const epochs = new Map<number, number>();
      let id = 0;
      for (let step = 0; step < 1500; step++) {
        const n = 1 + random(6);
        const port = world.ports.find(p => p.mac === macOf(n));
        switch (random(12)) {
          case 0:
            if (port && random(3) === 0) world.detach(port);
            break;
          case 1: {
            if (port) world.detach(port);
            const epoch = (epochs.get(n) ?? 0) + 1;
            epochs.set(n, epoch);
            everyPort.add(world.attach(HOSTS[random(3)]!, 1 + (n % 2), macOf(n), n, epoch));
            break;
          }
          case 2:
            if (random(20) === 0) world.restartRouter();
            else world.router.expire();
            break;
          case 3:
            world.now += random(300);
            break;
          case 4:
          case 5:
          case 6: {
            const from = world.ports[random(world.ports.length || 1)];
            if (!from) break;
            const to = random(4) === 0 ? BROADCAST_MAC : macOf(n);
            sent.set(++id, { from: from.mac, to, vni: from.vni });
            world.send(from, to, id);
            break;
          }
          default:
            for (let i = random(8); i > 0; i--) world.step();
        }
      }
      world.settle();
      let received = 0;
      for (const port of everyPort) {
        // Each attachment counts by itself: a VM that moves may get a broadcast on either host, as on any LAN.
        expect(new Set(port.received).size).toBe(port.received.length);
        for (const got of port.received) {
          const frame = sent.get(got)!;
          received++;
          expect(frame.vni).toBe(port.vni);
          expect(port.mac).not.toBe(frame.from);
          if (frame.to !== BROADCAST_MAC) expect(port.mac).toBe(frame.to);
        }
      }
      expect(received).toBeGreaterThan(50);
    },
  );

  it.each(Array.from({ length: 10 }, (_, i) => i + 201))(
    'does what its table says in one look, rules and links and all, when changes have spread (seed %i)',
    seed => {
      const random = generator(seed);
      const world = new World(HOSTS, random, 1 + random(8));
      const links = [1, 2].map(link => world.attachLink(link, 1));
      let id = 0;
      for (let step = 0; step < 250; step++) {
        const n = 1 + random(6);
        const port = world.ports.find(p => p.mac === macOf(n));
        switch (random(7)) {
          case 0:
            if (port) world.detach(port);
            else world.attach(HOSTS[random(3)]!, 1, macOf(n), n, step);
            break;
          case 1:
            world.setRules(randomRules(random));
            break;
          case 2:
            if (random(10) === 0) world.restartRouter();
            break;
          default: {
            world.settle();
            const destination = random(4) === 0 ? BROADCAST_MAC : macOf(1 + random(7));
            const link = links[random(6)];
            const from = link ?? world.ports[random(world.ports.length || 1)];
            if (!from) break;
            const source = link ? macOf(8) : (from as TestPort).mac;
            const frame = frameTo(destination, source, ++id);
            if (link) {
              link.learned.clear();
              world.arrive(link, source, frame);
              world.settle();
            }
            const { places } = world.router.table.lookup(1, from.place, frame, 12);
            const everywhere = [...world.ports, ...links];
            const before = everywhere.map(p => p.received.length);
            const again = frameTo(destination, source, ++id);
            if (link) world.arrive(link, source, again);
            else world.send(from as TestPort, destination, id);
            world.settle();
            everywhere.forEach((p, i) => {
              const meant = places.some(({ place }) => JSON.stringify(place) === JSON.stringify(p.place));
              expect([p.place, ...p.received.slice(before[i])]).toEqual(meant ? [p.place, id] : [p.place]);
            });
          }
        }
      }
      expect(id).toBeGreaterThan(50);
    },
  );
});

function randomRules(random: Random): VnetRule[] {
  const mac = () => [macOf(1 + random(6)), `not-${macOf(1 + random(6))}`, 'any', 'none'][random(4)]!;
  const place = () =>
    random(3)
      ? { type: 'interface' as const, mac: macOf(1 + random(6)) }
      : { type: 'edge' as const, link: 1 + random(2) };
  return Array.from({ length: random(4) }, (_, i) => ({
    index: i + 1,
    vni: 1,
    source: mac(),
    destination: mac(),
    to: place(),
    from: random(3) ? null : place(),
  }));
}

describe('several overlays joined by links', () => {
  /** `count` overlays with one guest each; `wires` join two of them each. */
  function join(count: number, wires: [number, number][], seed: number) {
    const random = generator(seed);
    const worlds = Array.from({ length: count }, () => new World(['alpha'], random));
    const guests = worlds.map((world, i) => world.attach('alpha', 1, macOf(i + 1), i + 1));
    const ends: [number, TestLink][] = [];
    const sourceOf = (frame: Uint8Array) => formatMac(frame, 18);
    wires.forEach(([one, other], i) => {
      const to = (world: number, end: () => TestLink) => (frame: Uint8Array) =>
        worlds[world]!.arrive(end(), sourceOf(frame), frame);
      const a: TestLink = worlds[one]!.attachLink(
        2 * i + 1,
        1,
        to(other, () => b),
      );
      const b: TestLink = worlds[other]!.attachLink(
        2 * i + 2,
        1,
        to(one, () => a),
      );
      ends.push([one, a], [other, b]);
    });
    const steps = () => worlds.reduce((sum, world) => sum + world.steps, 0);
    /** Until nothing moves; fails when that takes longer than any well-behaved network could. */
    const settle = () => {
      const limit = steps() + 20_000;
      const drain = () => {
        while (worlds.filter(world => world.step()).length > 0) {
          if (steps() > limit) throw new Error('a storm');
        }
      };
      drain();
      for (const world of worlds) {
        world.now += 1_001;
        world.router.expire();
      }
      drain();
    };
    const send = (from: number, to: string, id: number) => {
      worlds[from]!.send(guests[from]!, to, id);
      settle();
    };
    settle();
    return { worlds, guests, ends, send, settle };
  }
  const ring: [number, number][] = [
    [0, 1],
    [1, 2],
    [2, 0],
  ];

  it.each([1, 2, 3])(
    'a broadcast in a ring reaches each guest once, and no frame goes round (seed %i)',
    seed => {
      const { guests, send } = join(3, ring, seed);
      for (let id = 1; id <= 5; id++) send(id % 3, BROADCAST_MAC, id);
      for (const [i, { received }] of guests.entries())
        expect(received).toEqual([1, 2, 3, 4, 5].filter(id => id % 3 !== i));
    },
  );

  it('learns who is behind a link: unicast goes by that link only', () => {
    const { guests, ends, send } = join(3, ring, 7);
    send(0, BROADCAST_MAC, 1);
    const before = ends.map(([, link]) => link.received.length);
    send(1, guests[0]!.mac, 2);
    expect(guests[0]!.received).toEqual([2]);
    expect(ends.map(([, link], i) => link.received.length - before[i]!).filter(n => n > 0)).toEqual([1]);
  });

  it.each([1, 2, 3])(
    'routes from link to link all the way round make no storm, and no duplicate (seed %i)',
    seed => {
      const { worlds, guests, ends, send } = join(3, ring, seed);
      worlds.forEach((world, i) => {
        const [one, two] = ends.filter(([at]) => at === i).map(([, link]) => link.place);
        const rule = (index: number, from: VnetRule['to'], to: VnetRule['to']): VnetRule => ({
          index,
          vni: 1,
          source: 'any',
          destination: 'any',
          to,
          from,
        });
        world.setRules([rule(1, one!, two!), rule(2, two!, one!)]);
      });
      for (let id = 1; id <= 6; id++) {
        send(id % 3, BROADCAST_MAC, id);
        send(id % 3, macOf(9), 100 + id);
        for (const guest of guests) {
          // Its own may come back from a ring, as from a loop of cables, once at most.
          expect(new Set(guest.received).size).toBe(guest.received.length);
        }
      }
      for (const [i, { received }] of guests.entries()) {
        expect(received).toEqual(expect.arrayContaining([1, 2, 3, 4, 5, 6].filter(id => id % 3 !== i)));
      }
    },
  );

  it('two links between the same two overlays carry each broadcast once', () => {
    const { guests, send } = join(
      2,
      [
        [0, 1],
        [0, 1],
      ],
      3,
    );
    for (let id = 1; id <= 4; id++) send(0, BROADCAST_MAC, id);
    expect(guests[1]!.received).toEqual([1, 2, 3, 4]);
  });
});
