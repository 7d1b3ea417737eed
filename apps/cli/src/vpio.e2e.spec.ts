import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DmmContext, DmmDevice, DmmViolation, List, TraceEvent, Vm } from '@v3vee/contracts';
import { TestCluster } from '@v3vee/testkit';
// eslint-disable-next-line @nx/enforce-module-boundaries -- the machines' test kit is no part of what the library offers
import { fuzzProgram } from '../../../libs/machine/src/testing/fuzz-driver.fixture';

/**
 * Physical cards that guests share, as their user sees them: a1 and a2 have an NE2000 and an RTL8139 of their host in
 * common, b1 is a virtio guest on both networks, and host gamma has no cards.
 */
const topology = `
hosts:
  alpha: { nics: [{ name: eth0, model: ne2000, network: lan }, { name: eth1, model: rtl8139, network: wan }] }
  beta: { nics: [{ name: eth0, model: ne2000, network: lan }, { name: eth1, model: rtl8139, network: wan }] }
  gamma: {}
networks: { lan: { subnet: 10.10.0.0/24 }, wan: { subnet: 10.20.0.0/24 } }
vms:
  a1:
    host: alpha
    nics: [{ network: lan, device: eth0, ip: 10.10.0.11/24 }, { network: wan, device: eth1, ip: 10.20.0.11/24 }]
  a2:
    host: alpha
    nics: [{ network: lan, device: eth0, ip: 10.10.0.12/24 }, { network: wan, device: eth1, ip: 10.20.0.12/24 }]
  e1: { host: beta, nics: [{ network: lan, device: eth0, access: emulated, ip: 10.10.0.31/24 }] }
  b1: { host: beta, nics: [{ network: lan, ip: 10.10.0.21/24 }, { network: wan, ip: 10.20.0.21/24 }] }
`;
const DEVICES = [
  ['alpha/eth0', '10.10.0'],
  ['alpha/eth1', '10.20.0'],
] as const;
/** Longer than any call of a host's to the DMM may take. */
const AWAY_MS = 6_000;
const FILE_KIB = 192;

