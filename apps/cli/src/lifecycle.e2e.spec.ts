import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isAlive, type ClusterStatus } from '@v3vee/client';
import type { Vm } from '@v3vee/contracts';
import { TestCluster } from '@v3vee/testkit';

/** How the processes of a cluster come, go and are killed; one host and one guest are enough for that. */
const TOPOLOGY = `
hosts: { alpha: }
networks: { lan: { subnet: 10.10.0.0/24 } }
vms:
  a1: { host: alpha, nics: [{ network: lan, ip: 10.10.0.11/24 }] }
`;

describe('the life of a cluster', () => {
  let folder: string;
  let file: string;
  let cluster: TestCluster;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'v3-e2e-'));
    file = join(folder, 'cluster.yaml');
    writeFileSync(file, TOPOLOGY);
    cluster = await TestCluster.up({ topologyFile: file });
  });
  afterAll(async () => {
    await cluster?.down();
    rmSync(folder, { recursive: true, force: true });
  });

  const status = () => cluster.status();
  const service = async (name: string) => {
    const found = (await status()).services.find(candidate => candidate.name === name);
    if (!found) throw new Error(`there is no service ${name}`);
    return found;
  };
  const uptime = async () =>
    Number((await cluster.ok(['vm', 'exec', 'a1', '--', 'cat', '/proc/uptime'])).split(' ')[0]);
  const until = async (condition: () => boolean | Promise<boolean>) => {
    while (!(await condition())) await delay(50); // Jest's time limit ends a wait in vain
  };

  it('is shown by status, with every process ready', async () => {
    const { state, url, pid, services } = await cluster.json<ClusterStatus>(['status']);
    expect(state).toBe('running');
    expect(() => process.kill(pid, 0)).not.toThrow();
    expect(services.map(({ name }) => name).sort()).toEqual(
      ['dmm', 'gateway', 'kitten-alpha', 'nats', 'palacios-alpha', 'postgres', 'vnet', 'wifi'].sort(),
    );
    expect(services.every(found => found.state === 'ready' && found.restarts === 0)).toBe(true);
    // Everything listens on the loopback, and no password is shown.
    for (const found of services)
      expect(new URL(found.url as string)).toMatchObject({ hostname: '127.0.0.1', password: '' });
    expect(await (await fetch(`${url}/health/ready`)).json()).toBeTruthy();
    const table = await cluster.ok(['status']);
    expect(table).toMatch(/^The cluster is running at http:\/\/127\.0\.0\.1:\d+ \(for .*\)\nSERVICE +STATE/);
  });

  it('keeps its secrets for its user', () => {
    for (const name of ['admin.token', 'cluster.json', 'topology.json', 'control.sock', 'logs/gateway.log']) {
      expect([name, statSync(join(cluster.stateDir, name)).mode & 0o077]).toEqual([name, 0]);
    }
  });

  it('says at a second up that it is already running', async () => {
    const { url, pid } = await status();
    for (const args of [['up'], ['up', '--detach']]) {
      const { code, stderr, stdout } = await cluster.v3(args);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toBe(
        `v3: The cluster is already running: at ${url}, supervised by process ${pid}; "v3 down" stops it\n`,
      );
    }
    expect((await status()).pid).toBe(pid);
  });

  it('writes a log for each service', async () => {
    expect(await cluster.ok(['logs', 'kitten-alpha'])).toMatch(/info +.*ready/);
    const raw = (await cluster.ok(['logs', 'gateway', '-n', '1', '--raw'])).trim();
    expect(JSON.parse(raw)).toMatchObject({ level: expect.any(Number) });
    const { code, stderr } = await cluster.v3(['logs', 'nobody']);
    expect(code).toBe(2);
    expect(stderr).toContain('there is no log of "nobody"; there are: ');
  });

  it.each(['kitten-alpha', 'vnet', 'dmm', 'gateway', 'nats', 'postgres'])(
    'starts a killed %s again, at the same address, and the guest runs on',
    async name => {
      const before = await service(name);
      const ran = await uptime();
      process.kill(before.pid as number, 'SIGKILL');
      await until(async () => {
        const now = await service(name);
        return now.restarts === before.restarts + 1 && now.state === 'ready';
      });
      expect(await service(name)).toMatchObject({ url: before.url, reason: '' });
      // The others reconnect by themselves; until then they say that something is not there.
      let runs: number | undefined;
      await until(async () => (runs = await uptime().catch(() => undefined)) !== undefined);
      expect(runs).toBeGreaterThan(ran);
    },
  );

  it('goes down, and comes up again, at a port that is free, with the uptime of its guests going on', async () => {
    const ran = await uptime();
    const { services } = await status();
    const begin = Date.now();
    expect(await cluster.ok(['down'])).toBe('The cluster is down.\n');
    for (const { pid } of services) expect(() => process.kill(pid as number, 0)).toThrow('ESRCH');
    expect(existsSync(join(cluster.stateDir, 'cluster.json'))).toBe(false);
    expect(existsSync(join(cluster.stateDir, 'control.sock'))).toBe(false);

    const again = await cluster.v3(['down']);
    expect(again).toMatchObject({ code: 0, stderr: expect.stringContaining('there is nothing to stop') });

    const taken = createServer();
    await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    const up = ['up', '--detach', '-f', file, '--port', String(port)];
    const { code, stderr } = await cluster.v3(up);
    expect(code).toBe(1);
    expect(stderr).toContain(
      `v3: The port is in use: port ${port} on 127.0.0.1 is taken by another process; choose another with --port N`,
    );
    await new Promise(resolve => taken.close(resolve));
    expect((await cluster.v3(['status'])).code).toBe(1);

    await cluster.ok(up);
    expect((await status()).url).toBe(`http://127.0.0.1:${port}`);
    const runs = await uptime();
    expect(runs).toBeGreaterThan(ran);
    expect(runs).toBeLessThan(ran + (Date.now() - begin) / 1000 + 1);
  });

  it('leaves nothing behind when its supervisor is killed, not even the guests’ work', async () => {
    const ran = await uptime();
    const { pid, services } = await status();
    process.kill(pid, 'SIGKILL');
    const pids = services.map(found => found.pid as number);
    await until(() => pids.every(each => !isAlive(each)));
    await until(() => !existsSync(join(cluster.stateDir, 'cluster.json')));
    expect((await cluster.v3(['status'])).stderr).toContain('v3: The cluster is not running');

    await cluster.ok(['up', '--detach', '-f', file]);
    expect(await cluster.json<Vm>(['vm', 'show', 'a1'])).toMatchObject({ state: 'RUNNING' });
    expect(await uptime()).toBeGreaterThan(ran);
  });

  it('starts over stale files that nobody could remove', async () => {
    const { pid, services } = await status();
    const anchor = childrenOf(pid).find(child => commandOf(child).includes('anchor.js')) as number;
    // Killed at once, as by the kernel when memory is short.
    for (const each of [pid, anchor, ...services.map(found => found.pid as number)])
      process.kill(each, 'SIGKILL');
    await until(() => [anchor, ...services.map(found => found.pid as number)].every(each => !isAlive(each)));
    expect(existsSync(join(cluster.stateDir, 'cluster.json'))).toBe(true);
    expect((await cluster.v3(['vm', 'list'])).stderr).toContain('v3: The cluster is not running');
    await cluster.ok(['up', '--detach', '-f', file]);
    expect((await status()).state).toBe('running');
  });

  it('runs beside another one', async () => {
    const empty = join(folder, 'empty.yaml');
    writeFileSync(empty, 'hosts: { alpha: }\n');
    const other = await TestCluster.up({ topologyFile: empty });
    try {
      expect((await other.json<{ items: Vm[] }>(['vm', 'list'])).items).toEqual([]);
      expect((await cluster.json<{ items: Vm[] }>(['vm', 'list'])).items).toHaveLength(1);
    } finally {
      await other.down();
    }
    expect((await status()).state).toBe('running');
  });
});

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}

function commandOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
}
