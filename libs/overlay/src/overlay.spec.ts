import { BROADCAST_MAC } from '@v3vee/wire';
import { generator, macOf } from './testing/frames';
import { World } from './testing/world';

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
            world.step();
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
});
