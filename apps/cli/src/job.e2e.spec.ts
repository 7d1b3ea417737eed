import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Host, Job } from '@v3vee/contracts';
import { TestCluster } from '@v3vee/testkit';

const TOPOLOGY = 'hosts: { alpha: { memory: 256MiB, cores: 4 } }\n';

/** A program that does nothing but loop. */
const FOREVER = Buffer.from(
  '0061736d01000000' + // header
    '010401600000' + // type () -> ()
    '03020100' + // function 0
    '0503010001' + // one page of memory
    '07130206' +
    '6d656d6f7279' +
    '0200' +
    '06' +
    '5f7374617274' +
    '0000' + // exports memory, _start
    '0a090107' +
    '00' +
    '03400c000b' +
    '0b', // loop br 0 end
  'hex',
);

describe('v3 job', () => {
  let cluster: TestCluster;
  let folder: string;
  let forever: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'v3-job-e2e-'));
    const topologyFile = join(folder, 'cluster.yaml');
    writeFileSync(topologyFile, TOPOLOGY);
    forever = join(folder, 'forever.wasm');
    writeFileSync(forever, FOREVER);
    cluster = await TestCluster.up({ topologyFile });
  });
  afterAll(async () => {
    await cluster?.down();
    rmSync(folder, { recursive: true, force: true });
  });

  const ok = (...args: string[]) => cluster.ok(['job', ...args]);
  const jobs = async () => (await cluster.json<{ items: Job[] }>(['job', 'list'])).items;
  const free = async () => {
    const { coresFree, memoryFreeMiB } = await cluster.json<Host>(['host', 'show', 'alpha']);
    return [coresFree, memoryFreeMiB];
  };
  const refused = async (args: string[], exitCode: number, message: RegExp) => {
    const { code, stderr } = await cluster.v3(['job', ...args]);
    expect({ args, code, stderr }).toEqual({ args, code: exitCode, stderr: expect.stringMatching(message) });
  };

  it('runs a program of two ranks, and its output and exit code are those of the command', async () => {
    const printed = await ok(
      'run',
      '--host',
      'alpha',
      '--ranks',
      '2',
      '--memory',
      '32MiB',
      'stream.wasm',
      '5000',
      '3',
    );
    expect(printed).toMatch(/^Copy [\d.]+ MB\/s\nScale .*\nAdd .*\nTriad .*\nSolution validates\n$/);
    const [job] = await jobs();
    expect(job).toMatchObject({
      program: 'stream.wasm',
      ranks: 2,
      memoryMiB: 32,
      state: 'COMPLETED',
      exitCode: 0,
    });
    expect(await ok('output', job!.id)).toBe(printed);
    expect(await ok('output', job!.id, '--rank', '1')).toBe('');
    expect(await ok('show', job!.id)).toMatch(/^State: +COMPLETED$/m);
    await refused(['run', 'stream.wasm', 'many'], 2, /rank 0: it ended with exit code 2/);
    expect(await free()).toEqual([4, 240]);
  });

  it('holds a job that would run for ever: shown, killed, deleted', async () => {
    const job = JSON.parse(await ok('run', '--detach', '--ranks', '3', '-o', 'json', forever)) as Job;
    expect(job).toMatchObject({ state: 'RUNNING', cores: [1, 2, 3] });
    expect(await free()).toEqual([1, 240 - 48]);
    await refused(['delete', job.id], 1, /kill it before it is deleted/);
    // Another job does not notice.
    expect(await ok('run', 'hpccg.wasm', '5', '20')).toMatch(/iterations\/s/);
    expect(await ok('kill', job.id)).toBe(`job/${job.id} killed\n`);
    expect(await free()).toEqual([4, 240]);
    await ok('delete', job.id);
    await refused(['show', job.id], 1, /No such job/);
    await refused(['run', '--timeout', '1', forever], 1, /killed: it ran longer than its time limit of 1 s/);
  });

  it('says what is not enough, and what is no program', async () => {
    await refused(
      ['run', '--ranks', '5', 'stream.wasm'],
      1,
      /asks for 5 cores of alpha.*4 of its 4 are free/,
    );
    await refused(['run', '--memory', '512MiB', 'stream.wasm'], 1, /asks for 512 MiB in one piece on alpha/);
    await refused(['run', '--memory', '2GiB', 'stream.wasm'], 2, /a rank has from 1MiB to 1GiB of memory/);
    await refused(['run', '--host', 'gamma', 'stream.wasm'], 1, /there is no host "gamma"/);
    await refused(
      ['run', 'nothing.wasm'],
      2,
      /there is no file nothing\.wasm; with Kitten come stream\.wasm/,
    );
    await refused(['run', join(folder, 'cluster.yaml')], 1, /it is not a WebAssembly binary/);
  });

  it('says that jobs ended with their Kitten', async () => {
    const job = JSON.parse(await ok('run', '--detach', '-o', 'json', forever)) as Job;
    const kitten = async () => (await cluster.status()).services.find(({ name }) => name === 'kitten-alpha')!;
    const before = await kitten();
    process.kill(before.pid!, 'SIGKILL');
    const isBack = async () => {
      const { state, pid } = await kitten();
      if (state !== 'ready' || pid === before.pid) return false;
      // Palacios says anew what its guests hold; until then nothing is given away.
      return (await cluster.v3(['job', 'run', 'stream.wasm', '1000', '2'])).code === 0;
    };
    while (!(await isBack())) await new Promise(resolve => setTimeout(resolve, 100));
    await refused(['show', job.id], 1, /it was a job of an earlier Kitten of alpha; that was restarted/);
    expect((await jobs()).map(({ program, state }) => [program, state])).toEqual([
      ['stream.wasm', 'COMPLETED'],
    ]);
  });
});
