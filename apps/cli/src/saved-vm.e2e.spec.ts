import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Snapshot, Vm } from '@v3vee/contracts';
import { TestCluster } from '@v3vee/testkit';

const NETWORKS = 'networks: { lan: { subnet: 10.10.0.0/24 } }';
const HERE = `
hosts: { alpha: }
${NETWORKS}
vms:
  a1: { host: alpha, nics: [{ network: lan, ip: 10.10.0.11/24 }] }
  d1: { host: alpha, autostart: false, disks: [{ name: data, size: 16MiB }] }
`;
const THERE = `hosts: { alpha:, gamma: }\n${NETWORKS}\n`;

/** Palacios's verbs save, load, send and receive, between two clusters that know nothing of each other. */
describe('a VM that is saved to a file or sent away', () => {
  let folder: string;
  let here: TestCluster;
  let there: TestCluster;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'v3-e2e-'));
    const file = (name: string, text: string) => {
      writeFileSync(join(folder, name), text);
      return { topologyFile: join(folder, name) };
    };
    here = await TestCluster.up(file('here.yaml', HERE));
    there = await TestCluster.up(file('there.yaml', THERE));
  });
  afterAll(async () => {
    await here?.down();
    await there?.down();
    rmSync(folder, { recursive: true, force: true });
  });

  const sh = async (cluster: TestCluster, vm: string, script: string) =>
    (await cluster.ok(['vm', 'exec', vm, '--', 'sh', '-c', script])).trim();
  const list = async <T>(cluster: TestCluster, what: string) =>
    (await cluster.json<{ items: T[] }>([what, 'list'])).items;
  const peer = async (flag: string, cluster: TestCluster) => [
    ...[flag, (await cluster.status()).url as string],
    ...['--token-file', join(cluster.stateDir, 'admin.token')],
  ];

  it('is saved while it runs, and loaded again; neither leaves a snapshot behind', async () => {
    const file = join(folder, 'a1.v3snapshot');
    await sh(here, 'a1', 'echo then >/tmp/when');
    expect(await here.ok(['vm', 'save', 'a1', file])).toMatch(/^vm\/a1 saved to .* MiB\)\n$/);
    expect((await list<Vm>(here, 'vm'))[0]).toMatchObject({ state: 'RUNNING' });
    await sh(here, 'a1', 'echo now >/tmp/when');
    expect(await here.v3(['vm', 'save', 'a1', file])).toMatchObject({ code: 2 });
    await here.ok(['vm', 'load', 'a1', file]);
    expect(await sh(here, 'a1', 'cat /tmp/when')).toBe('then');
    expect(await list<Snapshot>(here, 'snapshot')).toEqual([]);
    const half = join(folder, 'half.v3snapshot');
    writeFileSync(half, readFileSync(file).subarray(0, Math.floor(statSync(file).size / 2)));
    const { code, stderr } = await here.v3(['vm', 'load', 'a1', half]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/^v3: This is not a saved state: .*ends early/),
    });
    expect(await sh(here, 'a1', 'cat /tmp/when')).toBe('then');
  });

  it('goes on in another cluster, and comes back', async () => {
    await sh(here, 'a1', 'echo travels >/tmp/what; (sleep 100000 >/dev/null 2>&1 </dev/null &)');
    // A process has that name only once it has come to its program.
    const started = await sh(here, 'a1', 'until pidof sleep; do usleep 10000; done');
    expect(
      await here.ok(['vm', 'send', 'a1', ...(await peer('--to', there)), '--host', 'gamma', '--name', 'g1']),
    ).toMatch(/^vm\/a1 moved to http:.* as vm\/g1; it stood still for \d+ ms\n$/);
    expect((await list<Vm>(here, 'vm'))[0]).toMatchObject({
      ...{ name: 'a1', state: 'STOPPED', autostart: false },
    });
    expect((await list<Vm>(there, 'vm'))[0]).toMatchObject({ name: 'g1', host: 'gamma', state: 'RUNNING' });
    expect(await sh(there, 'g1', 'cat /tmp/what; pidof sleep; ip -4 -o addr show eth0')).toMatch(
      new RegExp(`^travels\n${started}\n.* 10\\.10\\.0\\.11/24 `),
    );
    await here.ok(['vm', 'delete', 'a1']);
    const receive = ['vm', 'receive', 'g1', ...(await peer('--from', there)), '--host', 'alpha'];
    const taken = await here.json([...receive, '--name', 'a1', '--delete']);
    expect(taken).toMatchObject({ vm: 'g1', name: 'a1', pausedMs: expect.any(Number) });
    expect(await sh(here, 'a1', 'pidof sleep')).toBe(started);
    expect(await list<Vm>(there, 'vm')).toEqual([]);
    expect(await list<Snapshot>(here, 'snapshot')).toEqual([]);
    expect(await list<Snapshot>(there, 'snapshot')).toEqual([]);
  });

  it('stays, and runs, when the other cluster does not take it', async () => {
    const refused = async (more: string[], what: RegExp, exitCode = 1) => {
      const { code, stderr } = await here.v3(['vm', 'send', 'a1', ...more]);
      expect({ code, stderr }).toEqual({ code: exitCode, stderr: expect.stringMatching(what) });
    };
    const to = await peer('--to', there);
    await refused([...to, '--host', 'delta'], /delta/);
    await there.ok(['vm', 'create', 'a1', '--host', 'gamma']);
    await refused([...to, '--host', 'gamma'], /"?a1/);
    const withDisk = await here.v3(['vm', 'send', 'd1', ...to]);
    expect(withDisk).toMatchObject({ code: 1, stderr: expect.stringContaining('d1 has disks') });
    await refused(['--to', 'nonsense', ...to.slice(2)], /"nonsense" is no address/, 2);
    await refused([...to.slice(0, 3), join(folder, 'none')], /cannot be read/, 2);
    await refused(['--to', 'http://127.0.0.1:1', ...to.slice(2)], /cannot be reached/);
    expect((await list<Vm>(here, 'vm')).find(({ name }) => name === 'a1')).toMatchObject({
      state: 'RUNNING',
    });
    expect(await list<Vm>(there, 'vm')).toHaveLength(1);
  });
});
