import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { List, Vm } from '@v3vee/contracts';
import { readClusterFile } from '@v3vee/client';
import { TestCluster } from '@v3vee/testkit';

/** The way of a new user through the README, on one cluster: each step builds on the one before. */
describe('a new user', () => {
  let cluster: TestCluster;
  const vms = async () => (await cluster.json<List<Vm>>(['vm', 'list'])).items;
  const exec = (vm: string, command: string) => cluster.ok(['vm', 'exec', vm, '--', 'sh', '-c', command]);
  const uptime = async (vm: string) => Number((await exec(vm, 'cat /proc/uptime')).split(' ')[0]);

  beforeAll(async () => {
    cluster = await TestCluster.up();
  });
  afterAll(() => cluster?.down());

  it('sees three running VMs on two hosts', async () => {
    expect((await vms()).map(({ name, host, state }) => [name, host, state])).toEqual([
      ['a1', 'alpha', 'RUNNING'],
      ['a2', 'alpha', 'RUNNING'],
      ['b1', 'beta', 'RUNNING'],
    ]);
    const table = await cluster.ok(['vm', 'list']);
    expect(table).toMatch(/^NAME +HOST +STATE/);
    expect(
      (await cluster.json<List<{ state: string }>>(['host', 'list'])).items.map(host => host.state),
    ).toEqual(['READY', 'READY']);
  });

  it('pings from a1 to b1 on the other host, and the first ping is not lost', async () => {
    const output = await cluster.ok(['vm', 'exec', 'a1', '--', 'ping', '-c', '3', 'b1']);
    expect(output).toContain('3 packets received, 0% packet loss');
  });

  it('downloads a file over HTTP unharmed', async () => {
    const [made] = (
      await exec(
        'b1',
        'dd if=/dev/urandom of=/tmp/f bs=64k count=16 2>/dev/null; httpd -h /tmp; sha256sum </tmp/f',
      )
    ).split(' ');
    const [got] = (await exec('a1', 'wget -q -O - http://b1/f | sha256sum')).split(' ');
    expect(made).toMatch(/^[0-9a-f]{64}$/);
    expect(got).toBe(made);
  });

  it('gets the exit code and both outputs of a command in the guest', async () => {
    const result = await cluster.v3(['vm', 'exec', 'a1', '--', 'sh', '-c', 'echo out; echo err >&2; exit 7']);
    expect(result).toEqual({ code: 7, stdout: 'out\n', stderr: 'err\n' });
    const late = await cluster.v3(['vm', 'exec', 'a1', '--timeout', '1', '--', 'sleep', '60']);
    expect(late.code).toBe(1);
    expect(late.stderr).toContain('did not end in time');
  });

  it('types on the console', async () => {
    const { stdout } = await cluster.v3(['vm', 'console', 'a1'], { input: 'echo $((6*7))-$(hostname)\n' });
    expect(stdout).toContain('42-a1');
  });

  it('pauses, resumes, snapshots and clones', async () => {
    await cluster.ok(['vm', 'pause', 'a1']);
    expect((await vms()).find(vm => vm.name === 'a1')).toMatchObject({ state: 'PAUSED' });
    const wrong = await cluster.v3(['vm', 'exec', 'a1', '--', 'true']);
    expect(wrong).toMatchObject({ code: 1, stderr: expect.stringMatching(/PAUSED.*RUNNING/s) });
    await cluster.ok(['vm', 'resume', 'a1']);
    await exec('a1', 'echo before >/root/mark');
    await cluster.ok(['vm', 'snapshot', 'a1', 's1']);
    await exec('a1', 'echo after >/root/mark');
    await cluster.ok(['vm', 'clone', 'a1', 'a3', '--snapshot', 's1', '--ip', '10.10.0.13/24']);
    expect(await exec('a3', 'hostname; cat /root/mark')).toBe('a3\nbefore\n');
    expect(await exec('a3', 'ping -c 1 10.10.0.21 >/dev/null && echo answered')).toBe('answered\n');
    await cluster.ok(['vm', 'restore', 'a1', 's1']);
    expect(await exec('a1', 'cat /root/mark')).toBe('before\n');
    expect(new Set((await vms()).flatMap(vm => vm.nics.map(nic => nic.mac))).size).toBe(4);
  });

  it('applies a changed file, twice', async () => {
    const file = join(cluster.stateDir, 'mine.yaml');
    const base = await readFile(join(__dirname, '../../../cluster.yaml'), 'utf8');
    await writeFile(
      file,
      `${base}\n  b2:\n    host: beta\n    nics: [{ network: lan, ip: 10.10.0.22/24 }]\n`,
    );
    expect(await cluster.ok(['apply', '-f', file])).toContain('b2');
    expect(await exec('a1', 'ping -c 1 10.10.0.22 >/dev/null && echo answered')).toBe('answered\n');
    const again = await cluster.json<{ changes: unknown[] }>(['apply', '-f', file]);
    expect(again.changes).toEqual([]);
    await writeFile(file, `${base}\n  b2: { host: nowhere }\n`);
    const wrong = await cluster.v3(['apply', '-f', file]);
    expect(wrong).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/line \d+, column \d+: vms\.b2\.host/),
    });
  });

  it('is told by a second up that it is already running', async () => {
    const second = await cluster.v3(['up', '--detach']);
    expect(second).toMatchObject({ code: 1, stderr: expect.stringContaining('already running') });
  });

  it('stops it, starts it again, and the guests go on where they were', async () => {
    const before = await uptime('b1');
    await cluster.ok(['down']);
    expect(await readClusterFile(cluster.stateDir)).toBeUndefined();
    expect((await cluster.v3(['vm', 'list'])).stderr).toContain('v3 up');
    await cluster.ok(['up', '--detach'], { timeoutMs: 300_000 });
    expect((await vms()).filter(vm => vm.state !== 'RUNNING')).toEqual([]);
    expect(await uptime('b1')).toBeGreaterThan(before);
    expect(await exec('a1', 'cat /root/mark')).toBe('before\n');
    const drift = Number(await exec('b1', 'date +%s')) - Date.now() / 1000;
    expect(Math.abs(drift)).toBeLessThan(30);
  });

  it('kills a Palacios, and the VMs there come back from their last snapshot, the others run on', async () => {
    const killed = (await readClusterFile(cluster.stateDir))?.services['palacios-alpha']?.pid;
    process.kill(killed as number, 'SIGKILL');
    const state = async () => Object.fromEntries((await vms()).map(vm => [vm.name, vm]));
    for (;;) {
      const { a1, a2, b1 } = await state();
      expect(b1?.state).toBe('RUNNING');
      if (
        a1?.reason.includes('restarted from snapshot s1') &&
        a2?.state === 'ERROR' &&
        a2.reason.includes('killed')
      )
        break;
      await new Promise(resolve => setTimeout(resolve, 200));
    }
    await cluster.ok(['vm', 'wait', 'a1', '--for=agent', '--timeout', '60']);
    expect(await exec('a1', 'ping -c 1 b1 >/dev/null && cat /root/mark')).toBe('before\n');
  });
});
