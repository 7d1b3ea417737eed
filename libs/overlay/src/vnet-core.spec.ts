import type { TaggedFrame } from '@v3vee/bus';
import { BROADCAST_MAC, isGroupMac, SUPER_FRAME_ETHERNET } from '@v3vee/wire';
import type { Port } from './port';
import { frameTo, generator, idOf, macOf, vmOf } from './testing/frames';
import { VnetCore } from './vnet-core';

/** A core whose deliveries and departures are written down as `where id,id,…`. */
function setUp() {
  const log: string[] = [];
  let up = true;
  const out = (to: string, { vni, frame }: TaggedFrame) => up && log.push(`${to}/${vni} ${idOf(frame)}`) > 0;
  const core = new VnetCore({
    toHost: (host, frame) => out(host, frame),
    toRouter: frame => out('router', frame),
  });
  const port = (n: number, vni = 1): Port => {
    const mac = macOf(n);
    const deliver = (frames: Uint8Array[]) => void log.push(`port${n}/${vni} ${frames.map(idOf).join()}`);
    const made = { vni, mac, vmId: vmOf(n), epoch: 1, deliver };
    core.attach(made);
    return made;
  };
  const seen = () => log.splice(0).sort();
  return { core, port, seen, cut: () => (up = false) };
}
const to = (n: number | string, id: number) => frameTo(typeof n === 'string' ? n : macOf(n), macOf(1), id);

