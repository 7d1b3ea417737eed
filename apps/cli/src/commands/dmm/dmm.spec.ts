import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  defaultDmmPolicy,
  V3Error,
  type DmmContext,
  type DmmDevice,
  type DmmViolation,
  type Host,
  type TraceEvent,
} from '@v3vee/contracts';
import { formatError } from '../../errors';
import { createProgram, usageError } from '../../program';

const device: DmmDevice = {
  ...{ name: 'alpha/eth0', host: 'alpha', nic: 'eth0', model: 'rtl8139', network: 'lan' },
  ...{ state: 'READY', reason: 'its host and the dmm service answer', holder: 'a1' },
  waiting: [{ vm: 'a2', why: 'frame', waitedMs: 12.5 }],
  guests: [
    { vm: 'a1', access: 'vpio', heldMs: 61_500 },
    { vm: 'a2', access: 'emulated', heldMs: 0 },
  ],
  policy: defaultDmmPolicy,
  hooks: [
    {
      ...{ direction: 'write', offset: 0x37, length: 1, class: 'exit', register: 'CR', why: 'a reset' },
      when: { mask: 0x1c, equals: [0x10, 0x14] },
    },
    { direction: 'read', offset: 0x20, length: 16, class: 'shadow', register: 'TSAD0-3', why: '\x1b[31mred' },
  ],
  account: {
    registers: [
      { register: 'ISR', direction: 'read', open: 160, shadow: 4, exit: 1 },
      { register: 'CR', direction: 'write', open: 0, shadow: 0, exit: 1 },
    ],
    exits: { count: 2, minMs: 0.1, p50Ms: 0.2149, p99Ms: 0.9, maxMs: 1 },
    switches: { count: 632, minMs: 0.1, p50Ms: 0.4, p99Ms: 2, maxMs: 1234 },
    ...{ forced: 1, interrupts: 40, denied: 0 },
    frames: { received: 5, transmitted: 6, held: 1, dropped: 0, spoofed: 0 },
  },
  ...{ contexts: 2, violations: 1 },
};
const context: DmmContext = {
  ...{ device: 'alpha/eth0', vm: 'a1', vmId: '0b54ed2c-6c9e-4c8a-9d3e-0a4cf7d5b101', epoch: 1, bytes: 2048 },
  ...{ forced: false, model: { page: 1 }, savedAt: '2026-01-01T00:00:00.000Z' },
};
const violation: DmmViolation = {
  ...{ id: context.vmId, device: 'alpha/eth0', vm: 'a1', vmId: context.vmId, register: 'TSAD0' },
  ...{ direction: 'read', address: 2 ** 63, length: 1792, action: 'deny', at: '2026-01-01T00:00:00.000Z' },
};
const event = (register: string, more: Partial<TraceEvent> = {}): TraceEvent => ({
  ...{ atUs: new Date(2026, 0, 1, 14, 3, 7).getTime() * 1_000 + 123_456, vm: 'a1', event: 'write', register },
  ...{ offset: 0x3e, size: 2, value: 5, class: 'open', detail: 'acknowledge', ...more },
});

