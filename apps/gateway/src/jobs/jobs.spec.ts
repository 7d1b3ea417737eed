import { createHash } from 'node:crypto';
import { Client, readJobOutput } from '@v3vee/client';
import { jobCalls, V3Error, type Job, type List, type Problem } from '@v3vee/contracts';
import type { Stoppable } from '@v3vee/bus';
import { TestGateway } from '../testing/test-gateway.fixture';

const BINARY = Buffer.from('\0asm and so on');
const DIGEST = createHash('sha256').update(BINARY).digest('hex');
const INCARNATION = '1f2e3d4c';

/** Jobs of a Kitten at the protocol's boundary: it has those that it is given, and tells what it was asked. */
class ScriptedKitten {
  jobs: Job[] = [];
  orders: { binary: string; args: string[] }[] = [];
  refuse: V3Error | undefined;
  private readonly subscriptions: Stoppable[];

  constructor(gateway: TestGateway, host: string) {
    const find = (id: string) => {
      const job = this.jobs.find(known => known.id === id);
      if (!job)
        throw new V3Error('JOB_NOT_FOUND', `there is no job ${id}: it was a job of an earlier Kitten`);
      return job;
    };
    const { bus } = gateway;
    this.subscriptions = [
      bus.serve(jobCalls.create, host, ({ binary, program, args, ranks, memoryMiB, timeoutSeconds }) => {
        if (this.refuse) throw this.refuse;
        this.orders.push({ binary, args });
        const job: Job = {
          ...{
            id: `${host}-${INCARNATION}-${this.jobs.length + 1}`,
            host,
            program,
            sha256: DIGEST,
            args,
            ranks,
          },
          ...{ memoryMiB, timeoutSeconds, state: 'RUNNING', reason: 'its ranks run', failedRank: null },
          ...{ exitCode: null, cores: [1], outputBytes: 0, endedAt: null },
          createdAt: new Date().toISOString(),
        };
        this.jobs.push(job);
        return job;
      }),
      bus.serve(jobCalls.list, host, () => ({ jobs: this.jobs })),
      bus.serve(jobCalls.get, host, ({ job }) => find(job)),
      bus.serve(jobCalls.kill, host, ({ job }) => Object.assign(find(job), { state: 'KILLED' })),
      bus.serve(jobCalls.delete, host, ({ job }) => {
        this.jobs.splice(this.jobs.indexOf(find(job)), 1);
        return {};
      }),
      bus.serve(jobCalls.output, host, ({ job, after }) => {
        find(job);
        const data = Buffer.from(`piece ${after}\n`).toString('base64');
        return {
          pieces: [{ rank: 0, stream: 'stdout' as const, data }],
          next: after + 1,
          ended: after === 2,
        };
      }),
    ];
  }

  stop(): void {
    for (const subscription of this.subscriptions) subscription.stop();
  }
}

