import type { Attachment, RouteKey } from '@v3vee/contracts';
import { BROADCAST_MAC, parseMac } from '@v3vee/wire';
import { generator, macOf, vmOf } from '../testing/frames';
import { RoutingTable } from './routing-table';

const nic = (n: number, vm = n, epoch = 1, vni = 1): Attachment => ({
  vni,
  mac: macOf(n),
  vmId: vmOf(vm),
  epoch,
});
const where = (table: RoutingTable, n: number, vni = 1) => table.unicast(vni, parseMac(macOf(n)), 0);
const group = (vni = 1): RouteKey => ({ vni, mac: BROADCAST_MAC });
const one = (n: number, vni = 1): RouteKey => ({ vni, mac: macOf(n) });

describe('the routing table', () => {
  it('knows who is where from what the hosts announce, and says what changed', () => {
    const table = new RoutingTable();
    expect(table.attach('alpha', [nic(1), nic(2)])).toEqual([one(1), one(2), group()]);
    expect(table.attach('beta', [nic(3), nic(1, 1, 1, 2)])).toEqual([one(3), one(1, 2), group(1), group(2)]);
    expect([where(table, 1), where(table, 3), where(table, 1, 2), where(table, 4)]).toEqual([
      ['alpha'],
      ['beta'],
      ['beta'],
      [],
    ]);
    expect([table.group(1), table.group(2), table.group(3)]).toEqual([['alpha', 'beta'], ['beta'], []]);
    expect(table.attach('alpha', [nic(1), nic(2)])).toEqual([]);
    expect(table.attach('alpha', [nic(2)])).toEqual([one(1)]);
    expect(table.attach('alpha', [])).toEqual([one(2), group()]);
    expect(table.routes()).toEqual([
      { ...one(3), hosts: ['beta'] },
      { ...group(1), hosts: ['beta'] },
      { ...one(1, 2), hosts: ['beta'] },
      { ...group(2), hosts: ['beta'] },
    ]);
  });

  it('gives the address of a VM that moved to the highest epoch, whoever speaks last', () => {
    const table = new RoutingTable();
    table.attach('alpha', [nic(1, 1, 1)]);
    expect(table.attach('beta', [nic(1, 1, 2)])).toEqual([one(1), group()]);
    expect(where(table, 1)).toEqual(['beta']);
    expect(table.attach('alpha', [nic(1, 1, 1), nic(5)])).toEqual([one(5), group()]);
    expect(where(table, 1)).toEqual(['beta']);
    expect([table.attached, table.stale]).toEqual([2, 1]);
    table.attach('alpha', [nic(5)]);
    expect([table.attached, table.stale]).toEqual([2, 0]);
  });

  it('ignores a stale attachment that comes first after a restart as soon as the better one is known', () => {
    const table = new RoutingTable();
    table.attach('beta', [nic(1, 1, 2)]);
    expect(table.attach('alpha', [nic(1, 1, 1)])).toEqual([]);
    expect([where(table, 1), table.stale]).toEqual([['beta'], 1]);
  });

  it('leaves an address at equal epochs with the first claim, until that is withdrawn', () => {
    const table = new RoutingTable();
    table.attach('alpha', [nic(1)]);
    table.attach('beta', [nic(1)]);
    table.attach('alpha', [nic(1)]);
    expect(where(table, 1)).toEqual(['alpha']);
    expect(table.attach('alpha', [])).toEqual([one(1), group()]);
    expect(where(table, 1)).toEqual(['beta']);
  });

  it('gives an address that a new VM got to that VM, whatever the old one’s epoch', () => {
    const table = new RoutingTable();
    table.attach('alpha', [nic(1, 1, 9)]);
    table.attach('beta', [nic(1, 2, 1)]);
    expect(where(table, 1)).toEqual(['beta']);
    // The lost host repeats itself: nothing new in that.
    table.attach('alpha', [nic(1, 1, 9)]);
    expect(where(table, 1)).toEqual(['beta']);
  });

  it.each([1, 2, 3, 4, 5, 6])('answers as if it were made anew from all claims (seed %i)', seed => {
    const random = generator(seed);
    const table = new RoutingTable();
    const hosts = ['alpha', 'beta', 'gamma'];
    type Claim = Attachment & { host: string; order: number };
    let claims: Claim[] = [];
    let order = 0;
    const same = (a: Attachment, b: Attachment) => a.vni === b.vni && a.mac === b.mac;
    const holderOf = (vni: number, mac: string): string[] => {
      const rivals = claims.filter(claim => same(claim, { vni, mac } as Attachment));
      const notOutdated = rivals.filter(
        claim =>
          !rivals.some(
            other =>
              other.vmId === claim.vmId &&
              (other.epoch > claim.epoch || (other.epoch === claim.epoch && other.order < claim.order)),
          ),
      );
      return notOutdated
        .sort((a, b) => b.order - a.order)
        .map(claim => claim.host)
        .slice(0, 1);
    };
    const snapshot = () => {
      const routes = new Map<string, string[]>();
      for (const vni of [1, 2]) {
        const members = new Set<string>();
        for (let n = 1; n <= 5; n++) {
          const holder = holderOf(vni, macOf(n));
          routes.set(`${vni} ${macOf(n)}`, holder);
          holder.forEach(host => members.add(host));
        }
        routes.set(`${vni} ${BROADCAST_MAC}`, [...members].sort());
      }
      return routes;
    };
    for (let step = 0; step < 400; step++) {
      const before = snapshot();
      const host = hosts[random(3)]!;
      const nics: Attachment[] = [];
      for (let n = 1; n <= 5; n++) {
        const add = nic(n, 1 + random(2), 1 + random(3), 1 + random(2));
        if (random(2) && !nics.some(other => same(add, other))) nics.push(add);
      }
      const changed = table.attach(host, nics);
      const kept = (a: Attachment) =>
        claims.find(c => c.host === host && same(c, a) && c.vmId === a.vmId && c.epoch === a.epoch);
      const mine = nics.map(a => kept(a) ?? { ...a, host, order: order++ });
      claims = [...claims.filter(claim => claim.host !== host), ...mine];

      const after = snapshot();
      for (const [key, expected] of after) {
        const [vni, mac] = key.split(' ') as [string, string];
        const actual =
          mac === BROADCAST_MAC
            ? [...table.group(Number(vni))].sort()
            : table.unicast(Number(vni), parseMac(mac), 0);
        expect([key, ...actual]).toEqual([key, ...expected]);
        // Caches may be told too much, never too little.
        if (String(before.get(key)) !== String(expected)) {
          expect(changed).toContainEqual({ vni: Number(vni), mac });
        }
      }
      const held = [...after].filter(([key, h]) => !key.includes(BROADCAST_MAC) && h.length > 0).length;
      expect([table.attached, table.stale]).toEqual([held, claims.length - held]);
    }
  });
});
