import type { TaggedFrame } from '@v3vee/bus';
import type { Target, VnetPlace } from '@v3vee/contracts';
import { BROADCAST_MAC } from '@v3vee/wire';
import { placeKey, type LinkPort, type NicPort, type Port } from './port';
import { frameTo, generator, idOf, macOf, vmOf } from './testing/frames';
import { VnetCore } from './vnet-core';

/** A core on alpha whose deliveries and departures are written down as `where id,id,…`. */
function setUp() {
  const log: string[] = [];
  let up = true;
  const shown = new Set<number>();
  const out = (to: string, { vni, frame, place }: TaggedFrame) =>
    up && log.push(`${to}/${vni}${place ? ` ${short(place)}` : ''} ${idOf(frame)}`) > 0;
  const core = new VnetCore({
    host: 'alpha',
    sink: { toHost: (host, frame) => out(host, frame), toRouter: frame => out('router', frame) },
    loopGuard: {
      seen: (_, frame) => {
        const again = shown.has(idOf(frame));
        shown.add(idOf(frame));
        return again;
      },
    },
  });
  const port = (n: number, vni = 1): NicPort => {
    const deliver = (frames: Uint8Array[]) => void log.push(`port${n}/${vni} ${frames.map(idOf).join()}`);
    const made = { vni, place: nic(n), vmId: vmOf(n), epoch: 1, deliver };
    core.attach(made);
    return made;
  };
  const link = (n: number, vni = 1): LinkPort => {
    const deliver = (frames: Uint8Array[]) => void log.push(`link${n}/${vni} ${frames.map(idOf).join()}`);
    const made = { vni, place: edge(n), deliver };
    core.attach(made);
    return made;
  };
  /** The router says that frames `from` with the source of port 1 to `n` go to the targets. */
  const learn = (from: Port, n: number | string, ...targets: Target[]) =>
    core.learn({ vni: from.vni, from: from.place, source: macOf(1), destination: mac(n), targets });
  const seen = () => log.splice(0).sort();
  return { core, port, link, learn, seen, cut: () => (up = false) };
}
const mac = (n: number | string) => (typeof n === 'string' ? n : macOf(n));
const nic = (n: number) => ({ type: 'interface' as const, mac: macOf(n) });
const edge = (link: number) => ({ type: 'edge' as const, link });
const short = (place: VnetPlace) => placeKey(place).slice(-2).trim();
const to = (n: number | string, id: number, from = 1) => frameTo(mac(n), macOf(from), id);
const here = (place: VnetPlace | null): Target => ({ host: 'alpha', to: place });
const there = (place: VnetPlace | null = null): Target => ({ host: 'beta', to: place });

