import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Host } from '@v3vee/contracts';
import { checkoutRoot } from '@v3vee/setup';
import { TestCluster } from '@v3vee/testkit';

/** How a running cluster becomes another one. */
describe('apply', () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await TestCluster.up();
  });
  afterAll(() => cluster?.down());

  const ok = (...args: string[]) => cluster.ok(args);
  const sh = (vm: string, script: string) => ok('vm', 'exec', vm, '--', 'sh', '-c', script);
  const defaults = () => readFileSync(join(checkoutRoot, 'cluster.yaml'), 'utf8');
  const refused = async (args: string[], exitCode: number, message: RegExp, input: string) => {
    const { code, stderr, stdout } = await cluster.v3(args, { input });
    expect({ args, code, stdout }).toEqual({ args, code: exitCode, stdout: '' });
    expect(stderr).toMatch(message);
  };

  it('changes nothing the second time', async () => {
    expect(await ok('apply', '-f', join(checkoutRoot, 'cluster.yaml'))).toBe('Nothing to change.\n');
  });

  it('adds and removes hosts with their machines', async () => {
    const more =
      defaults().replace('networks:', '  gamma: { memory: 256MiB, cores: 2 }\nnetworks:') +
      '  g1:\n    host: gamma\n    nics: [{ network: lan, ip: 10.10.0.31/24 }]\n';
    const added = (await cluster.v3(['apply', '-f', '-'], { input: more })).stdout;
    expect(added).toContain('hosts/gamma started: its kitten and palacios');
    expect(added).toContain('vms/g1 created');
    expect(added).toContain('vms/g1 started');
    expect(await sh('a1', 'ping -c 2 -i 0.2 g1')).toContain('2 packets received');

    const removed = await ok('apply', '-f', join(checkoutRoot, 'cluster.yaml'));
    expect(removed).toContain('vms/g1 deleted');
    expect(removed).toContain('hosts/gamma stopped');
    const { services } = await cluster.status();
    expect(services.map(({ name }) => name)).not.toContain('kitten-gamma');
    const { items } = await cluster.json<{ items: Host[] }>(['host', 'list']);
    expect(items.map(({ name }) => name).sort()).toEqual(['alpha', 'beta']);
  });

  it('gives a host other hardware, its guests going on', async () => {
    const ran = Number((await sh('b1', 'cat /proc/uptime')).split(' ')[0]);
    const larger = defaults().replace(/beta:\n {4}memory: 1GiB/, 'beta:\n    memory: 512MiB');
    expect((await cluster.v3(['apply', '-f', '-'], { input: larger })).stdout).toContain(
      'hosts/beta started: anew, because its hardware changed',
    );
    expect(await cluster.json<Host>(['host', 'show', 'beta'])).toMatchObject({ memoryMiB: 512, vms: 1 });
    expect(Number((await sh('b1', 'cat /proc/uptime')).split(' ')[0])).toBeGreaterThan(ran);
    await ok('apply', '-f', join(checkoutRoot, 'cluster.yaml'));
  });

  it('refuses what is wrong before it changes anything', async () => {
    const wrong = defaults().replace('02:00:0a:0a:00:0c', '02:00:0a:0a:00:0b');
    await refused(
      ['apply', '-f', '-'],
      2,
      /^v3: The cluster file is not valid: standard input: line \d+, column \d+: .*MAC 02:00:0a:0a:00:0b is already used by/,
      wrong,
    );
    const unknown = defaults().replace('image: debian', 'image: plan9');
    await refused(
      ['apply', '-f', '-'],
      2,
      /v3: The cluster file is not valid: standard input: line \d+, column \d+: vms\.a1\.image: .*"plan9"/,
      unknown,
    );
  });
});
