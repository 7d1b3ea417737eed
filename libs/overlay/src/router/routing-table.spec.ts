import type { VnetPlace, VnetRule } from '@v3vee/contracts';
import { BROADCAST_MAC } from '@v3vee/wire';
import { placeKey } from '../port';
import { frameTo, generator, macOf, vmOf, type Random } from '../testing/frames';
import { RoutingTable } from './routing-table';
import { AUTOMATIC_PRIORITY, parseMacMatch, PRIORITIES } from './rules';

const nic = (n: number): VnetPlace => ({ type: 'interface', mac: macOf(n) });
const edge = (link: number): VnetPlace => ({ type: 'edge', link });
const attachment = (n: number, vni = 1) => ({ vni, mac: macOf(n), vmId: vmOf(n), epoch: 1 });
let nextIndex = 1;
const rule = (
  source: string,
  destination: string,
  to: VnetPlace,
  from: VnetPlace | null = null,
): VnetRule => ({
  index: nextIndex++,
  vni: 1,
  source,
  destination,
  to,
  from,
});

/** NICs 1 and 2 on alpha, 3 on beta, links 1 and 2; address 8 is behind link 1. */
function setUp(...rules: VnetRule[]) {
  const table = new RoutingTable();
  table.attach('alpha', [attachment(1), attachment(2)]);
  table.attach('beta', [attachment(3), attachment(3, 2)]);
  table.attach(
    '_links',
    [],
    [1, 2].map(link => ({ vni: 1, link, learned: link === 1 ? [macOf(8)] : [] })),
  );
  table.setRules(rules);
  const go = (from: VnetPlace, source: number, destination: number | string) => {
    const mac = typeof destination === 'string' ? destination : macOf(destination);
    const { places } = table.lookup(1, from, frameTo(mac, macOf(source)), 12);
    return places.map(({ place }) =>
      place.type === 'edge' ? `link ${place.link}` : `nic ${place.mac.slice(-1)}`,
    );
  };
  return { table, go };
}

