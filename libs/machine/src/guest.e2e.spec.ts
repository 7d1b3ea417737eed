import { connect, ending, Guests, printed, sh, uptime } from './testing/guests.fixture';

let guests: Guests;
beforeAll(async () => {
  guests = await Guests.prepare();
});
afterEach(() => guests.stop());

describe('a cold boot', () => {
  it('reaches a shell on the serial console and ends by poweroff', async () => {
    // An initrd so large that busybox lies where the BIOS works, 16 MiB below the top of memory.
    const { image } = guests.options(0);
    const initrd = Buffer.concat([image.initrd, Buffer.alloc(17 * 2 ** 20 - image.initrd.length)]);
    const guest = await guests.create(0, { cmdlineExtra: 'v3test=1', image: { ...image, initrd } });
    await guest.boot();
    await guest.run();
    await guest.config.up(240_000);
    await guest.config.configure({ hostname: 'cold', nics: [] });
    const answer = printed(guest, 'answer=42');
    guest.writeConsole('\necho answer=$((6 * 7))\n');
    await answer;
    expect(await sh(guest, 'cat /proc/cmdline')).toContain('v3test=1');
    const { exits, unhooked, interrupts, halts, ports, instructions, devices } = await guest.telemetry();
    expect(exits['io-in'].count).toBeGreaterThan(1000);
    expect(exits['io-in'].sampledMicros).toBeGreaterThan(0);
    expect(unhooked).toBeGreaterThan(0);
    expect(unhooked).toBeLessThan(exits['io-in'].count + exits['io-out'].count);
    expect(exits.cpuid.count).toBeGreaterThan(0);
    expect(interrupts).toBeGreaterThan(100);
    expect(halts).toBeGreaterThan(0);
    expect(ports[0]!.count).toBeGreaterThanOrEqual(ports[1]!.count);
    expect(instructions).toBeGreaterThan(0);
    expect(devices['virtio-console']!.bytesOut).toBeGreaterThan(0);
    const end = ending(guest);
    await guest.config.powerOff();
    expect(await end).toMatchObject({ kind: 'guest-poweroff' });
  });
});

describe('commands in the guest', () => {
  it('give exit code, both streams and signals, one after the other however they are asked for', async () => {
    const guest = await guests.start();
    const results = await Promise.all([
      guest.agent.exec({ path: 'sh', args: ['-c', 'echo out; echo err >&2; exit 7'] }),
      guest.agent.exec({ path: 'cat', input: Buffer.from([0, 255, 10]) }),
      guest.agent.exec({ path: 'sh', args: ['-c', 'kill -9 $$'] }),
    ]);
    expect(results[0]).toMatchObject({ exitCode: 7, truncated: false });
    expect([results[0]!.stdout.toString(), results[0]!.stderr.toString()]).toEqual(['out\n', 'err\n']);
    expect([...results[1]!.stdout]).toEqual([0, 255, 10]);
    expect(results[2]).toMatchObject({ signal: 9 });
    await expect(guest.agent.exec({ path: 'no-such-program' })).rejects.toMatchObject({
      code: 'EXEC_FAILED',
    });
    const [eth0] = (await guest.agent.interfaces()).filter(({ name }) => name === 'eth0');
    expect(eth0).toMatchObject({
      mac: '02:00:00:00:01:10',
      addresses: expect.arrayContaining(['10.0.0.1/24']),
    });
  });

  it('are killed when they do not end in time, and the next one works', async () => {
    const guest = await guests.start();
    await expect(guest.agent.exec({ path: 'sleep', args: ['987'], timeoutMs: 1500 })).rejects.toMatchObject({
      code: 'EXEC_TIMEOUT',
    });
    expect(await sh(guest, 'ps | grep "sleep 987" | grep -vc grep || true')).toBe('0');
  });

  it('carry output of many messages', async () => {
    const guest = await guests.start();
    const { stdout } = await guest.agent.exec({ path: 'sh', args: ['-c', 'yes | head -c 300000'] });
    expect(stdout.length).toBe(300_000);
  });
});

