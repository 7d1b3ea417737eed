import type { Attachment } from '@v3vee/contracts';
import { parseMac } from '@v3vee/wire';
import { generator, macOf, vmOf } from '../testing/frames';
import { Whereabouts } from './whereabouts';

const nic = (n: number, vm = n, epoch = 1, vni = 1): Attachment => ({
  vni,
  mac: macOf(n),
  vmId: vmOf(vm),
  epoch,
});
const where = (whereabouts: Whereabouts, n: number, vni = 1) =>
  whereabouts.holder(vni, parseMac(macOf(n)), 0)?.host;
const one = (n: number, vni = 1) => ({ vni, mac: macOf(n) });
const edge = (link: number, ...learned: number[]) => ({ vni: 1, link, learned: learned.map(macOf) });

describe('who is where', () => {
  it('is known from what the hosts announce', () => {
    const whereabouts = new Whereabouts();
    expect(whereabouts.attach('alpha', [nic(1), nic(2)], []).nics).toEqual([one(1), one(2)]);
    expect(whereabouts.attach('beta', [nic(3), nic(1, 1, 1, 2)], []).nics).toEqual([one(3), one(1, 2)]);
    expect([
      where(whereabouts, 1),
      where(whereabouts, 3),
      where(whereabouts, 1, 2),
      where(whereabouts, 4),
    ]).toEqual(['alpha', 'beta', 'beta', undefined]);
    expect([...whereabouts.nics(1)].map(({ host }) => host)).toEqual(['alpha', 'alpha', 'beta']);
    expect([whereabouts.claimed(1, 'alpha'), whereabouts.claimed(2, 'alpha')]).toEqual([2, 0]);
    expect(whereabouts.attach('alpha', [nic(1), nic(2)], []).nics).toEqual([]);
    expect(whereabouts.attach('alpha', [nic(2)], []).nics).toEqual([one(1)]);
    expect([...whereabouts.all()].map(({ mac, host }) => `${mac.slice(-1)} ${host}`).sort()).toEqual([
      '1 beta',
      '2 alpha',
      '3 beta',
    ]);
  });

  it('gives the address of a VM that moved to the highest epoch, whoever speaks last', () => {
    const whereabouts = new Whereabouts();
    whereabouts.attach('alpha', [nic(1, 1, 1)], []);
    expect(whereabouts.attach('beta', [nic(1, 1, 2)], []).nics).toEqual([one(1)]);
    expect(where(whereabouts, 1)).toBe('beta');
    expect(whereabouts.attach('alpha', [nic(1, 1, 1), nic(5)], []).nics).toEqual([one(5)]);
    expect(where(whereabouts, 1)).toBe('beta');
    expect([whereabouts.attached, whereabouts.stale, whereabouts.claimed(1, 'alpha')]).toEqual([2, 1, 2]);
    whereabouts.attach('alpha', [nic(5)], []);
    expect([whereabouts.attached, whereabouts.stale]).toEqual([2, 0]);
  });

  it('leaves an address at equal epochs with the first claim, until that is withdrawn', () => {
    const whereabouts = new Whereabouts();
    whereabouts.attach('alpha', [nic(1)], []);
    whereabouts.attach('beta', [nic(1)], []);
    whereabouts.attach('alpha', [nic(1)], []);
    expect(where(whereabouts, 1)).toBe('alpha');
    expect(whereabouts.attach('alpha', [], []).nics).toEqual([one(1)]);
    expect(where(whereabouts, 1)).toBe('beta');
  });

  it('gives an address that a new VM got to that VM, whatever the old one’s epoch', () => {
    const whereabouts = new Whereabouts();
    whereabouts.attach('alpha', [nic(1, 1, 9)], []);
    whereabouts.attach('beta', [nic(1, 2, 1)], []);
    whereabouts.attach('alpha', [nic(1, 1, 9)], []);
    expect(where(whereabouts, 1)).toBe('beta');
  });

  it('knows links and the addresses behind them, which never take the address of a NIC', () => {
    const whereabouts = new Whereabouts();
    const bothOrders = expect.arrayContaining([one(7), one(8)]);
    const changes = whereabouts.attach('links', [], [edge(1, 7), edge(2, 8)]);
    expect(changes).toEqual({ nics: [], learned: bothOrders, networks: new Set([1]) });
    expect(whereabouts.holder(1, parseMac(macOf(7)), 0)).toEqual({
      host: 'links',
      place: { type: 'edge', link: 1 },
    });
    whereabouts.attach('alpha', [nic(7)], []);
    expect(where(whereabouts, 7)).toBe('alpha');
    // The station moves from one link to the other.
    expect(whereabouts.attach('links', [], [edge(1), edge(2, 7, 8)])).toEqual({
      nics: [],
      learned: [one(7)],
      networks: new Set(),
    });
    whereabouts.attach('alpha', [], []);
    expect(whereabouts.holder(1, parseMac(macOf(7)), 0)?.place).toEqual({ type: 'edge', link: 2 });
    expect(whereabouts.attach('links', [], [edge(1)]).learned).toEqual(bothOrders);
    expect([whereabouts.hasEdges(1), [...whereabouts.edges(1)].length]).toEqual([true, 1]);
    whereabouts.attach('links', [], []);
    expect([whereabouts.hasEdges(1), [...whereabouts.all()]]).toEqual([false, []]);
  });

  it.each([1, 2, 3, 4, 5, 6])('is as if made anew from all claims (seed %i)', seed => {
    const random = generator(seed);
    const whereabouts = new Whereabouts();
    const hosts = ['alpha', 'beta', 'gamma'];
    type Claim = Attachment & { host: string; order: number };
    let claims: Claim[] = [];
    let order = 0;
    const same = (a: Attachment, b: Attachment) => a.vni === b.vni && a.mac === b.mac;
    const holderOf = (vni: number, mac: string): string | undefined => {
      const rivals = claims.filter(claim => same(claim, { vni, mac } as Attachment));
      const notOutdated = rivals.filter(
        claim =>
          !rivals.some(
            other =>
              other.vmId === claim.vmId &&
              (other.epoch > claim.epoch || (other.epoch === claim.epoch && other.order < claim.order)),
          ),
      );
      return notOutdated.sort((a, b) => b.order - a.order)[0]?.host;
    };
    const snapshot = () => {
      const holders = new Map<string, string | undefined>();
      for (const vni of [1, 2]) {
        for (let n = 1; n <= 5; n++) holders.set(`${vni} ${macOf(n)}`, holderOf(vni, macOf(n)));
      }
      return holders;
    };
    for (let step = 0; step < 400; step++) {
      const before = snapshot();
      const host = hosts[random(3)]!;
      const nics: Attachment[] = [];
      for (let n = 1; n <= 5; n++) {
        const add = nic(n, 1 + random(2), 1 + random(3), 1 + random(2));
        if (random(2) && !nics.some(other => same(add, other))) nics.push(add);
      }
      const changes = whereabouts.attach(host, nics, []);
      const kept = (a: Attachment) =>
        claims.find(c => c.host === host && same(c, a) && c.vmId === a.vmId && c.epoch === a.epoch);
      const mine = nics.map(a => kept(a) ?? { ...a, host, order: order++ });
      claims = [...claims.filter(claim => claim.host !== host), ...mine];

      const after = snapshot();
      for (const [key, expected] of after) {
        const [vni, mac] = key.split(' ') as [string, string];
        expect([key, whereabouts.holder(Number(vni), parseMac(mac), 0)?.host]).toEqual([key, expected]);
        if (before.get(key) !== expected) expect(changes.nics).toContainEqual({ vni: Number(vni), mac });
      }
      for (const vni of [1, 2]) {
        const held = [...after].filter(([key, at]) => key.startsWith(`${vni} `) && at).map(([, at]) => at);
        expect([...whereabouts.nics(vni)].map(l => l.host).sort()).toEqual(held.sort());
        for (const each of hosts) {
          expect(whereabouts.claimed(vni, each)).toBe(
            claims.filter(c => c.host === each && c.vni === vni).length,
          );
        }
      }
    }
  });
});