/** The command line in this process, against a gateway that answers what the test says. */
describe('v3 dmm', () => {
  let answer: (request: IncomingMessage, response: ServerResponse) => void;
  let asked: string[] = [];
  let body = '';
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url?.replace(/requestId=[^&]*/, 'requestId=…')}`);
    body = '';
    request.setEncoding('utf8').on('data', (part: string) => (body += part));
    request.on('end', () => answer(request, response));
  });
  const environment = { ...process.env };
  beforeAll(async () => {
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    process.env.V3_URL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    process.env.V3_TOKEN = 'x';
  });
  afterAll(() => {
    process.env = environment;
    server.close();
    server.closeAllConnections();
  });
  beforeEach(() => (asked = []));

  /** As `main` does it. */
  async function v3(...args: string[]) {
    const result = { code: 0, stdout: '', stderr: '' };
    const into = (key: 'stdout' | 'stderr') =>
      jest.spyOn(process[key], 'write').mockImplementation(text => {
        result[key] += String(text);
        return true;
      });
    const spies = [into('stdout'), into('stderr')];
    try {
      await createProgram().parseAsync(args, { from: 'user' });
    } catch (thrown) {
      const error = V3Error.from(usageError(thrown) ?? thrown);
      result.code = error.exitCode;
      result.stderr += formatError(error);
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
    return result;
  }
  const json = (value: unknown) => (_: IncomingMessage, response: ServerResponse) =>
    void response.end(JSON.stringify(value));
  const items = (...all: object[]) => json({ items: all, nextPageToken: '' });

  it('device list says who has each, and how many accesses needed the VMM', async () => {
    answer = items(device, { ...device, name: 'beta/eth0', account: null, holder: null, guests: [] });
    const { stdout } = await v3('dmm', 'device', 'list');
    const [head, first, second] = stdout.split('\n');
    expect(head).toMatch(
      /^NAME +MODEL +NETWORK +STATE +HOLDER +GUESTS +NEEDED-VMM +SWITCHES +VIOLATIONS +REASON$/,
    );
    expect(first).toMatch(/^alpha\/eth0 +rtl8139 +lan +READY +a1 +a1,a2 +1 in 28 +632 +1 +its host/);
    expect(second).toMatch(/^beta\/eth0 +rtl8139 +lan +READY +- +- +- +- +1 /);
    answer = items();
    expect(await v3('dmm', 'device', 'list')).toEqual({
      ...{ code: 0, stdout: '', stderr: 'There are no physical devices.\n' },
    });
  });

  it('device show says all of one', async () => {
    answer = json(device);
    const { stdout } = await v3('dmm', 'device', 'show', 'alpha/eth0');
    expect(asked).toEqual(['GET /v1/dmm/devices/alpha%2Feth0']);
    for (const line of [
      'Holder:       a1',
      'Waiting:      a2 (frame, 13 ms)',
      'Guests:       a1 (vpio, had it for 62 s), a2 (emulated, had it for 0 ms)',
      'Policy:       slice 20 ms, forced after 250 ms, frames switch, violations deny',
      'Accesses:     166: 160 open, 4 shadow, 2 exit',
      'Needed-vmm:   1 in 28',
      'Exits-alone:  1 in 83',
      'Exit-cost:    2: p50 0.21 ms, p99 0.9 ms, max 1 ms',
      'Switches:     632: p50 0.4 ms, p99 2 ms, max 1.2 s',
      'Forced:       1',
      "Frames:       5 received, 6 transmitted, 1 held, 0 dropped, 0 not let out under another's address",
    ]) {
      expect(stdout.split('\n')).toContain(line);
    }
    expect(stdout).toMatch(/^ISR +read +160 +4 +1$/m);
    expect(stdout).toMatch(/^CR +write +0x37 +exit +byte & 0x1c is 0x10 or 0x14 +a reset$/m);
    // What a host says must not steer the terminal.
    expect(stdout).toMatch(/^TSAD0-3 +read +0x20-0x2f +shadow +- +\[31mred$/m);
    expect(JSON.parse((await v3('dmm', 'device', 'show', 'alpha/eth0', '-o', 'json')).stdout)).toEqual(
      device,
    );
  });

  it('device show of one that was never used, and of one that is away', async () => {
    const { account } = device;
    answer = json({ ...device, account: { ...account, registers: [] }, hooks: [] });
    expect((await v3('dmm', 'device', 'show', 'alpha/eth0')).stdout).toMatch(
      /^Accesses: +0: 0 open, 0 shadow, 0 exit$/m,
    );
    answer = json({
      ...device,
      account: { ...account, registers: [{ ...account!.registers[0], shadow: 0, exit: 0 }] },
    });
    expect((await v3('dmm', 'device', 'show', 'alpha/eth0')).stdout).toMatch(/^Needed-vmm: +none$/m);
    answer = json({ ...device, account: null });
    expect((await v3('dmm', 'device', 'show', 'alpha/eth0')).stdout).toMatch(/^Accesses: +-$/m);
  });

  it('context list and violations, of one device if asked', async () => {
    answer = items(context);
    const contexts = await v3('dmm', 'context', 'list', '--device', 'alpha/eth0');
    expect(asked).toEqual(['GET /v1/dmm/contexts?device=alpha%2Feth0']);
    expect(contexts.stdout).toMatch(/^alpha\/eth0 +a1 +1 +2\.0 KiB +no +\d/m);
    answer = items(violation);
    expect((await v3('dmm', 'violations')).stdout).toMatch(
      /^2026-01-01T00:00:00.000Z +alpha\/eth0 +a1 +TSAD0 +read +0x8000000000000000 +1792 +deny$/m,
    );
    expect(JSON.parse((await v3('dmm', 'violations', '-o', 'json')).stdout)).toEqual({
      ...{ items: [violation], nextPageToken: '' },
    });
  });

  it('policy shows, and changes what is named', async () => {
    answer = json(device);
    expect((await v3('dmm', 'policy', 'alpha/eth0')).stdout).toBe(
      ['Slice:         20 ms', 'Reusable:      250 ms', 'On-frame:      yes', 'On-violation:  deny', ''].join(
        '\n',
      ),
    );
    expect(asked).toEqual(['GET /v1/dmm/devices/alpha%2Feth0']);
    const change = async (...options: string[]) => {
      const { stdout } = await v3('dmm', 'policy', 'alpha/eth0', ...options);
      return [stdout, JSON.parse(body)];
    };
    expect(await change('--slice', '50', '--reusable', '0.5s', '--no-on-frame')).toEqual([
      'dmm/policy/alpha/eth0 changed\n',
      { sliceMs: 50, reusableMs: 500, onFrame: false },
    ]);
    expect(asked[1]).toBe('PATCH /v1/dmm/devices/alpha%2Feth0/policy?requestId=…');
    expect((await change('--on-frame', '--on-violation', 'stop'))[1]).toEqual({
      onFrame: true,
      onViolation: 'stop',
    });
    const [shown] = await change('--slice', '1ms', '-o', 'json');
    expect(JSON.parse(shown)).toEqual(defaultDmmPolicy);
  });

  describe('trace', () => {
    const stream =
      (...lines: object[]) =>
      (_: IncomingMessage, response: ServerResponse) =>
        void response.end(lines.map(line => `${JSON.stringify(line)}\n`).join(''));
    const ended = { delivered: 3, dropped: 4, ended: 'the gateway stops' };

    it('is a line for each event, values as wide as their access', async () => {
      answer = stream(
        event('ISR'),
        event('TSD0', { size: 4, value: 0x2000, class: 'exit', event: 'write', detail: 'start, 60 bytes' }),
        event('', {
          event: 'interrupt',
          size: null,
          value: null,
          class: null,
          offset: null,
          detail: 'IRQ\n11\x1b',
        }),
        ended,
      );
      const { code, stdout, stderr } = await v3('dmm', 'trace', 'alpha/eth0');
      expect(stdout.split('\n')).toEqual([
        '14:03:07.123456 a1       write     ISR        0x0005     open   acknowledge',
        '14:03:07.123456 a1       write     TSD0       0x00002000 exit   start, 60 bytes',
        '14:03:07.123456 a1       interrupt -          -          -      IRQ 11',
        '',
      ]);
      expect([code, stderr]).toEqual([
        1,
        '3 events, 4 dropped\nv3: A service does not answer: the trace of alpha/eth0 ended: the gateway stops',
      ]);
    });

    it('is of one register, in JSON, and ends after as many events as are wanted', async () => {
      const wanted = [event('ISR', { value: 1 }), event('ISR', { value: 2 })];
      answer = (_, response) => {
        for (const each of [event('CR'), wanted[0], event('CR'), wanted[1], event('ISR'), event('ISR')]) {
          response.write(`${JSON.stringify(each)}\n`);
        }
        // And goes on for ever.
      };
      const args = ['--register', 'isr', '-c', '2', '-o', 'json'];
      expect(await v3('dmm', 'trace', 'alpha/eth0', ...args)).toEqual({
        ...{ code: 0, stderr: '2 events, 0 dropped\n' },
        stdout: wanted.map(each => `${JSON.stringify(each)}\n`).join(''),
      });
    });

    it('of a device that there is not fails', async () => {
      const problem = new V3Error('DEVICE_NOT_FOUND', 'there is none; devices are: beta/eth0').toProblem();
      answer = (_, response) => void response.writeHead(404).end(JSON.stringify(problem));
      expect(await v3('dmm', 'trace', 'alpha/eth0')).toEqual({
        ...{
          code: 1,
          stdout: '',
          stderr: 'v3: No such physical device: there is none; devices are: beta/eth0',
        },
      });
    });
  });

  it.each([
    [['dmm', 'device', 'show', 'eth0'], 'a device is HOST/NIC, for example alpha/eth0'],
    [['dmm', 'trace', 'alpha'], 'a device is HOST/NIC, for example alpha/eth0'],
    [['dmm', 'violations', '--device', 'x'], 'a device is HOST/NIC, for example alpha/eth0'],
    [['dmm', 'policy', 'alpha/eth0', '--slice', '11s'], '--slice is "11s"; it takes a time from 1ms to 10s'],
    [['dmm', 'policy', 'alpha/eth0', '--reusable', '0.5'], '--reusable is "0.5"; it takes a time'],
    [['dmm', 'policy', 'alpha/eth0', '--on-violation', 'cry'], 'Allowed choices are deny, stop'],
    [['dmm', 'trace', 'alpha/eth0', '-c', '0'], '--count is "0"; it takes a number at least 1'],
    [['dmm', 'trace', 'alpha/eth0', '-o', 'wide'], 'Allowed choices are table, json'],
    [
      ['vm', 'create', 'c', '--host', 'a', '--nic', 'network=lan,card=eth0'],
      '"card=eth0" is not understood; write network=lan,',
    ],
    [
      ['vm', 'create', 'c', '--host', 'a', '--nic', 'network=lan,device=eth0,access=own'],
      'nics[0].access: must be one of: vpio, passthrough, emulated',
    ],
  ])('%j is called wrongly', async (args, message) => {
    const { code, stdout, stderr } = await v3(...args);
    expect({ code, stdout, asked }).toEqual({ code: 2, stdout: '', asked: [] });
    expect(stderr).toContain(message);
  });

  it('NICs on cards are defined, and shown, with their cables', async () => {
    const nic = { network: 'lan', device: 'eth0', access: 'emulated' };
    const settings = { mode: 'guest-driven', optimisticInterrupts: false, spoofGuard: false, linkUp: true };
    const vm = {
      ...{
        id: context.vmId,
        name: 'c1',
        host: 'alpha',
        epoch: 1,
        state: 'STOPPED',
        reason: '',
        image: 'debian',
      },
      ...{ memoryMiB: 64, autostart: false, boot: 'template', agent: false, createdAt: context.savedAt },
      ...{ project: 'default', failover: 'none', checkpointEvery: null },
      startedAt: null,
      core: null,
      wifi: [],
      disks: [],
      devices: [],
      yield: { strategy: 'friendly', thresholdUs: 100, sleepMs: 10, scheduleHz: 100 },
      nics: [
        {
          ...{ ...nic, name: 'eth0', model: 'rtl8139', mac: '02:00:00:00:00:01', ips: [] },
          settings: { ...settings, impairment: null },
        },
      ],
    };
    answer = json(vm);
    const args = ['--host', 'alpha', '--nic', 'network=lan,device=eth0,access=emulated'];
    expect((await v3('vm', 'create', 'c1', ...args)).stdout).toBe('vm/c1 created\n');
    expect(JSON.parse(body)).toMatchObject({ nics: [nic] });
    expect((await v3('vm', 'show', 'c1')).stdout).toMatch(
      /^Nics: +eth0=lan\/02:00:00:00:00:01@eth0\(rtl8139,emulated\)$/m,
    );
    const host: Host = {
      ...{
        name: 'alpha',
        state: 'READY',
        reason: '',
        memoryMiB: 1024,
        memoryFreeMiB: 0,
        memoryLargestHoleMiB: 0,
      },
      ...{ cores: 8, coresFree: 8, radios: [], vms: 0, heardAt: null },
      ...{ cordoned: false, lease: 'HELD', leaseExpiresAt: null },
      nics: [
        { name: 'eth0', model: 'rtl8139', network: 'lan' },
        { name: 'eth1', model: 'ne2000' },
      ],
    };
    answer = json(host);
    expect((await v3('host', 'show', 'alpha')).stdout).toMatch(
      /^Nics: +eth0 \(rtl8139 on lan\), eth1 \(ne2000 without a cable\)$/m,
    );
  });
});