describe('pausing', () => {
  it('stops guest time, keeps frames, and goes on', async () => {
    const [a, b] = [await guests.start(0), await guests.start(1)];
    connect(a, b);
    const before = await uptime(a);
    await a.pause();
    const ping = sh(b, 'ping -c 1 -W 60 10.0.0.1');
    const counted = async () => (await a.telemetry()).devices['virtio-net0']!;
    const { rxPackets, rxBacklogFrames } = await counted();
    while (true) {
      const now = await counted();
      if (now.rxPackets! + now.rxBacklogFrames! > rxPackets! + rxBacklogFrames!) break;
    }
    const { instructions } = await a.telemetry();
    await new Promise(resolve => setTimeout(resolve, 1000));
    expect((await a.telemetry()).instructions).toBe(instructions);
    await a.run();
    expect(await ping).toContain('1 packets received');
    // a second of standing still does not show, whatever the commands themselves take
    await a.config.setClock();
    const after = await uptime(a);
    expect(after).toBeGreaterThan(before);
    const host = Date.now() / 1000;
    expect(Math.abs(Number(await sh(a, 'date +%s')) - host)).toBeLessThan(10);
  });

  it('answers at once although the guest is busy', async () => {
    const guest = await guests.start();
    await sh(guest, 'while :; do :; done >/dev/null 2>&1 &');
    await guest.pause();
    const { instructions } = await guest.telemetry();
    expect((await guest.telemetry()).instructions).toBe(instructions);
  });
});

describe('two guests', () => {
  it('talk over their cards, with offloads, and get every byte right', async () => {
    const [a, b] = [await guests.start(0), await guests.start(1)];
    connect(a, b);
    expect(await sh(a, 'ping -c 5 -i 0.2 10.0.0.2')).toContain('5 packets received');
    await sh(
      b,
      'mkdir -p /tmp/www; dd if=/dev/urandom of=/tmp/www/f bs=64k count=16 2>/dev/null; httpd -p 80 -h /tmp/www',
    );
    const expected = (await sh(b, 'md5sum /tmp/www/f')).slice(0, 32);
    const got = (await sh(a, 'wget -q -O - http://10.0.0.2/f | md5sum', 120_000)).slice(0, 32);
    expect(got).toBe(expected);
    const { devices, picStuck } = await a.telemetry();
    expect(devices['virtio-net0']!.rxSuperFrames).toBeGreaterThan(0);
    expect(devices['virtio-net0']!.rxDroppedFull).toBe(0);
    expect(picStuck).toBeLessThan(10);
  });

  it('do not hear each other when a cable is out', async () => {
    const [a, b] = [await guests.start(0), await guests.start(1)];
    connect(a, b);
    b.setNic(0, { linkUp: false });
    expect(await sh(a, 'ping -c 1 -W 1 10.0.0.2 || echo silence')).toContain('silence');
    expect(await sh(b, 'cat /sys/class/net/eth0/carrier')).toBe('0');
    b.setNic(0, { linkUp: true });
    await sh(b, 'until [ "$(cat /sys/class/net/eth0/carrier)" = 1 ]; do usleep 20000; done');
    expect(await sh(a, 'ping -c 5 -i 0.2 -W 5 10.0.0.2 | grep -c "bytes from"')).not.toBe('0');
  });
});

