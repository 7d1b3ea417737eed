import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectLocal, openConsole, readClusterFile, stateFiles, type ClusterStatus } from '@v3vee/client';
import type {
  ExitTable,
  Host,
  HostMemory,
  HostTasks,
  Image,
  Network,
  Operation,
  Snapshot,
  SnapshotDetail,
  Telemetry,
  Vm,
  VnetLink,
  VnetRoute,
} from '@v3vee/contracts';
import { checkoutRoot } from '@v3vee/setup';
import { TestCluster } from '@v3vee/testkit';

interface Items<T> {
  items: T[];
}

/** Every verb of the command line, as a user types it, on the default cluster with its three real guests. */
describe('v3', () => {
  let cluster: TestCluster;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'v3-e2e-'));
    cluster = await TestCluster.up();
  });
  afterAll(async () => {
    await cluster?.down();
    rmSync(folder, { recursive: true, force: true });
  });

  const defaults = () => readFileSync(join(checkoutRoot, 'cluster.yaml'), 'utf8');
  const ok = (...args: string[]) => cluster.ok(args);
  const sh = async (vm: string, script: string) =>
    (await ok('vm', 'exec', vm, '--', 'sh', '-c', script)).trim();
  const names = <T extends { name: string }>({ items }: Items<T>) => items.map(({ name }) => name).sort();
  const refused = async (args: string[], exitCode: number, message: string | RegExp, input?: string) => {
    const { code, stderr, stdout } = await cluster.v3(args, { input });
    expect({ args, code, stdout }).toEqual({ args, code: exitCode, stdout: '' });
    expect(stderr).toMatch(message);
  };

  it('lists and shows what cluster.yaml declares', async () => {
    const { items } = await cluster.json<Items<Vm>>(['vm', 'list']);
    expect(
      items.map(({ name, host, state, memoryMiB, nics }) => [name, host, state, memoryMiB, nics[0]?.mac]),
    ).toEqual(
      expect.arrayContaining([
        ['a1', 'alpha', 'RUNNING', 64, '02:00:0a:0a:00:0b'],
        ['a2', 'alpha', 'RUNNING', 64, '02:00:0a:0a:00:0c'],
        ['b1', 'beta', 'RUNNING', 64, '02:00:0a:0a:00:15'],
      ]),
    );
    expect(names(await cluster.json<Items<Vm>>(['vm', 'list', '--host', 'beta']))).toEqual(['b1']);
    expect(names(await cluster.json<Items<Host>>(['host', 'list']))).toEqual(['alpha', 'beta']);
    expect(await cluster.json<Host>(['host', 'show', 'alpha'])).toMatchObject({
      cores: 8,
      coresFree: 6,
      vms: 2,
    });
    expect(await cluster.json<Network>(['network', 'show', 'lan'])).toMatchObject({
      subnet: '10.10.0.0/24',
      nics: 3,
    });
    // What else was built on this machine is listed too.
    expect(names(await cluster.json<Items<Image>>(['image', 'list']))).toContain('debian');
    expect(await cluster.json<Image>(['image', 'show', 'debian'])).toMatchObject({
      kind: 'built',
      agent: true,
    });
    const operations = await cluster.json<Items<Operation>>(['operation', 'list']);
    expect(operations.items).toEqual([expect.objectContaining({ verb: 'apply', done: true, error: null })]);
    expect(await ok('operation', 'show', operations.items[0]?.id as string)).toMatch(/^State: +done$/m);
    const table = (await ok('vm', 'list')).split('\n');
    expect(table[0]).toMatch(/^NAME +HOST +STATE +AGENT +MEMORY +IPS +UP +REASON$/);
    expect(table[1]).toMatch(/^a1 +alpha +RUNNING +yes +64MiB +10\.10\.0\.11\/24/);
    expect(await ok('vm', 'list', '-o', 'wide')).toContain('eth0=lan/02:00:0a:0a:00:0b');
  });

  it('shows what the kernel of a host gave to whom, and has guests share a core where the host lets them', async () => {
    expect(await ok('host', 'memory', 'alpha')).toMatch(
      /^\[KG+\.+\] 1\.0 GiB\nK kernel 16\.0 MiB {3}G guest 128 MiB/,
    );
    const { bytes, regions, aspaces } = await cluster.json<HostMemory>(['host', 'memory', 'alpha']);
    expect(regions.reduce((sum, { length }) => sum + length, 0)).toBe(bytes);
    expect(aspaces.map(({ vm }) => vm).filter(vm => vm !== null)).toEqual(
      expect.arrayContaining(['a1', 'a2']),
    );
    expect(await ok('host', 'tasks', 'alpha')).toMatch(
      /^\d+ +vm\/a1 +guest +\d+ +\d\* +[A-Z]+ +rr +standing /m,
    );
    const coreOfA1 = async () => String((await cluster.json<Vm>(['vm', 'show', 'a1'])).core);
    await refused(['vm', 'move-core', 'a2', await coreOfA1()], 1, 'The core of the host is taken');

    const sharing = defaults().replace('memory: 1GiB', 'overcommit: 2\n    schedHz: 20\n    memory: 1GiB');
    const applied = await cluster.v3(['apply', '-f', '-'], { input: sharing });
    expect(applied.stdout).toContain('hosts/alpha started: anew, because its hardware changed');
    // Its guests came back on whichever cores.
    await ok('vm', 'move-core', 'a2', await coreOfA1());
    const { tasks, schedHz } = await cluster.json<HostTasks>(['host', 'tasks', 'alpha']);
    expect(schedHz).toBe(20);
    const sharers = tasks.filter(({ shared }) => shared).map(({ vm }) => vm);
    expect(sharers.sort()).toEqual(['a1', 'a2']);
    const scheduled = ['host', 'schedule', 'alpha', 'a2', '--slice', '30', '--period', '100'];
    expect(await ok(...scheduled)).toMatch(/^Policy: +edf 30\/100 ms$/m);
    await refused(
      ['host', 'schedule', 'alpha', 'b1', '--rr'],
      1,
      'VM b1 has no core of alpha; its host is beta',
    );
    await refused(
      ['host', 'schedule', 'alpha', 'a2', '--slice', '30'],
      2,
      'by --slice and --period, or by --rr alone',
    );
    expect(await sh('a1', 'ping -c 2 -i 0.2 a2')).toContain('2 packets received');
    // Its last core, on which nobody is: the host's cores are not shared any more then.
    await ok('vm', 'move-core', 'a2', '7');
    await ok('apply', '-f', join(checkoutRoot, 'cluster.yaml'));
  });

  it('runs commands in the guest: exit code, both outputs, input, bytes, time', async () => {
    const ping = await ok('vm', 'exec', 'a1', '--', 'ping', '-c', '3', '-i', '0.2', 'b1');
    expect(ping).toContain('3 packets transmitted, 3 packets received');
    expect(
      await cluster.v3(['vm', 'exec', 'a1', '--', 'sh', '-c', 'echo out; echo err >&2; exit 7']),
    ).toEqual({
      code: 7,
      stdout: 'out\n',
      stderr: 'err\n',
    });
    expect(await cluster.v3(['vm', 'exec', '-i', 'a1', '--', 'sha256sum'], { input: 'abc' })).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(createHash('sha256').update('abc').digest('hex')),
    });
    // Without -i the input is left to whoever reads it next.
    expect((await cluster.v3(['vm', 'exec', 'a1', '--', 'wc', '-c'], { input: 'abc' })).stdout.trim()).toBe(
      '0',
    );
    expect(await sh('a1', 'kill -TERM $$').catch((error: Error) => error.message)).toContain('→ 143');
    await refused(
      ['vm', 'exec', '--timeout', '1', 'a1', '--', 'sleep', '60'],
      1,
      /^v3: The command did not end in time: /,
    );
    await refused(
      ['vm', 'exec', 'a1', '--', '/no/such'],
      1,
      /^v3: The command could not be started in the guest: /,
    );
    await refused(['vm', 'exec', 'nobody', '--', 'true'], 1, /^v3: No such virtual machine: .*"nobody"/);
  });

  it('carries a download between hosts without a wrong bit', async () => {
    const sum = await sh(
      'b1',
      'mkdir -p /tmp/www && dd if=/dev/urandom of=/tmp/www/file bs=64k count=16 2>/dev/null && httpd -p 8080 -h /tmp/www && sha256sum < /tmp/www/file',
    );
    expect(await sh('a1', 'wget -q -O - http://b1:8080/file | sha256sum')).toBe(sum);
  });

  it('waits for conditions', async () => {
    expect(await ok('vm', 'wait', 'a1', '--for=running')).toBe('vm/a1 is running\n');
    expect(await ok('vm', 'wait', 'a1', '--for', 'agent')).toBe('vm/a1 has an agent that answers\n');
    expect(await ok('vm', 'wait', 'a1', '--for=ip')).toContain('vm/a1 has 10.10.0.11');
    await refused(
      ['vm', 'wait', 'a1', '--for=stopped', '--timeout', '0.2'],
      1,
      /^v3: It took too long: a1 is not "stopped" after 0\.2 s; it is RUNNING/,
    );
  });

  it('pauses, resumes, resets, stops and starts', async () => {
    expect(await ok('vm', 'pause', 'a2')).toBe('vm/a2 paused\n');
    await ok('vm', 'wait', 'a2', '--for=paused');
    await refused(['vm', 'exec', 'a2', '--', 'true'], 1, /a2 is PAUSED.*exec needs it to be RUNNING/);
    await refused(
      ['vm', 'pause', 'a2'],
      1,
      /^v3: The virtual machine is in the wrong state for this: a2 is PAUSED/,
    );
    expect(await ok('vm', 'resume', 'a2')).toBe('vm/a2 resumed\n');
    expect(await sh('a2', 'touch /tmp/here && ls /tmp')).toContain('here');
    expect(await ok('vm', 'reset', 'a2')).toBe('vm/a2 reset\n');
    await ok('vm', 'wait', 'a2', '--for=agent');
    expect(await sh('a2', 'ls /tmp')).not.toContain('here');
    expect(await ok('vm', 'stop', 'a2')).toBe('vm/a2 stopped\n');
    await ok('vm', 'wait', 'a2', '--for=stopped');
    expect(await ok('vm', 'start', 'a2')).toBe('vm/a2 started\n');
    await ok('vm', 'wait', 'a2', '--for=ip');
    await refused(['vm', 'delete', 'a2'], 1, /a2 is RUNNING.*delete needs it to be STOPPED or ERROR/);
  });

  it('takes snapshots, goes back to them and clones from them', async () => {
    await sh('a2', 'echo before > /tmp/file');
    expect(await ok('vm', 'snapshot', 'a2', 'good')).toBe('vm/a2 saved as snapshot/good\n');
    await refused(['vm', 'snapshot', 'a2', 'good'], 1, /^v3: A snapshot of this name exists/);
    await sh('a2', 'echo after > /tmp/file');
    expect(await ok('vm', 'restore', 'a2', 'good')).toBe('vm/a2 restored from snapshot/good\n');
    expect(await sh('a2', 'cat /tmp/file')).toBe('before');

    expect(
      await ok('vm', 'clone', 'a2', 'a3', '--host', 'beta', '--snapshot', 'good', '--ip', '10.10.0.13/24'),
    ).toBe('vm/a3 cloned from vm/a2\n');
    await ok('vm', 'wait', 'a3', '--for=ip');
    expect(await sh('a3', 'cat /tmp/file; hostname')).toBe('before\na3');
    expect(await sh('a3', 'ping -c 1 a2 && ping -c 1 b1')).toContain('1 packets received');

    const snapshots = await cluster.json<Items<Snapshot>>(['snapshot', 'list', '--vm', 'a2']);
    expect(names(snapshots)).toEqual(['good']);
    const id = snapshots.items[0]?.id as string;
    const shown = await cluster.json<SnapshotDetail>(['snapshot', 'show', id]);
    expect(shown).toMatchObject({ vmName: 'a2', host: 'alpha', pauseMs: expect.any(Number) });
    expect(shown.storage?.uniquePages).toBeGreaterThan(0);
    expect(await ok('snapshot', 'verify', 'good')).toBe(`snapshot/good is intact (${shown.pages} pages)\n`);
    const file = join(folder, 'good.v3snapshot');
    expect(await ok('snapshot', 'export', 'good', file)).toMatch(/^snapshot\/good exported to .* MiB\)\n$/);
    await refused(['snapshot', 'export', 'good', file], 2, /exists already/);
    expect(await ok('snapshot', 'import', file, '--name', 'back')).toMatch(
      /^snapshot\/back of vm\/a2 imported/,
    );
    writeFileSync(file, readFileSync(file).subarray(0, -1));
    await refused(
      ['snapshot', 'import', file, '--name', 'half'],
      1,
      /^v3: This is not a saved state.*ends early/m,
    );
    await sh('a2', 'echo after > /tmp/file');
    await ok('vm', 'restore', 'a2', 'back');
    expect(await sh('a2', 'cat /tmp/file')).toBe('before');
    expect(await ok('snapshot', 'gc')).toMatch(/ freed\n\d+ saved states of .* share \d+ pages/);
    expect(await ok('snapshot', 'delete', id)).toBe(`snapshot/${id} deleted\n`);
    await refused(['vm', 'restore', 'a2', 'good'], 1, /^v3: No such snapshot/);
    await ok('vm', 'stop', 'a3');
    expect(await ok('vm', 'delete', 'a3')).toBe('vm/a3 deleted\n');
  });

  it('creates a machine and a network', async () => {
    expect(await ok('network', 'create', 'lab', '--subnet', '10.20.0.0/24')).toBe('network/lab created\n');
    expect(
      await ok(
        'vm',
        'create',
        'c1',
        '--host',
        'beta',
        '--nic',
        'network=lab,ip=10.20.0.2/24',
        '--nic',
        'network=lan',
        '--start',
      ),
    ).toBe('vm/c1 created and started\n');
    expect(await sh('c1', 'hostname; ip -4 -o addr show eth0')).toMatch(/^c1\n.*10\.20\.0\.2\/24/);
    await refused(['vm', 'create', 'c1', '--host', 'beta'], 1, /^v3: A virtual machine of this name exists/);
    await refused(['vm', 'create', 'c2', '--host', 'gamma'], 1, /^v3: No such host/);
    await refused(['vm', 'create', 'c2', '--host', 'beta', '--image', 'windows'], 1, /^v3: No such image/);
    await refused(['network', 'delete', 'lab'], 1, /^v3: The network still has NICs/);
    await ok('vm', 'stop', 'c1');
    await ok('vm', 'delete', 'c1');
    expect(await ok('network', 'delete', 'lab')).toBe('network/lab deleted\n');
  });

  it('controls the overlay: links, routes in the original words, NICs', async () => {
    expect(
      await ok('vnet', 'link', 'add', '127.0.0.1', '19001', '--name', 'site', '--network', 'lan', '--down'),
    ).toBe('vnet/link/site added\n');
    const words = ['any', '02:00:0a:0a:00:0b', 'interface', '02:00:0A:0A:00:0B', 'edge', 'site'];
    const [, index = ''] =
      /^vnet\/route\/(\d+) added$/m.exec(await ok('vnet', 'route', 'add', ...words)) ?? [];
    const text = `${index}: any 02:00:0a:0a:00:0b interface 02:00:0a:0a:00:0b edge 127.0.0.1\n`;
    expect(await ok('vnet', 'control')).toContain(text);
    const { items } = await cluster.json<Items<VnetRoute>>(['vnet', 'route', 'list', '--network', 'lan']);
    expect(items.filter(({ automatic }) => automatic).map(({ destination }) => destination)).toEqual(
      expect.arrayContaining(['02:00:0a:0a:00:0b', '02:00:0a:0a:00:0c', '02:00:0a:0a:00:15']),
    );
    expect(await cluster.json<VnetLink>(['vnet', 'link', 'show', 'site'])).toMatchObject({ state: 'DOWN' });
    await refused(['vnet', 'link', 'delete', 'site'], 1, /^v3: Routes lead over the link/);
    await refused(
      ['vnet', 'control', 'DEL LINK', 'ADD any'],
      2,
      /\n {2}line 1, column 10: .*\n {2}line 2, column 9: /,
    );
    expect(await ok('vnet', 'control', `DEL ${index}`)).toMatch(/^deleted route/);
    expect(await ok('vnet', 'link', 'delete', 'site')).toBe('vnet/link/site deleted\n');

    await sh('b1', 'ping -c 1 a1');
    expect(await ok('vnet', 'interface', 'set', 'a1/net0', '--link', 'down')).toBe(
      'vnet/interface/a1/net0 changed\n',
    );
    expect(await sh('b1', 'ping -c 1 -W 1 a1 || true')).toContain('0 packets received');
    await ok('vnet', 'interface', 'set', 'a1/net0', '--link', 'up');
    expect(await sh('b1', 'ping -c 2 -i 0.2 a1')).toContain('2 packets received');
    expect(await ok('vnet', 'stats')).toMatch(/^core alpha +rx +\d+$/m);
  });

  it('a route typed in the original language moves traffic, and is in force again after its router was killed', async () => {
    const heard = () => sh('b1', 'ping -c 2 -i 0.2 -W 1 a1 || true');
    const eavesdropped = async () => {
      const capturing = cluster.v3(['capture', 'a2/net0', '--print', '-f', 'icmp', '-c', '1']);
      let isEnded = false;
      void capturing.finally(() => (isEnded = true));
      while (!isEnded) expect(await heard()).toContain('0 packets received');
      return (await capturing).stdout;
    };
    expect(await heard()).toContain('2 packets received');
    // What b1 sends to a1 is a2's.
    const line = 'ADD 02:00:0a:0a:00:15 02:00:0a:0a:00:0b INTERFACE 02:00:0a:0a:00:0c ANY';
    const [, index = ''] = /route (\d+)/.exec(await ok('vnet', 'control', line)) ?? [];
    expect(await eavesdropped()).toContain('10.10.0.21 > 10.10.0.11: ICMP echo request');

    const running = async () => (await cluster.status()).services.find(({ name }) => name === 'vnet');
    const before = await running();
    process.kill(before!.pid!, 'SIGKILL');
    for (let now = before; now?.state !== 'ready' || now.pid === before!.pid;) now = await running();
    expect(await eavesdropped()).toContain('10.10.0.21 > 10.10.0.11: ICMP echo request');

    await ok('vnet', 'control', `DEL ${index}`);
    expect(await heard()).toContain('2 packets received');
  });

  it('counts exits', async () => {
    const telemetry = await cluster.json<Telemetry>(['vm', 'stats', 'a1']);
    expect(telemetry.vm).toBe('a1');
    expect(telemetry.exits['io-out']?.count).toBeGreaterThan(0);
    expect(telemetry.nics[0]?.transmitPackets).toBeGreaterThan(0);
    expect(await ok('vm', 'stats', 'a1')).toMatch(/^EXIT +COUNT$/m);
  });

  it('shows exits with what they cost, and memory from outside', async () => {
    const { exits, ports } = await cluster.json<ExitTable>(['vm', 'exits', 'a1']);
    expect(exits['io-out']?.cost?.sampled).toBeGreaterThan(0);
    expect(ports.length).toBeGreaterThan(0);
    expect(await ok('vm', 'exits', 'a1')).toMatch(/^EXIT +COUNT +MEAN +P50 +P99$/m);
    expect(await ok('vm', 'memory', 'map', 'a1')).toMatch(
      /^0x000a0000 +0x000bffff .* rw +chipset +VGA window$/m,
    );

    await sh('a1', "echo 'seen from outside 4711' > /tmp/seen");
    // Paused: what a running guest had at an address may be something else by the time that it is written.
    await ok('vm', 'pause', 'a1');
    const found = (await ok('vm', 'memory', 'search', 'a1', 'from outside 4711')).trim().split('\n');
    const [at = ''] = found;
    expect(await ok('vm', 'memory', 'read', 'a1', at, '16')).toContain('|from outside 471|');
    for (const address of found) await ok('vm', 'memory', 'write', 'a1', address, '46524f4d');
    const ram = join(folder, 'a1.ram');
    await ok('vm', 'memory', 'read', 'a1', '0x100000', '1MiB', '--file', ram);
    expect((await ok('vm', 'memory', 'hash', 'a1', '0x100000', '1MiB')).trim()).toBe(
      createHash('sha256').update(readFileSync(ram)).digest('hex'),
    );
    await ok('vm', 'resume', 'a1');
    expect(await sh('a1', 'cat /tmp/seen')).toBe('seen FROM outside 4711');
    await refused(['vm', 'memory', 'read', 'a1', '64MiB', '1'], 2, '"64MiB" is not an address');
    await refused(['vm', 'memory', 'read', 'a1', '0x4000000', '1'], 2, 'are not in the guest');
    await refused(['vm', 'balloon', 'a1', '48'], 1, 'has no balloon');
  });

  it('connects to the serial console', async () => {
    const { stdout, code } = await cluster.v3(['vm', 'console', 'a1'], { input: '\necho sum=$((40+2))\n' });
    expect(code).toBe(0);
    expect(stdout).toContain('sum=42');

    const client = await connectLocal(cluster.stateDir, {});
    try {
      const { stream } = await openConsole(client, 'a1');
      let text = '';
      const answered = new Promise<void>(resolve =>
        stream.on('data', (bytes: Buffer) => {
          text += bytes.toString();
          if (text.includes('again=7')) resolve();
        }),
      );
      stream.write('echo again=$((3+4))\n');
      await answered;
      stream.destroy();
      await expect(openConsole(client, 'nobody')).rejects.toMatchObject({ code: 'VM_NOT_FOUND' });
    } finally {
      client.close();
    }
    await refused(['vm', 'console', 'nobody'], 1, /^v3: No such virtual machine/);
  });

  it('imports images, and says what is wrong with a bad one', async () => {
    const noise = join(folder, 'noise');
    writeFileSync(noise, randomBytes(4096));
    await refused(['image', 'import', 'bad', '--kernel', noise], 1, /v3: The image cannot be used: .*kernel/);
    await refused(
      ['image', 'import', 'bad', '--kernel', join(folder, 'none')],
      2,
      /none cannot be read \(ENOENT\)/,
    );
    writeFileSync(join(folder, 'empty'), '');
    await refused(['image', 'import', 'bad', '--kernel', join(folder, 'empty')], 1, /empty is empty/);
    await refused(['image', 'delete', 'debian'], 1, /^v3: /);
  });

  it('needs the right token', async () => {
    const url = (await cluster.json<ClusterStatus>(['status'])).url as string;
    const withToken = (token: string) =>
      cluster.v3(['vm', 'list'], { env: { V3_URL: url, V3_TOKEN: token } });
    expect(await withToken('wrong')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^v3: A valid token is required/),
    });
    const token = readFileSync(stateFiles(cluster.stateDir).token, 'utf8').trim();
    expect(await withToken(token)).toMatchObject({ code: 0, stdout: expect.stringContaining('a1') });
    const elsewhere = {
      V3_URL: url,
      V3_TOKEN_FILE: stateFiles(cluster.stateDir).token,
      V3_STATE_DIR: folder,
    };
    expect(await cluster.v3(['vm', 'list'], { env: elsewhere })).toMatchObject({ code: 0 });
  });

  it('has no process that needs more of NATS than it may', async () => {
    expect(await cluster.refusedByNats()).toEqual([]);
  });

  it('goes down and comes up again, and the guests go on where they were', async () => {
    const uptime = async () => Number((await sh('b1', 'cat /proc/uptime')).split(' ')[0]);
    const ran = await uptime();
    await ok('down');
    expect(await readClusterFile(cluster.stateDir)).toBeUndefined();
    await refused(['vm', 'list'], 1, /v3 up/);
    await ok('up', '--detach');
    const { items } = await cluster.json<Items<Vm>>(['vm', 'list']);
    expect(items.filter(({ state }) => state !== 'RUNNING')).toEqual([]);
    expect(await uptime()).toBeGreaterThan(ran);
    expect(Math.abs(Number(await sh('b1', 'date +%s')) - Date.now() / 1000)).toBeLessThan(30);
  });

  it('brings the VMs of a Palacios that was killed back from their last snapshot; the others run on', async () => {
    await sh('a1', 'echo before > /root/mark');
    await ok('vm', 'snapshot', 'a1', 'kept');
    await sh('a1', 'echo after > /root/mark');
    const { services } = await cluster.status();
    process.kill(services.find(({ name }) => name === 'palacios-alpha')!.pid!, 'SIGKILL');
    for (let reason = ''; !reason.includes('restarted from snapshot kept');) {
      const { items } = await cluster.json<Items<Vm>>(['vm', 'list']);
      const vm = (wanted: string) => items.find(({ name }) => name === wanted);
      expect(vm('b1')?.state).toBe('RUNNING');
      reason = vm('a1')!.reason;
    }
    await ok('vm', 'wait', 'a1', '--for=agent', '--timeout', '60');
    expect(await sh('a1', 'ping -c 1 b1 >/dev/null && cat /root/mark')).toBe('before');
  });
});