describe('the routing table', () => {
  it('has a route to every NIC, to every address behind a link, and one to each member for groups', () => {
    const { go } = setUp();
    expect(go(nic(1), 1, 2)).toEqual(['nic 2']);
    expect(go(nic(1), 1, 8)).toEqual(['link 1']);
    expect(go(nic(1), 1, BROADCAST_MAC)).toEqual(['nic 2', 'nic 3', 'link 1', 'link 2']);
    expect(go(nic(1), 1, '33:33:00:00:00:01')).toEqual(['nic 2', 'nic 3', 'link 1', 'link 2']);
  });

  it('sends what nobody is known to have to all links', () => {
    const { table, go } = setUp();
    expect(go(nic(1), 1, 9)).toEqual(['link 1', 'link 2']);
    expect(table.lookup(2, nic(3), frameTo(macOf(9), macOf(3)), 12)).toEqual({ places: [], known: false });
  });

  it('sends nothing back to where it came from, and nothing from link to link', () => {
    const { go } = setUp();
    expect([go(nic(1), 1, 1), go(edge(1), 9, 8), go(edge(2), 9, 8), go(edge(2), 9, 7)]).toEqual([
      [],
      [],
      [],
      [],
    ]);
    expect(go(edge(1), 8, BROADCAST_MAC)).toEqual(['nic 1', 'nic 2', 'nic 3']);
    expect(go(edge(1), 8, 2)).toEqual(['nic 2']);
  });

  it('is overridden by routes of higher priority, extended by equal ones, and backed by lower ones', () => {
    expect(setUp(rule(macOf(1), 'any', edge(2))).go(nic(1), 1, 2)).toEqual(['link 2']);
    expect(setUp(rule(`not-${macOf(2)}`, macOf(2), nic(3))).go(nic(1), 1, 2)).toEqual(['nic 3']);
    expect(setUp(rule('any', 'any', edge(2))).go(nic(1), 1, 2)).toEqual(['nic 2', 'link 2']);
    expect(setUp(rule('any', BROADCAST_MAC, edge(2))).go(nic(1), 1, BROADCAST_MAC)).toHaveLength(4);
    const fallBack = setUp(rule(`not-${macOf(9)}`, 'any', nic(3)));
    expect([fallBack.go(nic(1), 1, 2), fallBack.go(nic(1), 1, 9)]).toEqual([['nic 2'], ['nic 3']]);
    expect(setUp(rule('none', 'any', nic(3)), rule('any', 'none', nic(3))).go(nic(1), 1, 2)).toEqual([
      'nic 2',
    ]);
  });

  it('gives a frame to all routes of the highest priority, to each place once', () => {
    const { go } = setUp(
      rule(macOf(1), macOf(2), edge(1)),
      rule(macOf(1), 'any', nic(3)),
      rule(macOf(1), macOf(2), nic(3)),
      rule('any', 'any', edge(2)),
    );
    expect(go(nic(1), 1, 2).sort()).toEqual(['link 1', 'nic 3']);
  });

  it('minds where a frame comes from', () => {
    const { go } = setUp(rule('any', macOf(2), nic(3), nic(1)), rule('any', 'any', edge(2), edge(1)));
    expect([go(nic(1), 1, 2), go(nic(3), 3, 2)]).toEqual([['nic 2', 'nic 3'], ['nic 2']]);
    // From link to link only by a route from that link.
    expect([go(edge(1), 8, 7), go(edge(2), 8, 7), go(edge(1), 8, 2)]).toEqual([
      ['link 2'],
      [],
      ['nic 2', 'link 2'],
    ]);
  });

  it('drops what is routed to a place that is not there, though another route would know one', () => {
    const { table, go } = setUp(rule(macOf(1), macOf(2), nic(9)));
    expect(go(nic(1), 1, 2)).toEqual([]);
    expect(table.lookup(1, nic(1), frameTo(macOf(2), macOf(1)), 12).known).toBe(false);
    table.attach('gamma', [attachment(9)]);
    expect(go(nic(1), 1, 2)).toEqual(['nic 9']);
  });

  it('says which flows a change makes untrue', () => {
    const table = new RoutingTable();
    const all = (vni: number) => ({ vni, destination: null });
    expect(table.attach('alpha', [attachment(1), attachment(2)])).toEqual([
      { vni: 1, destination: macOf(1) },
      { vni: 1, destination: macOf(2) },
      { vni: 1, destination: BROADCAST_MAC },
    ]);
    expect(table.setRules([rule('any', 'any', nic(1))])).toEqual([all(1)]);
    expect(table.setRules(table.rules)).toEqual([]);
    expect(table.attach('alpha', [attachment(1)])).toEqual([all(1)]);
    expect(table.setRules([])).toEqual([all(1)]);
    const link = (...learned: string[]) => [{ vni: 2, link: 1, learned }];
    expect(table.attach('_links', [], link())).toEqual([all(2)]);
    expect(table.attach('_links', [], link(macOf(8)))).toEqual([{ vni: 2, destination: macOf(8) }]);
    expect(table.attach('beta', [attachment(3, 2)])).toEqual([all(2)]);
    expect(table.attach('_links', [], [])).toEqual([all(2), { vni: 2, destination: macOf(8) }].slice(0, 1));
  });

  it.each(Array.from({ length: 20 }, (_, i) => i + 1))(
    'does what a slow and obvious one does (seed %i)',
    seed => {
      const random = generator(seed);
      for (let round = 0; round < 12; round++) {
        const model = randomModel(random);
        const table = new RoutingTable();
        for (const host of ['alpha', 'beta', '_links']) {
          const nics = model.nics.filter(each => each.host === host).map(({ n, vni }) => attachment(n, vni));
          table.attach(host, nics, host === '_links' ? model.edges : []);
        }
        table.setRules(model.rules);
        for (let i = 0; i < 60; i++) {
          const vni = 1 + random(2);
          const from = random(3) ? nic(random(5)) : edge(1 + random(3));
          const [source, destination] = [macs[random(6)]!, macs[random(macs.length)]!];
          const { places } = table.lookup(vni, from, frameTo(destination, source), 12);
          const found = places.map(({ place }) => placeKey(place)).sort();
          expect([vni, from, source, destination, ...found]).toEqual([
            vni,
            from,
            source,
            destination,
            ...lookUp(model, vni, from, source, destination),
          ]);
        }
      }
    },
  );
});

