import type { Attachment } from '@v3vee/contracts';
import { parseMac } from '@v3vee/wire';
import { generator, macOf, vmOf } from '../testing/frames';
import { Members } from './members';

const nic = (n: number, vm = n, epoch = 1, vni = 1): Attachment => ({
  vni,
  mac: macOf(n),
  vmId: vmOf(vm),
  epoch,
});
const where = (members: Members, n: number, vni = 1) => members.holder(vni, parseMac(macOf(n)), 0)?.host;
const one = (n: number, vni = 1) => ({ vni, mac: macOf(n) });
const edge = (link: number, ...learned: number[]) => ({ vni: 1, link, learned: learned.map(macOf) });

describe('who is where', () => {
  it('is known from what the hosts announce', () => {
    const members = new Members();
    expect(members.attach('alpha', [nic(1), nic(2)], []).nics).toEqual([one(1), one(2)]);
    expect(members.attach('beta', [nic(3), nic(1, 1, 1, 2)], []).nics).toEqual([one(3), one(1, 2)]);
    expect([where(members, 1), where(members, 3), where(members, 1, 2), where(members, 4)]).toEqual([
      'alpha',
      'beta',
      'beta',
      undefined,
    ]);
    expect([...members.nics(1)].map(({ host }) => host)).toEqual(['alpha', 'alpha', 'beta']);
    expect([members.claimed(1, 'alpha'), members.claimed(2, 'alpha')]).toEqual([2, 0]);
    expect(members.attach('alpha', [nic(1), nic(2)], []).nics).toEqual([]);
    expect(members.attach('alpha', [nic(2)], []).nics).toEqual([one(1)]);
    expect([...members.all()].map(({ mac, host }) => `${mac.slice(-1)} ${host}`).sort()).toEqual([
      '1 beta',
      '2 alpha',
      '3 beta',
    ]);
  });

  it('gives the address of a VM that moved to the highest epoch, whoever speaks last', () => {
    const members = new Members();
    members.attach('alpha', [nic(1, 1, 1)], []);
    expect(members.attach('beta', [nic(1, 1, 2)], []).nics).toEqual([one(1)]);
    expect(where(members, 1)).toBe('beta');
    expect(members.attach('alpha', [nic(1, 1, 1), nic(5)], []).nics).toEqual([one(5)]);
    expect(where(members, 1)).toBe('beta');
    expect([members.attached, members.stale, members.claimed(1, 'alpha')]).toEqual([2, 1, 2]);
    members.attach('alpha', [nic(5)], []);
    expect([members.attached, members.stale]).toEqual([2, 0]);
  });

  it('leaves an address at equal epochs with the first claim, until that is withdrawn', () => {
    const members = new Members();
    members.attach('alpha', [nic(1)], []);
    members.attach('beta', [nic(1)], []);
    members.attach('alpha', [nic(1)], []);
    expect(where(members, 1)).toBe('alpha');
    expect(members.attach('alpha', [], []).nics).toEqual([one(1)]);
    expect(where(members, 1)).toBe('beta');
  });

  it('gives an address that a new VM got to that VM, whatever the old one’s epoch', () => {
    const members = new Members();
    members.attach('alpha', [nic(1, 1, 9)], []);
    members.attach('beta', [nic(1, 2, 1)], []);
    members.attach('alpha', [nic(1, 1, 9)], []);
    expect(where(members, 1)).toBe('beta');
  });

  it('knows links and the addresses behind them, which never take the address of a NIC', () => {
    const members = new Members();
    const bothOrders = expect.arrayContaining([one(7), one(8)]);
    const changes = members.attach('links', [], [edge(1, 7), edge(2, 8)]);
    expect(changes).toEqual({ nics: [], learned: bothOrders, networks: new Set([1]) });
    expect(members.holder(1, parseMac(macOf(7)), 0)).toEqual({
      host: 'links',
      place: { type: 'edge', link: 1 },
    });
    members.attach('alpha', [nic(7)], []);
    expect(where(members, 7)).toBe('alpha');
    // The station moves from one link to the other.
    expect(members.attach('links', [], [edge(1), edge(2, 7, 8)])).toEqual({
      nics: [],
      learned: [one(7)],
      networks: new Set(),
    });
    members.attach('alpha', [], []);
    expect(members.holder(1, parseMac(macOf(7)), 0)?.place).toEqual({ type: 'edge', link: 2 });
    expect(members.attach('links', [], [edge(1)]).learned).toEqual(bothOrders);
    expect([members.hasEdges(1), [...members.edges(1)].length]).toEqual([true, 1]);
    members.attach('links', [], []);
    expect([members.hasEdges(1), [...members.all()]]).toEqual([false, []]);
  });

  it.each([1, 2, 3, 4, 5, 6])('is as if made anew from all claims (seed %i)', seed => {
    const random = generator(seed);
    const members = new Members();
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
      const changes = members.attach(host, nics, []);
      const kept = (a: Attachment) =>
        claims.find(c => c.host === host && same(c, a) && c.vmId === a.vmId && c.epoch === a.epoch);
      const mine = nics.map(a => kept(a) ?? { ...a, host, order: order++ });
      claims = [...claims.filter(claim => claim.host !== host), ...mine];

      const after = snapshot();
      for (const [key, expected] of after) {
        const [vni, mac] = key.split(' ') as [string, string];
        expect([key, members.holder(Number(vni), parseMac(mac), 0)?.host]).toEqual([key, expected]);
        if (before.get(key) !== expected) expect(changes.nics).toContainEqual({ vni: Number(vni), mac });
      }
      for (const vni of [1, 2]) {
        const held = [...after].filter(([key, at]) => key.startsWith(`${vni} `) && at).map(([, at]) => at);
        expect([...members.nics(vni)].map(l => l.host).sort()).toEqual(held.sort());
        for (const each of hosts) {
          expect(members.claimed(vni, each)).toBe(
            claims.filter(c => c.host === each && c.vni === vni).length,
          );
        }
      }
    }
  });
});
