import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client } from '@v3vee/client';
import { migrationOptions, V3Error, type Migration, type Operation } from '@v3vee/contracts';
import { formatError } from '../errors';
import { createProgram, usageError } from '../program';
import { bar, describeMoved, describeStep, showMigration } from '../terminal/migration-progress';
import { followOrCancel } from './migration';

const id = '0b54ed2c-6c9e-4c8a-9d3e-0a4cf7d5b101';
const round = { pages: 900, bytes: 2 << 20, durationMs: 120, dirtyPagesPerSecond: 0, throttle: 0 };
const copying: Migration = {
  ...{ id, operation: id, vm: 'a1', source: 'alpha', target: 'beta', options: migrationOptions.parse({}) },
  ...{ phase: 'COPYING', reason: 'the guest runs', createdAt: '2026-01-01T00:00:00.000Z', endedAt: null },
  phases: [
    { phase: 'PREPARING', at: '2026-01-01T00:00:00.000Z' },
    { phase: 'COPYING', at: '2026-01-01T00:00:00.250Z' },
  ],
  ...{ memoryPages: 16_384, bytesSent: 4_400_000, pagesSent: 1_100, pagesLeft: 4_096 },
  rounds: [round, { ...round, pages: 200, bytes: 300_000, dirtyPagesPerSecond: 812.4, throttle: 0.2 }],
  ...{ predictedDowntimeMs: 45.2, downtimeMs: null },
};
const completed: Migration = {
  ...copying,
  ...{ phase: 'COMPLETED', reason: 'moved to beta', pagesLeft: 0, downtimeMs: 31.4 },
  ...{ rounds: [...copying.rounds, round], endedAt: '2026-01-01T00:00:01.100Z' },
};
const ended = (phase: 'FAILED' | 'CANCELLED', reason: string): Migration => ({
  ...{ ...copying, phase, reason, endedAt: '2026-01-01T00:00:01.000Z' },
});
const operation: Operation = {
  ...{
    id,
    verb: 'migrate',
    target: 'vms/a1',
    done: false,
    progress: '',
    metadata: null,
    error: null,
    response: null,
  },
  ...{ createdAt: '2026-01-01T00:00:00.000Z', endedAt: null },
};
const text = 'a1 runs on beta: downtime 31 ms, 4.2 MiB in 3 rounds, 1.1 s';

