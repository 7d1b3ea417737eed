import { dashboards } from './dashboards';
import { familyRows, mergeFamilies, unitOf } from './families';
import type { DashboardJson } from './files';
import { familyOf, namesIn, queriesOf, withAllChosen } from './queries';

const all = JSON.parse(JSON.stringify(dashboards)) as DashboardJson[];

it('there is a dashboard of each thing, under a lasting uid', () => {
  expect(all.map(({ uid }) => uid)).toEqual(
    ['cluster', 'host', 'vm', 'overlay', 'vpio', 'wifi', 'migration'].map(name => `v3vee-${name}`),
  );
});

it('every panel has a query, and every query reads a metric of ours or a recorded one', () => {
  for (const { uid, panels } of all) {
    const shown = panels.filter(({ targets }) => targets);
    expect(shown.length).toBeGreaterThan(5);
    const titles = shown.map(({ title }) => title);
    expect([uid, new Set(titles).size]).toEqual([uid, titles.length]);
  }
  const queries = queriesOf(all);
  for (const { expr } of queries) {
    if (/^(sum\()?(up|ALERTS)\b/.test(expr)) continue;
    expect([expr, namesIn(expr)]).not.toEqual([expr, []]);
  }
});

it('names are told from functions, labels and what labels are', () => {
  expect(
    namesIn(
      'sum by (host, le) (rate(v3_a_total{vm="v3_no", process_no!="x"}[30s])) / host:v3_b:rate1m or vector(0)',
    ),
  ).toEqual(['v3_a_total', 'host:v3_b:rate1m']);
  expect(familyOf('v3_x_seconds_bucket', new Set(['v3_x_seconds']))).toBe('v3_x_seconds');
  expect(familyOf('v3_y_total', new Set(['v3_y']))).toBeUndefined();
});

it('with all chosen, a query is PromQL', () => {
  expect(withAllChosen('rate(v3_a{host=~"$host"}[$__rate_interval])', '30s')).toBe(
    'rate(v3_a{host=~".*"}[30s])',
  );
});

it('what services say of a metric is one row', () => {
  const family = { name: 'v3_a_bytes_total', type: 'counter', help: 'Bytes|', labels: ['nic', 'vm'] };
  const said = ['palacios', 'palacios', 'kitten'].map(service => ({ service, families: [family] }));
  expect(familyRows(mergeFamilies(said))).toEqual([
    '| `v3_a_bytes_total` | counter | `nic`, `vm` | bytes | kitten, palacios | Bytes\\| |',
  ]);
  expect(['v3_b_total', 'v3_c_seconds_total', 'v3_d_dbm', 'v3_e_ratio'].map(unitOf)).toEqual([
    '',
    'seconds',
    'dBm',
    'ratio',
  ]);
});
