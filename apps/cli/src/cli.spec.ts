import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { V3Error } from '@v3vee/contracts';
import { checkoutRoot } from '@v3vee/setup';
import type { Command } from 'commander';
import { formatError } from './errors';
import { createProgram } from './program';

interface Result {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** The compiled command, as ./v3 runs it, where no cluster runs. */
describe('v3 without a cluster', () => {
  let state: string;
  beforeAll(() => (state = mkdtempSync(join(tmpdir(), 'v3-cli-'))));
  afterAll(() => rmSync(state, { recursive: true }));

  const v3 = (
    args: string[],
    env: NodeJS.ProcessEnv = {},
    onSpawn?: (child: ReturnType<typeof spawn>) => void,
  ) =>
    new Promise<Result>((resolve, reject) => {
      const child = spawn(process.execPath, [join(checkoutRoot, 'apps/cli/dist/main.js'), ...args], {
        env: { ...process.env, V3_STATE_DIR: state, V3_URL: '', ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let stdout = '';
      let stderr = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
      child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
      child.on('error', reject).on('close', code => resolve({ code, stdout, stderr }));
      onSpawn?.(child);
    });

  it.each([
    [['vm', 'lst'], 2, 'v3: The command was called wrongly: unknown command \'lst\'; did you mean "list"?'],
    [['ups'], 2, 'v3: The command was called wrongly: unknown command \'ups\'; did you mean "up"?'],
    [
      ['vm', 'show'],
      2,
      "v3: The command was called wrongly: missing required argument 'vm'; --help shows how",
    ],
    [['vm', 'exec', 'a1', 'ls', '-l'], 2, "v3: The command was called wrongly: unknown option '-l'"],
    [['vm', 'wait', 'a1', '--for=ready'], 2, 'Allowed choices are running, stopped, paused, agent, ip'],
    [['vm', 'wait', 'a1', '--for=ip', '--timeout', 'soon'], 2, '--timeout is "soon"; it takes seconds'],
    [
      ['vm', 'create', 'c', '--host', 'a', '--nic', 'lan'],
      2,
      '--nic "lan": "lan" is not understood; write network=',
    ],
    [['vm', 'list', '-o', 'yaml'], 2, 'Allowed choices are table, wide, json'],
    [
      ['up', '-f', '/no/such.yaml'],
      2,
      'v3: The cluster file cannot be read: /no/such.yaml: there is no such file',
    ],
    [['apply', '-f', '/'], 2, 'v3: The cluster file cannot be read: /: it is a folder'],
    [['up', '--port', '99999'], 2, '--port is "99999"; a port is a number from 1 to 65535'],
    [
      ['vnet', 'route', 'add', 'any', 'any', 'interface', 'a1', 'any'],
      2,
      'not a line of the VNET language: line 1, column 19: "a1" is not the unicast MAC address of a NIC',
    ],
    [['vnet', 'link', 'add', 'example'], 2, 'remote: an IPv4 or IPv6 address is needed'],
    [['vnet', 'link', 'add', '192.0.2.1', '9000', 'sctp'], 2, 'Allowed choices are udp, tcp, vxlan'],
    [
      ['vnet', 'link', 'set', 'wan', '--loss', '101%'],
      2,
      '--loss is "101%"; it takes a share from 0% to 100%',
    ],
    [['vnet', 'link', 'set', 'wan', '--rate', '10'], 2, '--rate is "10"; it takes at least 1kbit'],
    [
      ['vnet', 'interface', 'set', 'a1', '--link', 'up'],
      2,
      '"a1" is not an interface; write the VM and its NIC',
    ],
    [['vnet', 'control', '-f', '/no/such'], 2, '/no/such cannot be read (ENOENT)'],
    [['status'], 1, 'v3: The cluster is not running: start it with "v3 up"'],
    [['vm', 'list'], 1, 'v3: The cluster is not running: start it with "v3 up"'],
    [['logs'], 1, 'v3: The cluster is not running: there are no logs'],
    [['down'], 0, 'v3: The cluster is not running; there is nothing to stop.'],
    [['lab', 'nope'], 2, 'there is no lab "nope"; there are: start'],
    [
      ['image', 'build', 'windows'],
      1,
      'v3: No such image: there is no recipe for "windows"; infra/images has: debian',
    ],
  ])('%j → %i', async (args, exitCode, message) => {
    const { code, stdout, stderr } = await v3(args);
    expect({ code, stdout }).toEqual({ code: exitCode, stdout: '' });
    expect(stderr).toContain(message);
  });

  it('says what is wrong with a cluster file, and where', async () => {
    const file = join(state, 'bad.yaml');
    writeFileSync(file, 'hosts:\n  alpha: {memory: 1GiB, colour: red}\nvms:\n  a1:\n    host: gamma\n');
    for (const args of [
      ['up', '-f', file],
      ['apply', '-f', file],
    ]) {
      const { code, stderr } = await v3(args);
      expect(code).toBe(2);
      expect(stderr).toBe(
        [
          `v3: The cluster file is not valid: ${file}:`,
          '  line 2, column 25: hosts.alpha.colour: unknown key "colour"',
          '  line 5, column 11: vms.a1.host: there is no host "gamma"; hosts are: alpha',
          '',
        ].join('\n'),
      );
    }
  });

  it('knows whether V3_URL and V3_TOKEN are right', async () => {
    expect((await v3(['vm', 'list'], { V3_URL: 'nonsense' })).stderr).toContain('V3_URL is "nonsense"');
    expect((await v3(['vm', 'list'], { V3_URL: 'http://127.0.0.1:1' })).stderr).toContain('V3_TOKEN');
  });

  describe('against a gateway of ours', () => {
    const vms = Array.from({ length: 3000 }, (_, index) => ({
      id: '0b54ed2c-6c9e-4c8a-9d3e-0a4cf7d5b101',
      name: `vm${index}`,
      project: 'default',
      host: 'alpha',
      epoch: 1,
      state: 'RUNNING',
      reason: '',
      image: 'debian',
      memoryMiB: 64,
      autostart: true,
      failover: 'none',
      checkpointEvery: null,
      boot: 'template',
      agent: true,
      nics: [],
      createdAt: '2026-01-01T00:00:00.000Z',
      startedAt: null,
      core: null,
      wifi: [],
      disks: [],
      devices: [],
      yield: { strategy: 'friendly', thresholdUs: 100, sleepMs: 10, scheduleHz: 100 },
    }));
    const event = JSON.stringify({
      ...{ atUs: 1, vm: 'a1', event: 'read', register: 'ISR', offset: 62, size: 2, value: 5 },
      ...{ class: 'open', detail: '' },
    });
    let asked: () => void = () => {};
    const server = createServer((request, response) => {
      asked();
      if (request.url?.includes(':exec')) return; // never answers
      if (request.url?.includes('/dmm/trace')) return void response.write(`${event}\n`); // and never ends
      response.end(JSON.stringify({ items: vms, nextPageToken: '' }));
    });
    let env: NodeJS.ProcessEnv;
    beforeAll(async () => {
      await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
      env = { V3_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, V3_TOKEN: 'x' };
    });
    afterAll(() => void server.close().closeAllConnections());

    it('is quiet when who reads its output has read enough', async () => {
      const result = await v3(['vm', 'list', '-o', 'json'], env, child => {
        child.stdout?.once('data', () => child.stdout?.destroy());
      });
      expect(result).toMatchObject({ code: 0, stderr: '' });
    });

    it('prints no colours into a pipe', async () => {
      const { stdout } = await v3(['vm', 'list'], { ...env, FORCE_COLOR: undefined });
      expect(stdout.split('\n')[1]).toMatch(/^vm0 +alpha +RUNNING +yes +64MiB/);
    });

    it('ends a trace in order at Ctrl-C', async () => {
      const result = await v3(['dmm', 'trace', 'alpha/eth0', '-o', 'json'], env, child => {
        child.stdout?.once('data', () => child.kill('SIGINT'));
      });
      expect(result).toEqual({ code: 0, stdout: `${event}\n`, stderr: '1 events, 0 dropped\n' });
    });

    it.each([
      ['SIGINT', 130],
      ['SIGTERM', 143],
    ] as const)('stops waiting at %s, without a word, with %i', async (signal, exitCode) => {
      const result = await v3(['vm', 'exec', 'vm0', '--', 'sleep', '9'], env, child => {
        asked = () => child.kill(signal);
      });
      expect(result).toEqual({ code: exitCode, stdout: '', stderr: '' });
    });
  });
});

describe('the command line', () => {
  const leaves = (command: Command, path: string[]): [string, Command][] =>
    command.commands.length === 0
      ? [[path.join(' '), command]]
      : command.commands.flatMap(child => leaves(child, [...path, child.name()]));

  it.each(leaves(createProgram(), []))('%s has a description and examples in its help', (path, command) => {
    expect(command.description()).not.toBe('');
    let help = '';
    command.configureOutput({ writeOut: text => (help += text) }).outputHelp();
    expect(help).toMatch(new RegExp(`Examples:\\n[^]*v3 ${path}`));
  });
});

describe('errors', () => {
  it('say title and detail', () => {
    expect(formatError(new V3Error('VM_NOT_FOUND', 'there is no "x"'))).toBe(
      'v3: No such virtual machine: there is no "x"',
    );
  });

  it('list several wrong fields, each on its line', () => {
    const fields = [
      { path: 'name', message: 'too long' },
      { path: 'nics[0].mac', message: 'is a group address' },
    ];
    const error = new V3Error('INVALID_REQUEST', 'name: too long; nics[0].mac: is a group address', {
      fields,
    });
    expect(formatError(error)).toBe(
      'v3: The request is not valid: 2 mistakes:\n  name: too long\n  nics[0].mac: is a group address',
    );
  });
});
