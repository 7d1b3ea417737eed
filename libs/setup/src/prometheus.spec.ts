import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { checkoutRoot, resolvePaths } from './paths';
import { freePort } from './ports';
import { ensurePrometheus, startPrometheus, type Prometheus } from './prometheus';

const run = promisify(execFile);
const infra = join(checkoutRoot, 'infra/prometheus');

describe('Prometheus', () => {
  let programs: Prometheus;
  let dir: string;
  beforeAll(async () => {
    programs = await ensurePrometheus({ cache: resolvePaths().cache });
    dir = await mkdtemp(join(tmpdir(), 'v3-prometheus-'));
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  it('says when it answers, and ends when it is told to; a port that is taken is told', async () => {
    const config = join(dir, 'prometheus.yml');
    await writeFile(config, 'global: {}\n');
    const port = await freePort();
    const options = { program: programs.prometheus, config, port };
    const first = await startPrometheus({ ...options, data: join(dir, 'first') });
    const answer = await fetch(`${first.url}/api/v1/query?query=vector(1)`);
    expect(await answer.json()).toMatchObject({ status: 'success' });
    await expect(startPrometheus({ ...options, data: join(dir, 'second') })).rejects.toMatchObject({
      code: 'PORT_IN_USE',
    });
    await first.stop();
    await expect(fetch(first.url)).rejects.toThrow();
  });

  it('that cannot read its configuration is quoted', async () => {
    const config = join(dir, 'bad.yml');
    await writeFile(config, 'scrape_configs: 7\n');
    const options = { program: programs.prometheus, config, port: await freePort(), data: join(dir, 'bad') };
    await expect(startPrometheus(options)).rejects.toMatchObject({
      code: 'PROCESS_FAILED',
      message: expect.stringContaining('bad.yml'),
    });
  });

  it('takes our rules, which do what their tests say', async () => {
    await run(programs.promtool, ['check', 'rules', join(infra, 'rules/v3vee.yml')]);
    await run(programs.promtool, ['test', 'rules', join(infra, 'tests/v3vee.test.yml')]);
  });

  it('takes the configuration of docker compose', async () => {
    await run(programs.promtool, ['check', 'config', join(infra, 'prometheus.yml')]);
  });
});