// ---- The slow and obvious one: every route of everybody in one list, each looked at for every frame -----------------

const macs = [...[0, 1, 2, 3, 4, 5].map(macOf), BROADCAST_MAC, '33:33:00:00:00:01'];

interface Model {
  nics: { n: number; vni: number; host: string }[];
  edges: { vni: number; link: number; learned: string[] }[];
  rules: VnetRule[];
}

function randomModel(random: Random): Model {
  const nics: Model['nics'] = [];
  for (const vni of [1, 2]) {
    for (let n = 0; n < 5; n++) if (random(2)) nics.push({ n, vni, host: random(2) ? 'alpha' : 'beta' });
  }
  const edges: Model['edges'] = [];
  const spare = [0, 1, 2, 3, 4, 5].map(macOf);
  for (let link = 1; link <= 3; link++) {
    if (random(2)) edges.push({ vni: 1 + random(2), link, learned: spare.splice(0, random(3)) });
  }
  const match = () => {
    const mac = macs[random(macs.length)]!;
    return [`${mac}`, `${mac}`, `not-${mac}`, 'any', 'any', 'none'][random(6)]!;
  };
  const place = () => (random(3) ? nic(random(5)) : edge(1 + random(3)));
  const rules = Array.from({ length: random(8) }, (_, i) => ({
    index: i + 1,
    vni: 1 + random(2),
    source: match(),
    destination: match(),
    to: place(),
    from: random(3) ? null : place(),
  }));
  return { nics, edges, rules };
}

function lookUp(model: Model, vni: number, from: VnetPlace, source: string, destination: string): string[] {
  const isGroup = Number.parseInt(destination.slice(0, 2), 16) % 2 === 1;
  const attached = model.nics.filter(each => each.vni === vni).map(({ n }) => nic(n));
  const links = model.edges.filter(each => each.vni === vni);
  const automatic: Omit<VnetRule, 'index' | 'vni'>[] = [
    ...attached.map(to => ({
      source: 'any',
      destination: isGroup ? destination : placeKey(to),
      to,
      from: null,
    })),
    ...links.flatMap(({ link, learned }) => {
      const free = learned.filter(mac => !attached.some(each => placeKey(each) === mac));
      return (isGroup ? [destination] : free).map(mac => ({
        source: 'any',
        destination: mac,
        to: edge(link),
        from: null,
      }));
    }),
  ];
  const all = [...automatic, ...model.rules.filter(each => each.vni === vni)];
  const priorities = all.map(route => {
    const [s, d] = [parseMacMatch(route.source).qualifier, parseMacMatch(route.destination).qualifier];
    const fits = (text: string, mac: string) =>
      text === 'any' || text === mac || (text.startsWith('not-') && text.slice(4) !== mac);
    const comesFrom = route.from === null || placeKey(route.from) === placeKey(from);
    if (!fits(route.source, source) || !fits(route.destination, destination) || !comesFrom) return -1;
    return s === 'none' || d === 'none' ? -1 : PRIORITIES[s][d];
  });
  const highest = Math.max(-1, ...priorities);
  const chosen = all.filter((_, i) => priorities[i] === highest && highest > 0);
  if (highest < 0 && !isGroup) {
    chosen.push(...links.map(({ link }) => ({ source: '', destination: '', to: edge(link), from: null })));
  }
  const isThere = (to: VnetPlace) =>
    to.type === 'edge'
      ? links.some(({ link }) => link === to.link)
      : attached.some(a => placeKey(a) === placeKey(to));
  const targets = chosen
    .filter(
      ({ to, from: explicit }) =>
        isThere(to) && !(to.type === 'edge' && from.type === 'edge' && explicit?.type !== 'edge'),
    )
    .map(({ to }) => placeKey(to))
    .filter(key => key !== placeKey(from));
  return [...new Set(targets)].sort();
}

describe('the priorities', () => {
  it('are those that were published', () => {
    expect(PRIORITIES).toEqual({
      not: { not: 3, any: 5, address: 7 },
      any: { not: 5, any: 6, address: 6 },
      address: { not: 7, any: 8, address: 8 },
    });
    expect(AUTOMATIC_PRIORITY).toBe(6);
  });
});