/** The command line in this process, against a gateway that answers what the test says. */
describe('the command line of migrations', () => {
  type Handler = (response: ServerResponse, request: IncomingMessage) => void;
  /** By what is asked for: `POST /v1/vms/a1:migrate`. */
  let answers: Record<string, Handler> = {};
  let asked: string[] = [];
  let body: unknown;
  const server = createServer((request, response) => {
    const what = `${request.method} ${request.url?.replace(/\?requestId=.*/, '')}`;
    asked.push(what);
    let received = '';
    request.setEncoding('utf8').on('data', (part: string) => (received += part));
    request.on('end', () => {
      if (received) body = JSON.parse(received);
      const answer = answers[what];
      if (answer) answer(response, request);
      else response.writeHead(404).end(JSON.stringify(new V3Error('ROUTE_NOT_FOUND', what).toProblem()));
    });
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
  beforeEach(() => {
    asked = [];
    answers = { [migrate]: json(operation) };
  });

  const migrate = 'POST /v1/vms/a1:migrate';
  const watch = `GET /v1/migrations/${id}:watch`;
  const cancel = `POST /v1/migrations/${id}:cancel`;
  const json =
    (value: unknown, status = 200): Handler =>
    response =>
      void response.writeHead(status).end(JSON.stringify(value));
  const refusal = (error: V3Error) => json(error.toProblem(), error.http);
  const lines =
    (...all: Migration[]): Handler =>
    response =>
      void response.end(all.map(line => `${JSON.stringify(line)}\n`).join(''));

  /** As `main` does it. */
  async function v3(...args: string[]) {
    const result = { code: 0, stdout: '', stderr: '' };
    const into = (key: 'stdout' | 'stderr') =>
      jest.spyOn(process[key], 'write').mockImplementation(written => {
        result[key] += String(written);
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

  it('vm migrate sends what was asked for, says each step and what it came to', async () => {
    const stopped: Migration = { ...copying, phase: 'STOPPED', pagesLeft: 40 };
    answers[watch] = lines(copying, { ...copying, pagesSent: 1_200 }, stopped, completed);
    const options = ['--downtime-limit', '30', '--max-rounds', '8', '--bandwidth', '2.5', '--timeout', '60'];
    const result = await v3('vm', 'migrate', 'a1', 'beta', ...options, '--auto-converge', '--stop-and-copy');
    expect(body).toEqual({
      ...{ host: 'beta', mode: 'stop-and-copy', downtimeLimitMs: 30, maxRounds: 8, bandwidthMiBps: 2.5 },
      ...{ autoConverge: true, timeoutSeconds: 60 },
    });
    expect(result).toEqual({
      ...{ code: 0, stdout: `${text}\n` },
      stderr: [
        'a1: COPYING, round 3, 4096 pages left, 4.2 MiB sent, would stand still for 45 ms',
        'a1: STOPPED, 40 pages left, 4.2 MiB sent',
        'a1: COMPLETED, 0 pages left, 4.2 MiB sent',
        '',
      ].join('\n'),
    });
  });

  it('vm migrate in JSON is the migration, and of what is not said the gateway decides', async () => {
    answers[watch] = lines(completed);
    const { stdout } = await v3('vm', 'migrate', 'a1', 'beta', '-o', 'json');
    expect(JSON.parse(stdout)).toEqual(completed);
    expect(body).toEqual({ host: 'beta' });
  });

  it.each([
    ['FAILED', 'The migration failed: a1 did not move to beta: no memory'],
    ['CANCELLED', 'The migration was cancelled: a1 stays on alpha: no memory'],
  ] as const)('vm migrate of one that %s exits with 1 and the reason', async (phase, words) => {
    answers[watch] = lines(ended(phase, 'no memory'));
    const { code, stdout, stderr } = await v3('vm', 'migrate', 'a1', 'beta');
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain(`v3: ${words}`);
    const inJson = await v3('vm', 'migrate', 'a1', 'beta', '-o', 'json');
    expect([inJson.code, JSON.parse(inJson.stdout)]).toEqual([1, ended(phase, 'no memory')]);
  });

  it('vm migrate says why it did not begin', async () => {
    answers[migrate] = refusal(new V3Error('HOST_CORES_EXHAUSTED', 'a1 needs a core'));
    expect(await v3('vm', 'migrate', 'a1', 'beta')).toEqual({
      ...{ code: 1, stdout: '', stderr: 'v3: The host has no free core: a1 needs a core' },
    });
  });

  it('vm migrate --no-wait says which migration it is', async () => {
    expect((await v3('vm', 'migrate', 'a1', 'beta', '--no-wait')).stdout).toBe(
      `vm/a1 is moving to host/beta: migration/${id}\n`,
    );
    answers[`GET /v1/migrations/${id}`] = json(copying);
    const { stdout } = await v3('vm', 'migrate', 'a1', 'beta', '--no-wait', '-o', 'json');
    expect(JSON.parse(stdout)).toEqual(copying);
    expect(asked).not.toContain(watch);
  });

  it('vm migrate --dry-run begins nothing, and exits with 1 when it could not', async () => {
    const check = 'POST /v1/vms/a1:checkMigration';
    answers[check] = json({ blockers: [] });
    expect(await v3('vm', 'migrate', 'a1', 'beta', '--dry-run')).toEqual({
      ...{ code: 0, stdout: 'vm/a1 can move to host/beta\n', stderr: '' },
    });
    const blockers = [
      { code: 'VM_WRONG_STATE', detail: 'a1 is STOPPED' },
      { code: 'HOST_CORDONED', detail: 'host beta is cordoned' },
    ];
    answers[check] = json({ blockers });
    const { code, stdout, stderr } = await v3('vm', 'migrate', 'a1', 'beta', '--dry-run');
    expect([code, stderr]).toEqual([
      1,
      'v3: The virtual machine cannot be moved there: 2 things keep a1 from moving to beta',
    ]);
    expect(stdout).toBe(
      [
        ...[
          'BLOCKED-BY      DETAIL',
          'VM_WRONG_STATE  a1 is STOPPED',
          'HOST_CORDONED   host beta is cordoned',
          '',
        ],
      ].join('\n'),
    );
    const inJson = await v3('vm', 'migrate', 'a1', 'beta', '--dry-run', '-o', 'json');
    expect([inJson.code, JSON.parse(inJson.stdout)]).toEqual([1, { blockers }]);
    expect(new Set(asked)).toEqual(new Set([check]));
  });

  it.each([
    ['--bandwidth', '0'],
    ['--bandwidth', 'fast'],
    ['--max-rounds', '0'],
    ['--downtime-limit', '60001'],
    ['--timeout', '1.5'],
  ])('vm migrate %s %s is wrong usage', async (option, value) => {
    const { code, stderr } = await v3('vm', 'migrate', 'a1', 'beta', option, value);
    expect([code, asked]).toEqual([2, []]);
    expect(stderr).toContain(`${option} is "${value}"; it takes`);
  });

  describe('Ctrl-C', () => {
    /** A watch that never ends by itself; the signal fires when it has begun. */
    const interruptedWatch = async (answer: Handler, afterwards?: Handler) => {
      const controller = new AbortController();
      answers[watch] = (response, request) => {
        if (controller.signal.aborted && afterwards) return afterwards(response, request);
        response.write(`${JSON.stringify(copying)}\n`);
        controller.abort(new Error('interrupted'));
      };
      answers[cancel] = answer;
      let told = '';
      const client = new Client({ url: process.env.V3_URL as string, token: 'x' });
      const stream = { write: (part: string) => (told += part) };
      const result = await followOrCancel(client, id, controller.signal, stream).catch(
        (error: Error) => error,
      );
      client.close();
      return { told, result };
    };

    it('cancels the migration, and says so', async () => {
      const { told, result } = await interruptedWatch(
        json(ended('CANCELLED', 'the migration was cancelled')),
      );
      expect(result).toEqual(new Error('interrupted'));
      expect(told).toContain('The migration was cancelled; a1 stays on alpha.\n');
      expect(asked.at(-1)).toBe(cancel);
    });

    it('that comes too late says so, and the migration goes on to its end', async () => {
      const tooLate = refusal(new V3Error('MIGRATION_TOO_LATE', 'a1 has been handed over to beta'));
      const { told, result } = await interruptedWatch(tooLate, lines(completed));
      expect(result).toEqual(completed);
      expect(told).toContain('It is too late to cancel: a1 has been handed over to beta.\n');
    });

    it('that finds it failed tells that', async () => {
      const { result } = await interruptedWatch(json(ended('FAILED', 'no memory')));
      expect(result).toMatchObject({ phase: 'FAILED', reason: 'no memory' });
    });
  });

  it('migration list and show say all of it', async () => {
    answers['GET /v1/migrations?vm=a1'] = json({ items: [completed], nextPageToken: '' });
    const { stdout } = await v3('migration', 'list', '--vm', 'a1');
    const [head, first] = stdout.split('\n');
    expect(head).toMatch(/^ID +VM +FROM +TO +PHASE +ROUNDS +SENT +DOWNTIME +TOOK +AGE +REASON$/);
    expect(first).toMatch(
      /^0b54\S+ +a1 +alpha +beta +COMPLETED +3 +4\.2 MiB +31 ms +1\.1 s +\S+ +moved to beta$/,
    );
    const inJson = await v3('migration', 'list', '--vm', 'a1', '-o', 'json');
    expect(JSON.parse(inJson.stdout)).toEqual({ items: [completed], nextPageToken: '' });

    const bandwidthMiBps = 2.5;
    answers[`GET /v1/migrations/${id}`] = json({
      ...{ ...copying, options: { ...copying.options, autoConverge: true, bandwidthMiBps } },
    });
    const shown = (await v3('migration', 'show', id)).stdout.split('\n');
    for (const line of [
      'Phase:      COPYING',
      'Phases:     PREPARING, COPYING after 250 ms',
      'Pages:      1100 sent, 4096 left, of 16384',
      'Predicted:  45 ms',
      'Downtime:   -',
      'Options:    precopy, downtime at most 60 ms, at most 32 rounds, 200 pages may be left, 2.5 MiB/s, auto-converge, within 300 s',
      'ROUND  PAGES  SENT     TOOK    DIRTY-PAGES/S  SLOWED',
      '1      900    2.0 MiB  120 ms  0              0%',
      '2      200    293 KiB  120 ms  812            20%',
    ]) {
      expect(shown).toContain(line);
    }
    answers[`GET /v1/migrations/${id}`] = json({ ...copying, rounds: [] });
    expect((await v3('migration', 'show', id)).stdout).not.toContain('ROUND');
    answers[`GET /v1/migrations/${id}`] = refusal(new V3Error('MIGRATION_NOT_FOUND', 'there is none'));
    expect((await v3('migration', 'show', id)).code).toBe(1);
  });

  it('migration cancel says where the VM is', async () => {
    answers[cancel] = json(ended('CANCELLED', ''));
    expect((await v3('migration', 'cancel', id)).stdout).toBe(
      `migration/${id} cancelled; vm/a1 stays on host/alpha\n`,
    );
    answers[cancel] = json(ended('FAILED', 'no memory'));
    expect((await v3('migration', 'cancel', id)).stdout).toContain('had failed already (no memory)');
    answers[cancel] = refusal(new V3Error('MIGRATION_TOO_LATE', 'a1 has been handed over to beta'));
    expect(await v3('migration', 'cancel', id)).toMatchObject({
      code: 1,
      stderr: 'v3: The virtual machine has been handed over already: a1 has been handed over to beta',
    });
  });

  it('migration watch shows it to its end; in JSON a line for each change', async () => {
    answers[watch] = lines(copying, completed);
    expect((await v3('migration', 'watch', id)).stdout).toBe(`${text}\n`);
    const { stdout } = await v3('migration', 'watch', id, '-o', 'json');
    const told = stdout.trimEnd().split('\n');
    expect(told.map(line => JSON.parse(line) as Migration)).toEqual([copying, completed]);
    answers[watch] = lines(ended('FAILED', 'no memory'));
    expect((await v3('migration', 'watch', id)).code).toBe(1);
    expect((await v3('migration', 'watch', id, '-o', 'json')).code).toBe(1);
  });
});

describe('the progress of a migration', () => {
  it('is a bar of what is there, and the step in words', () => {
    expect(bar({ ...copying, rounds: [], pagesSent: 0 })).toBe(`[${'░'.repeat(20)}]`);
    expect(bar({ ...copying, rounds: [], pagesSent: 8_192 })).toBe(`[${'█'.repeat(10)}${'░'.repeat(10)}]`);
    expect(bar(copying)).toBe(`[${'█'.repeat(15)}${'░'.repeat(5)}]`);
    expect(bar(completed)).toBe(`[${'█'.repeat(20)}]`);
    // Nonsense of another version breaks nothing.
    expect(bar({ ...copying, pagesLeft: 1e9 })).toBe(`[${'░'.repeat(20)}]`);
    expect(describeStep({ ...copying, phase: 'PREPARING', reason: 'the target\x1b[2J\nmakes room' })).toBe(
      'PREPARING, the target [2J makes room',
    );
  });

  it('ends with figures, as far as they are known', () => {
    expect(describeMoved(completed)).toBe(text);
    const [first] = completed.rounds;
    expect(describeMoved({ ...completed, downtimeMs: null, rounds: [first!] })).toBe(
      'a1 is on beta: 4.2 MiB in 1 round, 1.1 s',
    );
    expect(describeMoved({ ...completed, rounds: [] })).toBe(
      'a1 runs on beta: downtime 31 ms, 4.2 MiB, 1.1 s',
    );
  });

  it('moves on a terminal, and is gone in the end', () => {
    const written: string[] = [];
    const view = showMigration({ isTTY: true, columns: 200, write: part => written.push(part) });
    view.update(copying);
    view.done();
    expect(written.join('')).toContain(
      `moving a1 from alpha to beta: ${bar(copying)} COPYING, round 3, 4096 pages left`,
    );
    expect(written.at(-1)).toBe('\r\x1b[K');
  });
});
