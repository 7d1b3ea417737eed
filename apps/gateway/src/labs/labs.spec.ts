import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive } from '@v3vee/client';
import type { LabInfo, LabRun, LabRunDetail, List, Overview, Problem } from '@v3vee/contracts';
import { scriptedLabs, scriptLabs } from '../testing/scripted-labs.fixture';
import { TestGateway } from '../testing/test-gateway.fixture';
import { labFolder, makeLabFolder } from './lab-folder';

describe('labs', () => {
  let gateway: TestGateway;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'v3-labs-'));
    gateway = await TestGateway.start({
      ...(await scriptLabs(join(folder, 'labs.js'))),
      V3_LAB_STOP_MS: '500',
    });
  });
  afterAll(async () => {
    await gateway?.stop();
    await rm(folder, { recursive: true });
  });

  const begin = (lab: string, body: object = {}) => gateway.ok<LabRun>('post', `/v1/labs/${lab}:run`, body);
  const get = (id: string) => gateway.ok<LabRunDetail>('get', `/v1/labruns/${id}`);
  const refused = async (method: 'get' | 'post' | 'delete', path: string, body?: object) =>
    (await gateway.call(method, path, body)).body as Problem;
  const ended = async (id: string): Promise<LabRunDetail> => {
    await gateway.until(async () => (await get(id)).endedAt !== null);
    return get(id);
  };
  /** Its child's process, once it has told of it. */
  const childOf = async (id: string): Promise<number> => {
    await gateway.until(async () => (await get(id)).progress?.number === 2);
    return Number(/^child (\d+)$/.exec((await get(id)).progress!.detail)![1]);
  };
  const plots = () => readdir(join(gateway.folder, 'state', 'labruns'));
  const leftOf = (id: string, child: number) => [existsSync(labFolder(id)), isAlive(child)];

  it('are those that the command line has', async () => {
    expect((await gateway.ok<List<LabInfo>>('get', '/v1/labs')).items).toEqual(scriptedLabs);
    expect(await refused('post', '/v1/labs/list:run', {})).toMatchObject({
      code: 'LAB_NOT_FOUND',
      detail: expect.stringContaining('there are: good, bad'),
    });
    expect(await refused('post', '/v1/labs/good:run', { runs: 0 })).toMatchObject({
      code: 'INVALID_REQUEST',
    });
  });

  it('run with what was asked for; rows, drawing and record stay over a restart', async () => {
    const begun = await begin('good', { runs: 7 });
    expect(begun).toMatchObject({ lab: 'good', runs: 7, state: 'RUNNING', endedAt: null });
    const run = await ended(begun.id);
    expect(run).toMatchObject({
      ...{ state: 'COMPLETED', holds: 1, missed: 1 },
      progress: { step: 'step 2', number: 2, of: 2, detail: 'runs: 7' },
      rows: [{ name: 'speed', holds: true, claim: 'twice as fast (a paper)' }, { holds: false }],
    });
    expect(existsSync(labFolder(run.id))).toBe(false);
    await gateway.restart();
    expect(await get(run.id)).toEqual(run);
    const { rows: _, ...listed } = run;
    expect((await gateway.ok<List<LabRun>>('get', '/v1/labruns?lab=good')).items).toEqual([listed]);
    expect((await gateway.ok<Overview>('get', '/v1/overview?parts=labRuns')).labRuns).toEqual([listed]);
    expect(await gateway.ok('get', `/v1/labruns/${run.id}/plot`)).toEqual({
      svg: '<svg xmlns="http://www.w3.org/2000/svg"/>',
    });
    expect(await refused('post', `/v1/labruns/${run.id}:cancel`, {})).toMatchObject({
      code: 'LABRUN_WRONG_STATE',
    });
    await gateway.ok('delete', `/v1/labruns/${run.id}`);
    expect(await plots()).toEqual([]);
    for (const path of ['', '/plot'])
      expect(await refused('get', `/v1/labruns/${run.id}${path}`)).toMatchObject({
        code: 'LABRUN_NOT_FOUND',
      });
    expect(await refused('get', '/v1/labruns/..%2F..%2Ftoken/plot')).toMatchObject({
      code: 'LABRUN_NOT_FOUND',
    });
  });

  it.each([
    ['bad', 'exit code 1\nv3: Something went wrong: nothing was measured'],
    ['odd', 'what it printed is no result'],
  ])('that fail say why: %s', async (lab, reason) => {
    const { id } = await begin(lab);
    expect(await ended(id)).toMatchObject({ state: 'FAILED', reason, rows: [] });
    expect(await refused('get', `/v1/labruns/${id}/plot`)).toMatchObject({ code: 'LABRUN_WRONG_STATE' });
  });

  it.each(['long', 'deaf'])('run one at a time, and leave nothing when they are cancelled: %s', async lab => {
    const { id } = await begin(lab);
    const child = await childOf(id);
    expect(await refused('post', '/v1/labs/good:run', { runs: 1 })).toMatchObject({ code: 'LAB_BUSY' });
    expect(await refused('delete', `/v1/labruns/${id}`)).toMatchObject({ code: 'LABRUN_WRONG_STATE' });
    expect((await gateway.ok<LabRun>('post', `/v1/labruns/${id}:cancel`, {})).reason).toContain('cancelled');
    expect(await ended(id)).toMatchObject({ state: 'CANCELLED', reason: 'cancelled by admin' });
    expect(leftOf(id, child)).toEqual([false, false]);
    expect((await ended((await begin('good', { runs: 1 })).id)).state).toBe('COMPLETED');
  });

  it('end with the gateway', async () => {
    const { id } = await begin('long');
    const child = await childOf(id);
    await gateway.restart();
    expect(await get(id)).toMatchObject({ state: 'FAILED', reason: 'the gateway stopped meanwhile' });
    expect(leftOf(id, child)).toEqual([false, false]);
  });

  it('of a gateway that was killed have failed, when what they left has been ended', async () => {
    const { id } = await ended((await begin('good', { runs: 1 })).id);
    await makeLabFolder(id);
    const script = "process.on('SIGTERM', () => {}); console.log('here'); setInterval(() => {}, 1e6)";
    const left = spawn(process.execPath, ['-e', script], {
      env: { ...process.env, TMPDIR: labFolder(id) },
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    });
    await once(left.stdout, 'data');
    await gateway.restart(async () => {
      await gateway.dataSource.query(
        `UPDATE lab_run SET state = 'RUNNING', rows = '[]', ended_at = NULL WHERE id = $1`,
        [id],
      );
    });
    // It holds its place meanwhile.
    expect(await refused('post', '/v1/labs/good:run', { runs: 1 })).toMatchObject({ code: 'LAB_BUSY' });
    expect(await ended(id)).toMatchObject({ state: 'FAILED', reason: 'the gateway was restarted during it' });
    expect(leftOf(id, left.pid!)).toEqual([false, false]);
  });
});