describe('the VNET core', () => {
  it('sends a miss to the router with its place, a hit straight to its targets, and what leads nowhere nowhere', () => {
    const { core, port, learn, seen } = setUp();
    const a = port(1);
    core.transmit(a, [to(9, 1)]);
    learn(a, 9, there());
    core.transmit(a, [to(9, 2)]);
    core.forget([{ vni: 1, destination: macOf(9) }]);
    core.transmit(a, [to(9, 3)]);
    learn(a, 9);
    core.transmit(a, [to(9, 4)]);
    expect(seen()).toEqual(['beta/1 2', 'router/1 01 1', 'router/1 01 3']);
    expect(core.counters).toMatchObject({ rx: 4, tx: 3, hits: 2, misses: 2, dropped: { 'no-route': 1 } });
  });

  it('switches cached flows between ports of this host, one delivery for each port and burst', () => {
    const { core, port, learn, seen } = setUp();
    const [a] = [port(1), port(2), port(3)];
    learn(a, 2, here(null));
    learn(a, 3, here(nic(3)));
    core.transmit(a, [to(2, 10), to(3, 11), to(2, 12), to(3, 13)]);
    expect(seen()).toEqual(['port2/1 10,12', 'port3/1 11,13']);
    expect(core.counters).toMatchObject({ rx: 4, tx: 4, hits: 4, misses: 0 });
    expect(core.traffic(a)).toMatchObject({ rx: 4, rxBytes: 4 * 64, tx: 0 });
    expect(core.stats()).toMatchObject({
      host: 'alpha',
      cached: 2,
      counters: { hits: 4, 'dropped.loop': 0 },
    });
  });

  it('looks a flow up by its place, its source and its destination', () => {
    const { core, port, learn, seen } = setUp();
    const [a, b] = [port(1), port(2)];
    learn(a, 9, there());
    core.transmit(a, [to(9, 1), to(9, 2, 5), to(8, 3)]);
    core.transmit(b, [to(9, 4)]);
    expect(seen()).toEqual(['beta/1 1', 'router/1 01 2', 'router/1 01 3', 'router/1 02 4']);
  });

  it('gives a frame to all targets of its route: places here, hosts, and places there', () => {
    const { core, port, learn, seen } = setUp();
    const [a] = [port(1), port(2), port(3)];
    learn(a, BROADCAST_MAC, here(nic(2)), here(nic(3)), there(), there(edge(4)));
    core.transmit(a, [to(BROADCAST_MAC, 1)]);
    expect(seen()).toEqual(['beta/1 1', 'beta/1 4 1', 'port2/1 1', 'port3/1 1']);
    learn(a, BROADCAST_MAC, here(null));
    core.transmit(a, [to(BROADCAST_MAC, 2)]);
    expect(seen()).toEqual(['port2/1 2', 'port3/1 2']);
  });

  it('gives each port a frame that is its own, whose buffer it may take away', () => {
    const { core, port, learn } = setUp();
    const got: number[][] = [];
    const a = port(1);
    for (const n of [2, 3]) {
      core.attach({
        ...{ vni: 1, place: nic(n), vmId: vmOf(n), epoch: 1 },
        deliver: frames => {
          got.push(frames.map(idOf));
          structuredClone(frames, { transfer: frames.map(({ buffer }) => buffer as ArrayBuffer) });
        },
      });
    }
    learn(a, BROADCAST_MAC, here(nic(2)), here(nic(3)));
    core.transmit(a, [to(BROADCAST_MAC, 1), to(BROADCAST_MAC, 2)]);
    expect(got).toEqual([
      [1, 2],
      [1, 2],
    ]);
    expect(core.traffic(a)).toMatchObject({ rx: 2, rxBytes: 2 * 64 });
    expect(core.counters).toMatchObject({ tx: 4, txBytes: 4 * 64, dropped: { 'port-failed': 0 } });
  });

  it('asks the router again when a port that a route leads to has gone', () => {
    const { core, port, learn, seen } = setUp();
    const [a, b] = [port(1), port(2)];
    learn(a, 2, here(null));
    core.detach(b);
    core.transmit(a, [to(2, 1)]);
    core.attach(b);
    core.transmit(a, [to(2, 2)]);
    expect(seen()).toEqual(['port2/1 2', 'router/1 01 1']);
  });

  it('forgets the flows of a place with the place, and takes no route for one that it does not have', () => {
    const { core, port, learn } = setUp();
    const a = port(1);
    learn(a, 9, there());
    expect(core.flows()).toEqual([{ vni: 1, from: nic(1), source: macOf(1), destination: macOf(9) }]);
    core.detach(a);
    expect(core.flows()).toEqual([]);
    learn(a, 8, there());
    core.attach(a);
    expect(core.flows()).toEqual([]);
  });

  it('never lets a frame cross from one network to another', () => {
    const { core, port, learn, seen } = setUp();
    const [a] = [port(1, 1), port(2, 2)];
    learn(a, 2, here(nic(2)));
    core.transmit(a, [to(2, 1)]);
    core.receive([{ vni: 1, frame: to(2, 3) }]);
    core.receive([{ vni: 1, frame: to(2, 4), place: nic(2) }]);
    expect(seen()).toEqual(['router/1 01 1']);
    expect(core.counters.dropped['no-port']).toBe(2);
    core.receive([{ vni: 2, frame: to(2, 5) }]);
    expect(seen()).toEqual(['port2/2 5']);
  });

  it('hands what comes from outside to its own ports and never sends it on', () => {
    const { core, port, link, learn, seen } = setUp();
    const c = port(3);
    port(2);
    link(4);
    learn(c, 9, there());
    learn(c, BROADCAST_MAC, there());
    core.receive([
      { vni: 1, frame: to(3, 1) },
      { vni: 1, frame: to(BROADCAST_MAC, 2) },
      { vni: 1, frame: to(9, 3) },
      { vni: 7, frame: to(BROADCAST_MAC, 4) },
      { vni: 0xffffffff, frame: to(3, 5) },
      { vni: 1, frame: to(9, 6), place: edge(4) },
      { vni: 1, frame: to(9, 7), place: nic(2) },
      { vni: 1, frame: to(9, 8), place: edge(5) },
      { vni: 1, frame: to(BROADCAST_MAC, 9), place: edge(4) },
    ]);
    expect(seen()).toEqual(['link4/1 6,9', 'port2/1 2,7', 'port3/1 1,2']);
    expect(core.counters).toMatchObject({ rx: 9, tx: 6, dropped: { 'no-port': 4 } });
  });

  it('does not give a VM that moved here its own broadcast from where it was', () => {
    const { core, port, seen } = setUp();
    port(2);
    port(1);
    core.receive([
      { vni: 1, frame: to(BROADCAST_MAC, 1) },
      { vni: 1, frame: to(BROADCAST_MAC, 2), place: nic(1) },
    ]);
    expect(seen()).toEqual(['port2/1 1']);
  });

  it('drops what comes round a ring of links', () => {
    const { core, link, learn, seen } = setUp();
    const [one, two] = [link(1), link(2)];
    learn(one, 9, here(edge(2)));
    core.transmit(one, [to(9, 1)]);
    core.transmit(one, [to(9, 1)]);
    // A group frame comes by parallel links once by each.
    core.transmit(one, [to(BROADCAST_MAC, 2)]);
    core.transmit(two, [to(BROADCAST_MAC, 2)]);
    expect(seen()).toEqual(['link2/1 1', 'router/1 1 2']);
    learn(two, 9);
    core.transmit(two, [to(9, 3)]);
    expect(core.counters.dropped).toMatchObject({ loop: 2, filtered: 1, 'no-route': 0 });
  });

  it('drops and counts garbage from guests and from outside', () => {
    const { core, port, learn, seen } = setUp();
    const [a] = [port(1), port(2)];
    learn(a, 2, here(null));
    const lying = to(2, 1);
    lying[1] = 0x7f;
    core.transmit(a, [new Uint8Array(0), new Uint8Array(25), new Uint8Array(70_000), lying, to(2, 2)]);
    core.receive([{ vni: 1, frame: new Uint8Array(3) }]);
    expect(seen()).toEqual(['port2/1 2']);
    expect(core.counters).toMatchObject({ rx: 6, tx: 1, dropped: { malformed: 5 } });
  });

  it('counts what can reach nobody', () => {
    const { core, port, learn, cut, seen } = setUp();
    const a = port(1);
    learn(a, 1);
    learn(a, 3, there());
    core.transmit(a, [to(1, 1)]);
    cut();
    core.transmit(a, [to(2, 2), to(3, 3)]);
    core.detach(a);
    core.transmit(a, [to(2, 4)]);
    expect(seen()).toEqual([]);
    expect(core.counters).toMatchObject({
      rx: 4,
      tx: 0,
      dropped: { hairpin: 1, 'link-down': 2, detached: 1 },
    });
    expect(core.detach(a)).toBe(false);
  });

  it('lets a broken receiver hurt nobody else', () => {
    const { core, port, learn, seen } = setUp();
    const a = port(1);
    const broken: Port = {
      ...a,
      place: nic(8),
      deliver: () => {
        throw new Error('gone');
      },
    };
    core.attach(broken);
    port(2);
    learn(a, BROADCAST_MAC, here(nic(8)), here(nic(2)));
    core.transmit(a, [to(BROADCAST_MAC, 1)]);
    expect(seen()).toEqual(['port2/1 1']);
    expect(core.counters.dropped['port-failed']).toBe(1);
  });

  it('refuses a second port at the same place, not at the same place of another network', () => {
    const { core, port, link } = setUp();
    const a = port(1);
    expect(() => port(1)).toThrow(
      `MAC ${macOf(1)} is already attached to network 1 on this host, by VM ${vmOf(1)}`,
    );
    port(1, 2);
    core.attach(a);
    const wan = link(3);
    expect(() => link(3)).toThrow('edge 3 is already attached to network 1');
    expect([
      core.setLearned(wan, [macOf(9), macOf(8), macOf(9)]),
      core.setLearned(wan, [macOf(8), macOf(9)]),
    ]).toEqual([true, false]);
    expect(core.attachments()).toEqual({
      nics: [1, 2].map(vni => ({ vni, mac: macOf(1), vmId: vmOf(1), epoch: 1 })),
      edges: [{ vni: 1, link: 3, learned: [macOf(8), macOf(9)] }],
    });
  });

  it.each([1, 2, 3, 4, 5, 6])('does what a slow and obvious one does (seed %i)', seed => {
    const random = generator(seed);
    const { core, port, link, seen } = setUp();
    const ports: { n: number; name: string; port: Port }[] = [];
    const routes = new Map<string, Target[]>();
    const macs = (n: number) => (n === 0 ? BROADCAST_MAC : macOf(n));
    const key = (from: Port, source: string, destination: string) =>
      [ports.findIndex(p => p.port === from), from.vni, source, destination].join();
    const find = (vni: number, place: VnetPlace | null) =>
      place && ports.find(p => p.port.vni === vni && placeKey(p.port.place) === placeKey(place));
    const forget = (vni: number, destination: string) => {
      for (const each of routes.keys())
        if (each.split(',')[1] === `${vni}` && each.endsWith(destination)) routes.delete(each);
    };
    let hits = 0;
    for (let id = 0; id < 3000; id++) {
      const n = 1 + random(5);
      const vni = 1 + random(2);
      const from = ports[random(ports.length || 1)]?.port;
      switch (random(8)) {
        case 0: {
          if (ports.some(p => p.n === n && p.port.vni === vni)) break;
          const isLink = n === 5;
          ports.push({
            n,
            name: `${isLink ? 'link' : 'port'}${n}/${vni}`,
            port: isLink ? link(n, vni) : port(n, vni),
          });
          break;
        }
        case 1: {
          // Only the last, so that the others keep their numbers here.
          if (random(4) > 0 || ports.length === 0) break;
          const gone = ports.length - 1;
          for (const each of routes.keys()) if (each.startsWith(`${gone},`)) routes.delete(each);
          core.detach(ports.pop()!.port);
          break;
        }
        case 2:
        case 3:
        case 4: {
          if (!from) break;
          const [source, destination] = [macOf(1 + random(3)), macs(random(5))];
          const targets: Target[] = [];
          if (random(3) === 0) targets.push(there());
          if (random(3) === 0) targets.push(there(edge(7)));
          for (const to of [nic(1), nic(2), nic(3), edge(5)]) {
            if (random(4) === 0 && placeKey(to) !== placeKey(from.place)) targets.push(here(to));
          }
          core.learn({ vni: from.vni, from: from.place, source, destination, targets });
          routes.set(key(from, source, destination), targets);
          break;
        }
        case 5:
          core.forget([{ vni, destination: macs(n - 1) }]);
          forget(vni, macs(n - 1));
          break;
        default: {
          if (!from) break;
          const [source, destination] = [macOf(1 + random(3)), macs(random(5))];
          const targets = routes.get(key(from, source, destination));
          const places = targets?.filter(({ host }) => host === 'alpha').map(t => find(from.vni, t.to));
          const expected: string[] = [];
          if (!targets || places!.some(place => !place)) {
            expected.push(`router/${from.vni} ${short(from.place)} ${id}`);
          } else {
            hits++;
            expected.push(...places!.map(place => `${place!.name} ${id}`));
            for (const t of targets.filter(({ host }) => host === 'beta')) {
              expected.push(`beta/${from.vni}${t.to ? ` ${short(t.to)}` : ''} ${id}`);
            }
          }
          core.transmit(from, [frameTo(destination, source, id)]);
          expect(seen()).toEqual(expected.sort());
        }
      }
    }
    expect(core.counters.hits).toBe(hits);
    expect(hits).toBeGreaterThan(50);
  });
});