describe('the VNET core', () => {
  it('switches frames between ports of one network of this host, one delivery for each port and burst', () => {
    const { core, port, seen } = setUp();
    const [a] = [port(1), port(2), port(3), port(4, 2)];
    core.transmit(a, [to(2, 10), to(3, 11), to(2, 12), to(3, 13)]);
    expect(seen()).toEqual(['port2/1 10,12', 'port3/1 11,13']);
    expect(core.counters).toMatchObject({ rx: 4, tx: 4, hits: 0, misses: 0 });
  });

  it('never lets a frame cross from one network to another', () => {
    const { core, port, seen } = setUp();
    const [a] = [port(1, 1), port(2, 2)];
    core.transmit(a, [to(2, 1), to(BROADCAST_MAC, 2)]);
    core.receive([{ vni: 1, frame: to(2, 3) }]);
    expect(seen()).toEqual(['router/1 1', 'router/1 2']);
    expect(core.counters.dropped['no-port']).toBe(1);
    core.receive([{ vni: 2, frame: to(2, 4) }]);
    expect(seen()).toEqual(['port2/2 4']);
  });

  it('sends a miss to the router, a hit straight to the host, and a known nobody nowhere', () => {
    const { core, port, seen } = setUp();
    const a = port(1);
    core.transmit(a, [to(9, 1)]);
    core.learn({ vni: 1, mac: macOf(9), hosts: ['beta'] });
    core.transmit(a, [to(9, 2)]);
    core.forget([{ vni: 1, mac: macOf(9) }]);
    core.transmit(a, [to(9, 3)]);
    core.learn({ vni: 1, mac: macOf(9), hosts: [] });
    core.transmit(a, [to(9, 4)]);
    expect(seen()).toEqual(['beta/1 2', 'router/1 1', 'router/1 3']);
    expect(core.counters).toMatchObject({ rx: 4, tx: 3, hits: 2, misses: 2, dropped: { 'no-route': 1 } });
  });

  it('prefers its own ports to what the cache says', () => {
    const { core, port, seen } = setUp();
    const a = port(1);
    core.learn({ vni: 1, mac: macOf(2), hosts: ['beta'] });
    const b = port(2);
    core.transmit(a, [to(2, 1)]);
    core.detach(b);
    core.transmit(a, [to(2, 2)]);
    expect(seen()).toEqual(['beta/1 2', 'port2/1 1']);
  });

  it('sends group frames to all other ports and to all hosts of the network', () => {
    const { core, port, seen } = setUp();
    const [a] = [port(1), port(2), port(3), port(4, 2)];
    core.transmit(a, [to(BROADCAST_MAC, 1), to('01:00:5e:00:00:fb', 2)]);
    expect(seen()).toEqual(['port2/1 1,2', 'port3/1 1,2', 'router/1 1', 'router/1 2']);
    core.learn({ vni: 1, mac: BROADCAST_MAC, hosts: ['beta', 'gamma'] });
    core.transmit(a, [to('33:33:00:00:00:01', 3)]);
    expect(seen()).toEqual(['beta/1 3', 'gamma/1 3', 'port2/1 3', 'port3/1 3']);
    expect(core.counters).toMatchObject({ rx: 3, tx: 4 + 2 + 4, hits: 1, misses: 2 });
  });

  it('hands what comes from outside to its own ports and never sends it on', () => {
    const { core, port, seen } = setUp();
    port(3);
    port(2);
    core.learn({ vni: 1, mac: macOf(9), hosts: ['beta'] });
    core.learn({ vni: 1, mac: BROADCAST_MAC, hosts: ['beta'] });
    core.receive([
      { vni: 1, frame: to(3, 1) },
      { vni: 1, frame: to(BROADCAST_MAC, 2) },
      { vni: 1, frame: to(9, 3) },
      { vni: 7, frame: to(BROADCAST_MAC, 4) },
      { vni: 0xffffffff, frame: to(3, 5) },
    ]);
    expect(seen()).toEqual(['port2/1 2', 'port3/1 1,2']);
    expect(core.counters).toMatchObject({ rx: 5, tx: 3, dropped: { 'no-port': 3 } });
  });

  it('does not give a VM that moved here its own broadcast from where it was', () => {
    const { core, port, seen } = setUp();
    port(2);
    port(1);
    core.receive([{ vni: 1, frame: to(BROADCAST_MAC, 1) }]);
    expect(seen()).toEqual(['port2/1 1']);
  });

  it('drops and counts garbage from guests and from outside', () => {
    const { core, port, seen } = setUp();
    const [a] = [port(1), port(2)];
    const lying = to(2, 1);
    lying[1] = 0x7f;
    core.transmit(a, [new Uint8Array(0), new Uint8Array(25), new Uint8Array(70_000), lying, to(2, 2)]);
    core.receive([{ vni: 1, frame: new Uint8Array(3) }]);
    expect(seen()).toEqual(['port2/1 2']);
    expect(core.counters).toMatchObject({ rx: 6, tx: 1, dropped: { malformed: 5 } });
  });

  it('counts what can reach nobody', () => {
    const { core, port, cut, seen } = setUp();
    const a = port(1);
    core.transmit(a, [to(1, 1)]);
    cut();
    core.transmit(a, [to(2, 2)]);
    core.detach(a);
    core.transmit(a, [to(2, 3)]);
    expect(seen()).toEqual([]);
    expect(core.counters).toMatchObject({
      rx: 3,
      tx: 0,
      dropped: { hairpin: 1, 'link-down': 1, detached: 1 },
    });
    expect(core.detach(a)).toBe(false);
  });

  it('lets a broken receiver hurt nobody else', () => {
    const { core, port, seen } = setUp();
    const a = port(1);
    const broken: Port = {
      ...a,
      mac: macOf(8),
      deliver: () => {
        throw new Error('gone');
      },
    };
    core.attach(broken);
    port(2);
    core.transmit(a, [to(BROADCAST_MAC, 1), to(8, 2), to(2, 3)]);
    expect(seen()).toEqual(['port2/1 1,3', 'router/1 1']);
    expect(core.counters.dropped['port-failed']).toBe(2);
  });

  it('refuses a second port with the same address, not the same address in another network', () => {
    const { core, port } = setUp();
    const a = port(1);
    expect(() => port(1)).toThrow(
      `MAC ${macOf(1)} is already attached to network 1 on this host, by VM ${vmOf(1)}`,
    );
    port(1, 2);
    core.attach(a);
    expect(core.attachments().map(({ vni }) => vni)).toEqual([1, 2]);
  });

  it.each([1, 2, 3, 4, 5, 6])('does what a slow and obvious one does (seed %i)', seed => {
    const random = generator(seed);
    const { core, port, seen } = setUp();
    const ports: { n: number; port: Port }[] = [];
    const routes = new Map<string, string[]>();
    const hosts = ['beta', 'gamma'];
    const key = (vni: number, mac: string) => `${vni} ${mac}`;
    let rx = 0;
    let tx = 0;
    for (let id = 0; id < 2000; id++) {
      const n = 1 + random(6);
      const vni = 1 + random(2);
      const mac = random(4) === 0 ? BROADCAST_MAC : macOf(n);
      const at = ports.findIndex(p => p.n === n && p.port.vni === vni);
      switch (random(6)) {
        case 0:
          if (at < 0) ports.push({ n, port: port(n, vni) });
          break;
        case 1:
          if (at >= 0) core.detach(ports.splice(at, 1)[0]!.port);
          break;
        case 2: {
          const known = hosts.filter(() => random(2));
          core.learn({ vni, mac, hosts: known });
          routes.set(key(vni, mac), known);
          break;
        }
        case 3:
          core.forget([{ vni, mac }]);
          routes.delete(key(vni, mac));
          break;
        default: {
          const inside = random(2) === 0;
          const from = inside ? ports[random(ports.length || 1)] : undefined;
          if (inside && !from) break;
          const frame = frameTo(mac, from?.port.mac ?? macOf(1), id);
          const network = from?.port.vni ?? vni;
          const group = isGroupMac(frame, SUPER_FRAME_ETHERNET);
          // From outside, a frame bears the address of port 1: it is from before that moved here.
          const own = (p: { port: Port }) => (from ? p === from : group && p.port.mac === macOf(1));
          const local = ports.filter(p => p.port.vni === network && !own(p) && (group || p.port.mac === mac));
          const expected = local.map(p => `port${p.n}/${network} ${id}`);
          const toItself = from?.port.mac === mac;
          if (from && !toItself && (group || local.length === 0)) {
            expected.push(...(routes.get(key(network, mac)) ?? ['router']).map(h => `${h}/${network} ${id}`));
          }
          if (from) core.transmit(from.port, [frame]);
          else core.receive([{ vni, frame }]);
          expect(seen()).toEqual(expected.sort());
          rx++;
          tx += expected.length;
        }
      }
    }
    expect(core.counters).toMatchObject({ rx, tx });
    expect(rx).toBeGreaterThan(400);
  });
});