describe('a guest that goes wrong', () => {
  const cases: [string, string, string, string][] = [
    ['resets', 'reboot -f', 'guest-reset', 'keyboard controller'],
    ['halts', 'poweroff -f', 'guest-poweroff', 'interrupts off'],
    ['panics', 'echo c > /proc/sysrq-trigger', 'guest-panic', 'sysrq triggered crash'],
    [
      'reads a register that is not there',
      `bar=$(for d in /sys/bus/pci/devices/*; do [ $(cat $d/device) = 0x1041 ] && head -1 $d/resource; done | cut -d' ' -f1); dd if=/dev/port bs=1 skip=$((bar + 0x60)) count=1`,
      'device-fault',
      'virtio-net0: read of 1 bytes at 0x60',
    ],
    [
      'writes the reset port',
      `printf '\\006' | dd of=/dev/port bs=1 seek=$((0xcf9)) count=1`,
      'guest-reset',
      '0xcf9',
    ],
  ];

  it.each(cases)('%s: it ends with the reason, its neighbour goes on', async (_, command, kind, reason) => {
    const [bad, good] = [await guests.start(0), await guests.start(1)];
    const end = ending(bad);
    const exec = bad.agent.exec({ path: 'sh', args: ['-c', command] });
    await expect(exec).rejects.toMatchObject({ code: 'GUEST_FAILED' });
    const ended = await end;
    expect(ended.kind).toBe(kind);
    expect(ended.reason).toContain(reason);
    expect(bad.exit).toEqual(ended);
    await expect(bad.run()).rejects.toMatchObject({ code: 'GUEST_FAILED' });
    expect(await sh(good, 'echo alive')).toBe('alive');
  });

  it('exhausts its memory: its kernel handles it, its neighbour goes on', async () => {
    const [bad, good] = [await guests.start(0), await guests.start(1)];
    const greedy = await bad.agent.exec({
      path: 'dd',
      args: ['if=/dev/zero', 'of=/dev/null', 'bs=60M', 'count=1'],
    });
    expect(greedy.exitCode).not.toBe(0);
    expect(await sh(good, 'echo alive')).toBe('alive');
  });

  it('a thread that dies is told as such', async () => {
    const guest = await guests.start();
    const end = ending(guest);
    const { thread } = guest as unknown as { thread: { worker: { terminate(): Promise<number> } } };
    await thread.worker.terminate();
    expect(await end).toMatchObject({ kind: 'worker-error' });
  });

  it('is told about frames that are nonsense by dropping them', async () => {
    const guest = await guests.start();
    guest.sendFrames(0, [
      new Uint8Array(0),
      new Uint8Array(5),
      new Uint8Array(100_000),
      new Uint8Array(12 + 60).fill(255),
    ]);
    guest.sendFrames(7, [new Uint8Array(72)]);
    expect(await sh(guest, 'echo alive')).toBe('alive');
  });
});

it('reads all ones from ports without hardware, and counts that', async () => {
  const guest = await guests.start();
  const before = (await guest.telemetry()).unhooked;
  expect(await sh(guest, 'dd if=/dev/port bs=1 skip=$((0x2e8)) count=1 2>/dev/null | od -An -tx1')).toBe(
    'ff',
  );
  expect((await guest.telemetry()).unhooked).toBe(before + 1);
});

describe('what is refused', () => {
  it.each([
    ['too little memory', { memoryMiB: 16 }, 'guest memory must be 32 to 1024 MiB, not 16'],
    ['too many Wi-Fi NICs', { wifiCount: 5 }, 'a guest has 0 to 4 Wi-Fi NICs, not 5'],
    ['a broken MAC', { nics: [{ mac: '02:00', mtu: 1500 }] }, '"02:00" is not a MAC address'],
    [
      'an MTU beyond what a card can say',
      { nics: [{ mac: '02:00:00:00:00:01', mtu: 70000 }] },
      '68 to 65521',
    ],
  ])('%s', async (_, change, message) => {
    await expect(guests.create(0, change)).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      message: expect.stringContaining(message),
    });
  });

  it('to save a guest that runs', async () => {
    const guest = await guests.start();
    await expect(guest.save()).rejects.toMatchObject({ code: 'VM_WRONG_STATE' });
    expect(await sh(guest, 'echo alive')).toBe('alive');
  });
});
