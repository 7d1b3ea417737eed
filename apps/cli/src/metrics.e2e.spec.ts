import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { stateFiles } from '@v3vee/client';
import type { List, Telemetry } from '@v3vee/contracts';
import {
  familyOf,
  namesIn,
  queriesOf,
  readDashboards,
  withAllChosen,
  type DocumentedFamily,
} from '@v3vee/dashboards';
import { checkoutRoot, ensurePrometheus, freePort, resolvePaths } from '@v3vee/setup';
import { TestCluster } from '@v3vee/testkit';
import { parse } from 'yaml';
// eslint-disable-next-line @nx/enforce-module-boundaries -- the stand-in for Grafana is no part of what the library offers
import { GrafanaServer } from '../../../libs/dashboards/src/testing/grafana-server.fixture';

/**
 * All that is to be seen of a cluster that does a little of everything: a1 and a2 share a physical card of alpha, w1 is at an
 * access point, b1 has a disk and is sent to alpha; saved states, a link, DHCP.
 */
const topology = `
hosts:
  alpha: { nics: [{ name: eth0, model: ne2000, network: lan }], radios: [{ name: radio0 }] }
  beta: {}
networks: { lan: { subnet: 10.10.0.0/24, dhcp: true } }
accessPoints: { home: { ssid: home, passphrase: correct horse, channel: 6, network: lan } }
vnet: { links: { out: { type: udp, remote: 127.0.0.1, remotePort: 4999, network: lan } } }
vms:
  a1: { host: alpha, nics: [{ network: lan, device: eth0, ip: 10.10.0.11/24 }] }
  a2: { host: alpha, nics: [{ network: lan, device: eth0, ip: 10.10.0.12/24 }] }
  b1: { host: beta, disks: [{ name: data, size: 16MiB }], nics: [{ network: lan, ip: 10.10.0.21/24 }] }
  w1:
    host: alpha
    image: debian-wifi
    wifi: [{ radio: radio0, ssid: home, passphrase: correct horse, ip: 10.10.0.31/24 }]
`;
/** Longer than all that is done here: what was counted once is still in a rate. */
const WINDOW = '5m';
/** After what is to be counted was done, Prometheus, which looks once a second, has seen it. */
const SEEN_MS = 40_000;
const documented = join(checkoutRoot, 'docs/METRICS.md');

interface Sample {
  metric: Record<string, string>;
  value: [number, string];
}

