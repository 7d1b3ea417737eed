import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Event, List } from '@v3vee/contracts';
import { checkoutRoot } from '@v3vee/setup';
import { TestCluster } from '@v3vee/testkit';

describe('v3 events', () => {
  let folder: string;
  let cluster: TestCluster;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'v3-events-'));
    const topologyFile = join(folder, 'cluster.yaml');
    writeFileSync(topologyFile, 'hosts: { alpha: {} }\n');
    cluster = await TestCluster.up({ topologyFile });
    for (const name of ['a1', 'a2']) await cluster.ok(['vm', 'create', name, '--host', 'alpha']);
    await cluster.ok(['vm', 'delete', 'a2']);
  });
  afterAll(async () => {
    await cluster?.down();
    rmSync(folder, { recursive: true, force: true });
  });

  const list = async (...args: string[]) =>
    (await cluster.json<List<Event>>(['events', ...args])).items.map(
      ({ kind, name, before, state }) => `${kind} ${name} ${before ?? ''}>${state}`,
    );
  /** Reads `v3 events -w` until a line is there, then leaves it with Ctrl-C. @returns its lines and how it ended */
  const watch = async (args: string[], last: RegExp, act: () => Promise<unknown>) => {
    const child = spawn(
      process.execPath,
      [join(checkoutRoot, 'apps/cli/dist/main.js'), 'events', '-w', ...args],
      { env: { ...process.env, V3_STATE_DIR: cluster.stateDir }, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const ended = once(child, 'exit');
    const lines: string[] = [];
    let acting: Promise<unknown> | undefined;
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(line);
      // What there was is there, so it watches from here on.
      acting ??= act();
      if (last.test(line)) child.kill('SIGINT');
    }
    await acting;
    return { lines, code: ((await ended) as [number])[0] };
  };

  it('lists them oldest first, as a table and as JSON', async () => {
    expect(await list('--vm', 'a2', '--kind', 'vm')).toEqual(['vm a2 >STOPPED', 'vm a2 STOPPED>DELETED']);
    const [title, ...rows] = (await cluster.ok(['events', '--vm', 'a2', '--kind', 'vm'])).trim().split('\n');
    expect(title).toMatch(/^AT +KIND +NAME +FROM +TO +REASON/);
    expect(rows.map(row => row.split(/\s+/).slice(1, 5).join(' '))).toEqual([
      'vm a2 - STOPPED',
      'vm a2 STOPPED DELETED',
    ]);
  });

  it('keeps to what is asked for: a VM, a kind, the latest', async () => {
    const all = await list();
    expect(all).toEqual(expect.arrayContaining(['vm a1 >STOPPED', 'vm a2 >STOPPED']));
    expect(await list('-n', '1')).toEqual(all.slice(-1));
    expect(new Set((await list('--kind', 'host')).map(line => line.split(' ')[0]))).toEqual(
      new Set(['host']),
    );
    expect(await list('--vm', 'a1')).toEqual(['vm a1 >STOPPED']);
    expect(await cluster.v3(['events', '--vm', 'nothing'])).toMatchObject({
      ...{ code: 0, stdout: '', stderr: 'There are no events.\n' },
    });
  });

  it.each([
    [['--kind', 'wish'], 'Allowed choices are vm, host, migration, operation'],
    [['-n', '0'], '--limit'],
  ])('%j is refused with what would be right', async (args, words) => {
    const { code, stderr } = await cluster.v3(['events', ...args]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(words)]);
  });

  it('-w goes on with each as it comes, of what is asked for, until Ctrl-C', async () => {
    const { lines, code } = await watch(['--vm', 'a1', '--kind', 'vm'], /DELETED/, async () => {
      await cluster.ok(['vm', 'create', 'a3', '--host', 'alpha']);
      await cluster.ok(['vm', 'delete', 'a1']);
    });
    expect(lines.map(line => line.split(' ').slice(2, 6).join(' '))).toEqual([
      expect.stringMatching(/^vm a1: STOPPED/),
      'vm a1: STOPPED →',
    ]);
    expect(lines[1]).toContain('STOPPED → DELETED');
    expect(code).toBe(130);
  });

  it('-w -o json is a line of JSON each', async () => {
    const { lines } = await watch(['-o', 'json', '--vm', 'a3'], /"DELETED"/, () =>
      cluster.ok(['vm', 'delete', 'a3']),
    );
    const events = lines.map(line => JSON.parse(line) as Event).filter(({ kind }) => kind === 'vm');
    expect(events.map(({ name, state }) => `${name} ${state}`)).toEqual(['a3 STOPPED', 'a3 DELETED']);
  });
});
