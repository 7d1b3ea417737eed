import { readFile } from 'node:fs/promises';
import { V3Error, type Job, type JobOrder } from '@v3vee/contracts';
import { programPath } from '@v3vee/native';
import { HostKernel } from '../host-kernel';
import { JobTable } from './job-table';

const INCARNATION = '5f2c0f3e-8a0f-4f0e-9a54-0b1f5d9f2c11';
let stream: string;
beforeAll(async () => {
  stream = (await readFile(programPath('stream'))).toString('base64');
});
const tables: JobTable[] = [];
afterEach(() => Promise.all(tables.splice(0).map(table => table.stop())));

function host({ memoryMiB = 256, cores = 4, claimed = true, incarnation = INCARNATION } = {}) {
  const description = { name: 'alpha', incarnation, memoryMiB, cores, nics: [], radios: [] };
  const kernel = new HostKernel(description);
  if (claimed) kernel.claim([]);
  const table = new JobTable('alpha', incarnation, kernel);
  tables.push(table);
  return { kernel, table };
}
const order = (change: Partial<JobOrder> = {}): JobOrder => ({
  ...{ program: 'stream.wasm', binary: stream, ranks: 1, memoryMiB: 16 },
  ...{ args: ['1000', '2'], env: {}, timeoutSeconds: 60, share: false },
  ...change,
});
/** It would run for minutes. */
const long = (change: Partial<JobOrder> = {}) => order({ args: ['1000', '99999999'], ...change });
const refusal = async (action: () => unknown): Promise<string> => {
  try {
    await action();
  } catch (thrown) {
    return thrown instanceof V3Error ? `${thrown.code}: ${thrown.message}` : String(thrown);
  }
  return 'granted';
};
const all = { after: 0, waitSeconds: 20 };
async function ended(table: JobTable, id: string): Promise<Job> {
  for (let after = 0; ;) {
    const { next, ended: over } = await table.output(id, { ...all, after });
    if (over) return table.get(id);
    after = next;
  }
}
const text = async (table: JobTable, id: string) => {
  const { pieces } = await table.output(id, { after: 0, waitSeconds: 0 });
  return pieces.map(({ data }) => Buffer.from(data, 'base64').toString()).join('');
};

describe('the jobs of a host', () => {
  it('run in tasks of its kernel, with memory of the one map, and give all of it back', async () => {
    const { kernel, table } = host();
    const job = await table.create(long({ ranks: 2 }));
    expect(job).toMatchObject({ id: 'alpha-5f2c0f3e-1', state: 'RUNNING', cores: [1, 2], endedAt: null });
    const tasks = kernel.taskList().tasks.filter(({ kind }) => kind === 'native');
    expect(tasks.map(({ name, core, state }) => [name, core, state])).toEqual([
      ['job/alpha-5f2c0f3e-1/0', 1, 'RUNNING'],
      ['job/alpha-5f2c0f3e-1/1', 2, 'RUNNING'],
    ]);
    const spaces = kernel.memoryMap().aspaces.filter(({ name }) => name.startsWith('job/'));
    expect(spaces.map(({ smartmapped }) => smartmapped)).toEqual([
      [0, 1],
      [0, 1],
    ]);
    expect(kernel.inventory()).toMatchObject({ memoryFreeMiB: 256 - 16 - 32, coresFree: 2 });
    // A guest gets what they leave.
    expect(kernel.allocate('vm/a', 64)).toMatchObject({ core: 0 });

    expect(await table.kill(job.id)).toMatchObject({
      state: 'KILLED',
      reason: 'it was told to end',
      exitCode: null,
      cores: [],
      endedAt: expect.any(String),
    });
    expect(kernel.inventory()).toMatchObject({ memoryFreeMiB: 256 - 16 - 64, coresFree: 3 });
    expect(kernel.taskList().tasks.filter(({ kind }) => kind === 'native')).toEqual([]);
  });

  it('have an end, an exit code and their output', async () => {
    const { table } = host();
    const { id } = await table.create(order());
    expect(await ended(table, id)).toMatchObject({ state: 'COMPLETED', exitCode: 0, failedRank: null });
    expect(await text(table, id)).toMatch(/Triad .*\nSolution validates\n$/);
    const failed = await table.create(order({ args: ['x'], ranks: 2 }));
    expect(await ended(table, failed.id)).toMatchObject({
      state: 'FAILED',
      reason: expect.stringMatching(/^rank [01]: it ended with exit code 2$/),
      exitCode: 2,
    });
    const { pieces } = await table.output(failed.id, { after: 0, waitSeconds: 0, stream: 'stdout' });
    expect(pieces).toEqual([]);
    expect(table.list().map(job => job.id)).toEqual(['alpha-5f2c0f3e-1', 'alpha-5f2c0f3e-2']);
  });

  it('are refused with what there is, and then nothing is taken', async () => {
    const { kernel, table } = host({ memoryMiB: 64, cores: 2 });
    expect(await refusal(() => table.create(order({ ranks: 3 })))).toBe(
      'HOST_CORES_EXHAUSTED: the job asks for 3 cores of alpha, one for each rank; 2 of its 2 are free. ' +
        'Ask for fewer ranks, let them share cores, or stop a VM or a job there',
    );
    expect(await refusal(() => table.create(order({ ranks: 2, memoryMiB: 32 })))).toContain(
      'HOST_MEMORY_EXHAUSTED: job/alpha-5f2c0f3e-2/1 asks for 32 MiB in one piece on alpha',
    );
    expect(await refusal(() => table.create(order({ binary: 'AAAA' })))).toContain('JOB_BINARY_INVALID');
    expect(kernel.inventory()).toMatchObject({ memoryFreeMiB: 48, coresFree: 2 });
    const waiting = host({ claimed: false });
    expect(await refusal(() => waiting.table.create(order()))).toContain('HOST_NOT_CLAIMED');
  });

  it('are not deleted while they run, nor killed twice', async () => {
    const { table } = host();
    const { id } = await table.create(long());
    expect(await refusal(() => table.delete(id))).toBe(
      `JOB_WRONG_STATE: job ${id} runs; kill it before it is deleted`,
    );
    const killed = await table.kill(id);
    expect(await table.kill(id)).toEqual(killed);
    table.delete(id);
    expect(await refusal(() => table.get(id))).toBe(
      `JOB_NOT_FOUND: there is no job ${id}: it was deleted, or forgotten: a host knows its last 32 jobs`,
    );
  });

  it('end with their Kitten: the next one says so', async () => {
    const before = host();
    const { id } = await before.table.create(long());
    await before.table.stop();
    expect(before.table.get(id)).toMatchObject({ state: 'KILLED', reason: 'its Kitten was stopped' });
    const after = host({ incarnation: '00000001-8a0f-4f0e-9a54-0b1f5d9f2c11' });
    expect(await refusal(() => after.table.get(id))).toBe(
      `JOB_NOT_FOUND: there is no job ${id}: it was a job of an earlier Kitten of alpha; that was restarted, and its jobs ended with it`,
    );
    expect(after.table.list()).toEqual([]);
  });

  it('leave the oldest behind that have ended', async () => {
    const { table } = host({ memoryMiB: 1024 });
    const first = await table.create(long());
    for (let i = 0; i < 34; i++) await ended(table, (await table.create(order())).id);
    const kept = table.list().map(({ id }) => id);
    expect(kept).toHaveLength(32);
    expect(kept[0]).toBe(first.id);
    expect(kept.at(-1)).toBe('alpha-5f2c0f3e-35');
  });
});