describe('metrics', () => {
  let folder: string;
  let cluster: TestCluster;
  let prometheus: ChildProcess;
  let url: string;
  let families: DocumentedFamily[];

  const sh = (vm: string, command: string) =>
    cluster.ok(['vm', 'exec', vm, '--timeout', '100', '--', 'sh', '-c', command]);
  const query = async (expr: string): Promise<Sample[]> => {
    const response = await fetch(`${url}/api/v1/query`, {
      method: 'POST',
      body: new URLSearchParams({ query: expr }),
    });
    const { status, data, error } = (await response.json()) as {
      status: string;
      data: { result: Sample[] };
      error?: string;
    };
    if (status !== 'success') throw new Error(`${expr}: ${error}`);
    return data.result;
  };
  const recorded = () => {
    const { groups } = parse(
      readFileSync(join(checkoutRoot, 'infra/prometheus/rules/v3vee.yml'), 'utf8'),
    ) as { groups: { rules: { record?: string; expr: string }[] }[] };
    return groups.flatMap(({ rules }) => rules);
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'v3-metrics-'));
    const topologyFile = join(folder, 'cluster.yaml');
    writeFileSync(topologyFile, topology);
    cluster = await TestCluster.up({ topologyFile });
    families = (await cluster.json<List<DocumentedFamily>>(['metrics'])).items;
    prometheus = spawn(
      process.execPath,
      [
        ...[join(checkoutRoot, 'apps/cli/dist/main.js'), 'prometheus'],
        ...['--port', String(await freePort()), '--interval', '1', '--retention', '1h'],
      ],
      { env: { ...process.env, V3_STATE_DIR: cluster.stateDir }, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const lines = createInterface({ input: prometheus.stdout! });
    for await (const line of lines) {
      const [, address] = /^Prometheus is at (\S+)$/.exec(line) ?? [];
      if (!address) continue;
      url = address;
      break;
    }
    prometheus.stdout!.resume();
  });
  afterAll(async () => {
    const ended = prometheus && new Promise(resolve => prometheus.once('exit', resolve));
    prometheus?.kill('SIGINT');
    await ended;
    await cluster?.down();
    rmSync(folder, { recursive: true, force: true });
  });

  it('are exactly those of docs/METRICS.md, by name, type, labels, unit and help', async () => {
    const rows = (text: string) => text.split('\n').filter(line => line.startsWith('| `'));
    // The table in the page is what "v3 metrics --markdown" prints.
    expect(rows(await cluster.ok(['metrics', '--markdown']))).toEqual(rows(readFileSync(documented, 'utf8')));
  });

  it('have names, help and units as Prometheus wants them', async () => {
    const { services } = await cluster.status();
    const { promtool } = await ensurePrometheus({ cache: resolvePaths().cache });
    for (const service of services.filter(each => each.url?.startsWith('http'))) {
      const text = await (await fetch(`${service.url}/metrics`)).text();
      const own = text.split('\n').filter(line => /^(# (HELP|TYPE) )?v3_/.test(line));
      expect(own.length).toBeGreaterThan(0);
      // It exits with an error where there is anything to complain of, and names it.
      execFileSync(promtool, ['check', 'metrics'], { input: `${own.join('\n')}\n`, stdio: 'pipe' });
    }
  });

  it('are all that queries of panels and rules read', () => {
    const known = new Set(families.map(({ name }) => name));
    const rules = recorded();
    const made = new Set(rules.map(({ record }) => record));
    const queries = [
      ...queriesOf(readDashboards()).map(({ expr }) => expr),
      ...rules.map(({ expr }) => expr),
    ];
    const unknown = queries
      .flatMap(namesIn)
      .filter(name => (name.includes(':') ? !made.has(name) : !familyOf(name, known)));
    expect(unknown).toEqual([]);
  });

  it('show each service, which Prometheus finds by what the supervisor writes', async () => {
    const groups = JSON.parse(
      readFileSync(stateFiles(cluster.stateDir).prometheusTargets, 'utf8'),
    ) as unknown[];
    expect(groups).toHaveLength(8);
    for (;;) {
      const up = await query('sum by (service, host) (up{job="v3vee"}) == 1');
      const found = up.map(({ metric }) => [metric.service, metric.host].filter(Boolean).join(' ')).sort();
      if (found.length === groups.length) {
        expect(found).toEqual(
          [
            ...['dmm', 'gateway', 'vnet', 'wifi'],
            ...['alpha', 'beta'].flatMap(host => [`kitten ${host}`, `palacios ${host}`]),
          ].sort(),
        );
        return;
      }
      await delay(200);
    }
  });

  it('of a disk count what its guest had of it', async () => {
    const counted = async () => (await cluster.json<Telemetry>(['vm', 'stats', 'b1'])).disks;
    const [before] = await counted();
    await sh('b1', 'head -c 65536 /dev/urandom > /mnt/data/file; sync /mnt/data/file');
    const [after] = await counted();
    expect(after).toMatchObject({ name: 'data', refused: 0, stalls: 0 });
    expect(after!.writeBytes - before!.writeBytes).toBeGreaterThanOrEqual(65_536);
    expect(after!.flushes).toBeGreaterThan(before!.flushes);
    expect(await cluster.ok(['vm', 'stats', 'b1'])).toMatch(/^DISK +READS +READ +WRITES .*\ndata /m);
  });

  it('let no query of a panel be empty', async () => {
    const client = await cluster.client();
    for (;;) {
      const stations = await client.list('listStations');
      if (stations.some(({ name, state }) => name === 'w1/wlan0' && state === 'ASSOCIATED')) break;
      await delay(250);
    }
    // A card that is set up anew is what the DMM is asked about.
    await sh('a1', 'ip link set eth0 down; ip link set eth0 up');
    await Promise.all([
      sh('a1', 'ping -q -i 0.2 -c 20 -W 10 10.10.0.21'),
      sh('a2', 'ping -q -i 0.2 -c 20 -W 10 10.10.0.21'),
      sh('w1', 'ping -q -i 0.2 -c 20 -W 10 10.10.0.21'),
    ]);
    await sh('b1', 'head -c 65536 /dev/urandom > /mnt/data/file; sync /mnt/data/file'); // for the rates
    await cluster.ok(['vm', 'snapshot', 'b1', 'kept']);
    await cluster.ok(['vm', 'migrate', 'b1', 'alpha']);
    await sh('a1', 'ping -q -i 0.2 -c 10 -W 10 10.10.0.21');

    const waits = new Set(queriesOf(readDashboards()));
    const deadline = Date.now() + SEEN_MS;
    for (;;) {
      for (const each of waits) {
        const samples = await query(withAllChosen(each.expr, WINDOW));
        if (samples.some(({ value: [, value] }) => Number.isFinite(Number(value)))) waits.delete(each);
      }
      if (waits.size === 0 || Date.now() > deadline) break;
      await delay(500);
    }
    expect([...waits]).toEqual([]);
  });

  it('and events go to an existing Grafana: dashboards, and a migration marked once', async () => {
    const server = await new GrafanaServer().start();
    const address = ['--url', server.url, '--token', GrafanaServer.TOKEN];
    const pushed = (await cluster.ok(['grafana', 'push', ...address])).trim().split('\n');
    expect(pushed).toHaveLength(readDashboards().length);
    expect(server.dashboards.size).toBe(pushed.length);
    expect(await cluster.ok(['grafana', 'annotate', ...address])).toMatch(
      /^b1 moved from beta to alpha, stood still for \d+ ms\n$/,
    );
    expect(await cluster.ok(['grafana', 'annotate', ...address])).toBe('');
    expect(server.annotations.map(({ tags }) => tags.slice(2))).toEqual([
      ['migration', 'vm:b1', 'completed'],
    ]);
    const refused = await cluster.v3(['grafana', 'push', '--url', server.url, '--token', 'wrong']);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('Invalid API key')]);
    await server.stop();
  });
});