describe('physical cards that two guests share', () => {
  let cluster: TestCluster;
  let folder: string;
  let sum: string;

  const sh = async (vm: string, command: string, timeoutMs = 240_000) =>
    (
      await cluster.ok(['vm', 'exec', vm, '--timeout', '200', '--', 'sh', '-c', command], { timeoutMs })
    ).trim();
  const device = (name: string) => cluster.json<DmmDevice>(['dmm', 'device', 'show', name]);
  const download = (vm: string, subnet: string, rate = '') =>
    sh(vm, `wget -q -O - http://${subnet}.21/f ${rate} | sha256sum | cut -c1-64`);

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'v3-vpio-'));
    const topologyFile = join(folder, 'cluster.yaml');
    writeFileSync(topologyFile, topology);
    cluster = await TestCluster.up({ topologyFile });
    sum = await sh(
      'b1',
      `mkdir /www; cd /www; head -c ${FILE_KIB << 10} /dev/urandom > f; httpd -h .; sha256sum f | cut -c1-64`,
    );
  });
  afterAll(async () => {
    await cluster?.down();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(DEVICES)(
    '%s: both downloads at once are right, hardly any access needs the VMM',
    async (name, subnet) => {
      for (const vm of ['a1', 'a2']) {
        expect(await sh(vm, `ping -c 3 -i 0.2 -W 10 ${subnet}.21`)).toContain('3 packets received');
      }
      const before = await device(name);
      expect(await Promise.all(['a1', 'a2'].map(vm => download(vm, subnet)))).toEqual([sum, sum]);
      const after = await device(name);
      expect(after.guests.map(({ vm }) => vm).sort()).toEqual(['a1', 'a2']);
      const { switches, forced, frames, denied } = after.account!;
      expect(switches.count).toBeGreaterThan(before.account!.switches.count);
      expect([forced, denied, frames.dropped, frames.spoofed]).toEqual([0, 0, 0, 0]);
      const count = (of: DmmDevice, kinds: readonly ('open' | 'shadow' | 'exit')[]) =>
        of.account!.registers.reduce(
          (total, row) => total + kinds.reduce((all, kind) => all + row[kind], 0),
          0,
        );
      const hooked = count(after, ['shadow', 'exit']) - count(before, ['shadow', 'exit']);
      const all = count(after, ['open', 'shadow', 'exit']) - count(before, ['open', 'shadow', 'exit']);
      expect(hooked).toBeLessThanOrEqual(all / 30);
    },
  );

  it('has a saved context of each guest that gave a card back', async () => {
    const { items } = await cluster.json<List<DmmContext>>(['dmm', 'context', 'list']);
    const names = items.map(({ device, vm }) => `${device} ${vm}`);
    for (const [name] of DEVICES) for (const vm of ['a1', 'a2']) expect(names).toContain(`${name} ${vm}`);
  });

  it('lets guests of one card reach each other', async () => {
    expect(await sh('a1', 'ping -c 3 -i 0.2 -W 10 10.10.0.12')).toContain('3 packets received');
  });

  it('shows what drivers do, by register name', async () => {
    const tracing = cluster.ok(['dmm', 'trace', 'alpha/eth0', '-c', '200', '-o', 'json'], {
      timeoutMs: 60_000,
    });
    let done = false;
    void tracing.finally(() => (done = true));
    while (!done) await sh('a1', 'ping -c 1 -W 10 10.10.0.21');
    const events = (await tracing)
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as TraceEvent);
    expect(events.length).toBe(200);
    expect(new Set(events.map(({ vm }) => vm))).toContain('a1');
    expect(events.map(({ register }) => register)).toEqual(
      expect.arrayContaining(['CR', 'ISR', 'data port']),
    );
  });

  it('goes on when the DMM is killed while both use a card, whose hooked I/O list the next one knows', async () => {
    const downloads = Promise.all(['a1', 'a2'].map(vm => download(vm, '10.10.0')));
    const { services } = await cluster.status();
    process.kill(services.find(({ name }) => name === 'dmm')!.pid!, 'SIGKILL');
    expect(await downloads).toEqual([sum, sum]);
    const { holder, hooks } = await device('alpha/eth0');
    expect([holder === null, hooks.length > 0]).toEqual([false, true]);
  });

  it('saves and restores a guest in the middle of its use of a card', async () => {
    const downloads = Promise.all(['a1', 'a2'].map(vm => download(vm, '10.20.0')));
    await cluster.ok(['vm', 'snapshot', 'a1', 'busy']);
    expect(await downloads).toEqual([sum, sum]);
    await cluster.ok(['vm', 'restore', 'a1', 'busy']);
    for (const [, subnet] of DEVICES)
      expect(await sh('a1', `ping -c 2 -i 0.2 -W 10 ${subnet}.21`)).toContain('2 packets received');
    expect(await download('a1', '10.20.0')).toBe(sum);
  });

  it('lets a guest whose every access is an exit wait while NATS is away, and go on', async () => {
    expect(await sh('e1', 'ping -c 2 -i 0.2 -W 20 10.10.0.21')).toContain('2 packets received');
    await sh(
      'e1',
      '(ping -i 0.2 -c 50 10.10.0.21 >/tmp/pings 2>&1; echo done >/tmp/pings.end) </dev/null >/dev/null 2>&1 &',
    );
    const { services } = await cluster.status();
    const nats = services.find(({ name }) => name === 'nats')!.pid!;
    process.kill(nats, 'SIGSTOP');
    await new Promise(resolve => setTimeout(resolve, AWAY_MS)); // not a wait: this long it is away
    process.kill(nats, 'SIGCONT');
    let waited: { code: number };
    do waited = await cluster.v3(['vm', 'wait', 'e1', '--for', 'agent', '--timeout', '60']);
    while (waited.code !== 0);
    expect(
      await sh('e1', 'while [ ! -e /tmp/pings.end ]; do usleep 100000; done; tail -2 /tmp/pings'),
    ).toContain(' 0% packet loss');
    expect(await device('beta/eth0')).toMatchObject({ guests: [{ vm: 'e1', access: 'emulated' }] });
  });

  it('refuses to move a guest to a host without the card, and leaves it alone', async () => {
    expect(await cluster.v3(['vm', 'migrate', 'a1', 'gamma'])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/host gamma has no ne2000/),
    });
    expect(await cluster.json<Vm>(['vm', 'show', 'a1'])).toMatchObject({ state: 'RUNNING', host: 'alpha' });
  });

  it('moves a guest with its device contexts while it downloads, and its connection survives', async () => {
    // A connection over each card: one sends until after the move, one stands still until then.
    const background = (command: string) => `(${command}) </dev/null >/dev/null 2>&1 & echo started`;
    const until = 'until [ -e /tmp/moved ]; do';
    await sh('b1', background(`nc -l -p 7777 -e sh -c '${until} usleep 50000; done; cat /www/f'`));
    await sh(
      'b1',
      background(`nc -l -p 7778 -e sh -c '${until} cat /www/f; usleep 200000; done; cat /www/f'`),
    );
    const fetch = (from: string, port: number, to: string) =>
      `nc ${from} ${port} >${to}; echo done >${to}.end`;
    await sh('a1', background(fetch('10.20.0.21', 7777, '/tmp/late')));
    await sh('a1', background(fetch('10.10.0.21', 7778, '/tmp/busy')));
    await sh('a1', 'while [ ! -s /tmp/busy ]; do usleep 100000; done');
    await cluster.ok(['vm', 'migrate', 'a1', 'beta']);
    expect(await cluster.json<Vm>(['vm', 'show', 'a1'])).toMatchObject({
      ...{ state: 'RUNNING', host: 'beta' },
      nics: [{ device: 'eth0', access: 'vpio' }, { device: 'eth1' }],
    });
    await sh('b1', 'touch /tmp/moved');
    const ended = `until [ -e /tmp/late.end ] && [ -e /tmp/busy.end ]; do usleep 100000; done`;
    expect(await sh('a1', `${ended}; sha256sum /tmp/late | cut -c1-64`)).toBe(sum);
    const times = Number(await sh('a1', 'wc -c </tmp/busy')) / (FILE_KIB << 10);
    expect(times).toBeGreaterThan(1);
    const all = await sh('b1', `for i in $(seq ${times}); do cat /www/f; done | sha256sum | cut -c1-64`);
    expect(await sh('a1', `sha256sum /tmp/busy | cut -c1-64`)).toBe(all);
    expect(await download('a1', '10.10.0')).toBe(sum);
  });

  it.each([
    ['ne2k-pci', '10.10.0', 0x20],
    ['8139too', '10.20.0', 0x100],
  ])(
    '%s: a fuzzing driver beside it in one guest hurts neither the other nor the DMM',
    async (driver, subnet, window) => {
      const port = parseInt(await sh('a2', `grep ${driver} /proc/ioports | tail -1 | cut -d- -f1`), 16);
      const fuzz = { at: { port }, window, seed: 1, count: 5_000, aligned: true, memorySize: 64 << 20 };
      const program = Buffer.from(fuzzProgram(fuzz)).toString('base64');
      const [got] = await Promise.all([
        download('a1', subnet),
        sh('a2', `echo ${program} | base64 -d >/tmp/fuzz; chmod +x /tmp/fuzz; /tmp/fuzz`),
      ]);
      expect(got).toBe(sum);
      const rebound = await sh(
        'a2',
        `cd /sys/bus/pci/drivers/${driver}; slot=$(echo 0000:*); echo $slot >unbind; echo $slot >bind
       name=$(ls $slot/net); ip addr add ${subnet}.12/24 dev $name; ip link set $name up
       ping -c 3 -i 0.2 -W 10 ${subnet}.21`,
      );
      expect(rebound).toContain('3 packets received');
    },
  );

  it('denies a hostile DMA before it happens, and stops the guest if that is the policy; nobody else notices', async () => {
    const attack = (vm: string) =>
      cluster.v3(
        [
          ...['vm', 'exec', vm, '--timeout', '60', '--', 'sh', '-c'],
          `base=$(grep 8139too /proc/ioports | tail -1 | cut -d- -f1 | tr -d ' ')
           printf '\\000\\000\\000\\360' | dd of=/dev/port bs=4 count=1 seek=$((0x$base + 0x20)) oflag=seek_bytes 2>/dev/null
           printf '\\100\\000\\000\\000' | dd of=/dev/port bs=4 count=1 seek=$((0x$base + 0x10)) oflag=seek_bytes 2>/dev/null`,
        ],
        { timeoutMs: 90_000 },
      );
    const violations = async () =>
      (await cluster.json<List<DmmViolation>>(['dmm', 'violations', '--device', 'alpha/eth1'])).items;
    await attack('a2');
    expect(await violations()).toEqual(
      expect.arrayContaining([expect.objectContaining({ vm: 'a2', action: 'deny' })]),
    );
    expect(await cluster.json<Vm>(['vm', 'show', 'a2'])).toMatchObject({ state: 'RUNNING' });
    await cluster.ok(['dmm', 'policy', 'alpha/eth1', '--on-violation', 'stop']);
    await attack('a2');
    expect(await cluster.json<Vm>(['vm', 'show', 'a2'])).toMatchObject({
      state: 'ERROR',
      reason: expect.stringContaining('fail stop'),
    });
    expect((await violations())[0]).toMatchObject({ vm: 'a2', action: 'stop' });
    expect(await download('a1', '10.10.0')).toBe(sum);
  });

  it('has no process that needs more of NATS than it may', async () => {
    expect(await cluster.refusedByNats()).toEqual([]);
  });
});