describe('native jobs', () => {
  let gateway: TestGateway;
  let kitten: ScriptedKitten;
  let client: Client;
  beforeAll(async () => {
    gateway = await TestGateway.start();
    await gateway.withHosts('alpha', 'beta');
    client = new Client({ url: `http://127.0.0.1:${gateway.port}`, token: gateway.token });
  });
  afterAll(async () => {
    client?.close();
    await gateway?.stop();
  });
  beforeEach(async () => {
    kitten = new ScriptedKitten(gateway, 'alpha');
    await gateway.bus.flush();
  });
  afterEach(() => kitten.stop());

  const upload = () =>
    gateway
      .call('put', `/v1/blobs/${DIGEST}`)
      .set('content-type', 'application/octet-stream')
      .send(BINARY)
      .expect(201);
  const spec = { host: 'alpha', program: 'mine.wasm', binary: DIGEST };
  const refused = async (body: object) => (await gateway.call('post', '/v1/jobs', body)).body as Problem;

  it('are created of an uploaded binary, listed, shown, killed and deleted', async () => {
    await upload();
    const job = await gateway.ok<Job>('post', '/v1/jobs', {
      ...spec,
      args: ['1', '--x'],
      ranks: 2,
      memoryMiB: '32MiB',
    });
    expect(job).toMatchObject({ id: `alpha-${INCARNATION}-1`, ranks: 2, memoryMiB: 32, timeoutSeconds: 600 });
    expect(kitten.orders).toEqual([{ binary: BINARY.toString('base64'), args: ['1', '--x'] }]);
    expect(await gateway.ok<Job>('get', `/v1/jobs/${job.id}`)).toEqual(job);
    expect((await gateway.ok<List<Job>>('get', '/v1/jobs?host=alpha')).items).toEqual([job]);
    expect(await gateway.ok<Job>('post', `/v1/jobs/${job.id}:kill`, {})).toMatchObject({ state: 'KILLED' });
    await gateway.ok('delete', `/v1/jobs/${job.id}`);
    expect(kitten.jobs).toEqual([]);
    // Its blob has become what it was for.
    expect(await refused(spec)).toMatchObject({ code: 'BLOB_NOT_FOUND' });
  });

  it('print what is followed to their end', async () => {
    await upload();
    const { id } = await gateway.ok<Job>('post', '/v1/jobs', spec);
    const texts: string[] = [];
    for await (const { data } of readJobOutput(client, id, { follow: true })) texts.push(data.toString());
    expect(texts).toEqual(['piece 0\n', 'piece 1\n', 'piece 2\n']);
  });

  it('are refused as their Kitten refuses them; what was uploaded is kept for another try', async () => {
    await upload();
    kitten.refuse = new V3Error('HOST_CORES_EXHAUSTED', 'the job asks for 3 cores of alpha; 2 are free');
    expect(await refused({ ...spec, ranks: 3 })).toMatchObject({ status: 409, code: 'HOST_CORES_EXHAUSTED' });
    kitten.refuse = undefined;
    expect(await gateway.ok<Job>('post', '/v1/jobs', spec)).toMatchObject({ state: 'RUNNING' });
  });

  it.each([
    [{ ranks: 0 }, 'ranks'],
    [{ ranks: 65 }, 'a job has at most 64 ranks'],
    [{ memoryMiB: '2GiB' }, 'a rank has from 1MiB to 1GiB'],
    [{ program: 'two words' }, 'a program has a name'],
    [{ args: ['\0'] }, 'no NUL'],
    [{ args: new Array(5).fill('x'.repeat(4000)) }, 'at most 16384 bytes together'],
    [{ env: { '1=': '' } }, 'a variable is named by'],
    [{ timeoutSeconds: 0 }, 'timeoutSeconds'],
    [{ binary: 'abc' }, '64 lower-case hexadecimal digits'],
    [{ cpu: 1 }, 'unknown key "cpu"'],
  ])('with %j are refused, saying what would be right', async (wrong, message) => {
    const problem = await refused({ ...spec, ...wrong });
    expect(problem).toMatchObject({ status: 400, code: 'INVALID_REQUEST' });
    expect(JSON.stringify(problem)).toContain(JSON.stringify(message).slice(1, -1));
  });

  it.each([
    [{ host: 'gamma' }, 404, 'HOST_NOT_FOUND'],
    [{ host: 'beta' }, 503, 'HOST_NOT_READY'],
    [{ binary: 'f'.repeat(64) }, 404, 'BLOB_NOT_FOUND'],
  ])('with %j are refused: %i %s', async (wrong, status, code) => {
    await upload();
    expect(await refused({ ...spec, ...wrong })).toMatchObject({ status, code });
  });

  it('go to no cordoned host', async () => {
    await gateway.ok('post', '/v1/hosts/alpha:cordon', {});
    expect(await refused(spec)).toMatchObject({ code: 'HOST_CORDONED' });
    await gateway.ok('post', '/v1/hosts/alpha:uncordon', {});
  });

  it.each(['nonsense', 'gamma-1f2e3d4c-1', 'alpha-1f2e3d4c-99', 'alpha-00000000-1'])(
    'there is none called %s',
    async id => {
      const { body } = await gateway.call('get', `/v1/jobs/${id}`);
      expect(body).toMatchObject({ status: 404, code: 'JOB_NOT_FOUND', detail: expect.stringContaining(id) });
    },
  );
});
