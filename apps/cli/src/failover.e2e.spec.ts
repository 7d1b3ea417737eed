import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { readClusterFile, type Client } from '@v3vee/client';
import { TestCluster } from '@v3vee/testkit';

const TOPOLOGY = `
hosts: { alpha: , beta: }
networks: { lan: { subnet: 10.10.0.0/24 } }
vms:
  a1:
    host: alpha
    failover: checkpoint
    checkpointEvery: 5s
    disks: [{ name: data, size: 32MiB }]
    nics: [{ network: lan, ip: 10.10.0.11/24 }]
  b1: { host: beta, nics: [{ network: lan, ip: 10.10.0.21/24 }] }
`;

/** Each step builds on the one before. */
describe('a host that is lost', () => {
  let folder: string;
  let cluster: TestCluster;
  let client: Client;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'v3-e2e-'));
    const file = join(folder, 'cluster.yaml');
    writeFileSync(file, TOPOLOGY);
    cluster = await TestCluster.up({ topologyFile: file });
    client = await cluster.client();
  });
  afterAll(async () => {
    // One that was stopped could not be ended in order.
    await signal('palacios-alpha', 'SIGCONT').catch(() => undefined);
    await cluster?.down();
    rmSync(folder, { recursive: true, force: true });
  });

  const until = async (condition: () => boolean | Promise<boolean>) => {
    while (!(await condition())) await delay(100); // Jest's time limit ends a wait in vain
  };
  const service = async (name: string) => {
    const found = (await readClusterFile(cluster.stateDir))?.services[name];
    if (!found?.pid || !found.url) throw new Error(`${name} does not run`);
    return { pid: found.pid, url: found.url };
  };
  const signal = async (name: string, what: NodeJS.Signals) => process.kill((await service(name)).pid, what);
  const show = (vm: string) => client.call('getVm', { vm });
  const host = (name: string) => client.call('getHost', { host: name });
  const exec = (vm: string, command: string) => cluster.ok(['vm', 'exec', vm, '--', 'sh', '-c', command]);
  const checkpoints = async () =>
    (await client.list('listSnapshots', { vm: 'a1' })).filter(({ kind }) => kind === 'checkpoint');
  const checkpointed = async () => {
    const since = Date.now();
    await until(async () => (await checkpoints()).some(({ createdAt }) => Date.parse(createdAt) > since));
  };
  /** What a host's Palacios says that it has of a1. */
  const seenBy = async (name: string) => {
    const text = await (await fetch(`${(await service(`palacios-${name}`)).url}/metrics`)).text();
    return text.split('\n').filter(line => line.startsWith('v3_vm_info') && line.includes('vm="a1"'));
  };

  it('is one whose VM is checkpointed meanwhile; the last two are kept', async () => {
    await exec('a1', 'echo kept | tee /root/mark >/mnt/data/mark');
    for (let n = 0; n < 3; n++) await checkpointed();
    expect((await checkpoints()).length).toBeLessThanOrEqual(3); // one may be there before the oldest goes
    expect(await exec('a1', 'cat /root/mark; ping -c 1 -q b1 >/dev/null && echo answered')).toBe(
      'kept\nanswered\n',
    );
  });

  it('has its VM come back on another one from the last checkpoint', async () => {
    const { epoch } = await show('a1');
    await signal('palacios-alpha', 'SIGSTOP');
    await until(async () => (await show('a1')).state === 'RUNNING' && (await show('a1')).host === 'beta');
    const vm = await show('a1');
    expect(vm.reason).toMatch(
      /^restarted on beta from checkpoint auto-\d+ of \d\d:\d\d:\d\d after host alpha was lost \(beta has /,
    );
    expect(vm.epoch).toBe(epoch + 1);
    expect(await host('alpha')).toMatchObject({ state: 'NOT_READY', lease: 'LOST' });
    await cluster.ok(['vm', 'wait', 'a1', '--for=agent', '--timeout', '60']);
    expect(
      await exec('a1', 'cat /root/mark /mnt/data/mark; ping -c 3 -q b1 >/dev/null && echo answered'),
    ).toBe('kept\nkept\nanswered\n');
    await exec('a1', 'echo beta | tee /root/mark >/mnt/data/mark');
  });

  it('does not go on with it when it comes back: never two', async () => {
    await signal('palacios-alpha', 'SIGCONT');
    await until(async () => (await host('alpha')).state === 'READY');
    expect(await seenBy('alpha')).toEqual([]);
    expect(await seenBy('beta')).toHaveLength(1);
    // What its guest held is free again.
    await until(async () => (await host('alpha')).vms === 0);
    expect(await show('a1')).toMatchObject({ host: 'beta', state: 'RUNNING' });
    const { stdout } = await cluster.v3(['vm', 'console', 'a1'], { input: 'echo on-$(cat /root/mark)\n' });
    expect(stdout).toContain('on-beta');
    expect(await exec('b1', 'ping -c 3 -q a1 >/dev/null && echo answered')).toBe('answered\n');
  });

  describe('of which only the Palacios was killed', () => {
    const killed = async (on: string, elsewhere: string) => {
      await checkpointed();
      const { epoch } = await show('a1');
      await signal(`palacios-${on}`, 'SIGKILL');
      await until(async () => {
        const vm = await show('a1');
        return vm.epoch > epoch && vm.host === elsewhere && vm.state === 'RUNNING';
      });
      const vm = await show('a1');
      await cluster.ok(['vm', 'wait', 'a1', '--for=agent', '--timeout', '60']);
      expect(await exec('a1', 'cat /root/mark /mnt/data/mark')).toBe('beta\nbeta\n');
      await until(async () => (await host(on)).state === 'READY');
      expect([...(await seenBy('alpha')), ...(await seenBy('beta'))]).toHaveLength(1);
      return vm;
    };
    const from = /^restarted on (alpha|beta) from checkpoint auto-\d+ of \d\d:\d\d:\d\d after /;

    it('has its VM come back on another one: a host whose VMM crashed is suspect', async () => {
      const { reason } = await killed('beta', 'alpha');
      expect(reason).toMatch(from);
      // On a machine so slow that it stays away for longer than its lease it is lost as a whole.
      expect(reason).toMatch(
        /the palacios of beta was killed \(alpha has .*not beta: its VMM crashed\)|host beta was lost/,
      );
    });

    it('has it itself when no other can take it', async () => {
      await cluster.ok(['host', 'cordon', 'beta']);
      const { reason } = await killed('alpha', 'alpha');
      expect(reason).toMatch(from);
      expect(reason).toContain('not alpha: its VMM crashed; beta: it is cordoned; so on alpha again');
    });
  });
});
