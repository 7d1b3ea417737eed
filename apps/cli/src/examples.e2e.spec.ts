import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { stateFiles } from '@v3vee/client';
import { checkoutRoot } from '@v3vee/setup';
import { TestCluster } from '@v3vee/testkit';

const TOPOLOGY = 'hosts: { alpha: {}, beta: {} }\nnetworks: { lan: { subnet: 10.10.0.0/24 } }\n';
const examples = join(checkoutRoot, 'docs/examples');
const protos = join(checkoutRoot, 'libs/contracts/proto');
const has = (program: string, ...args: string[]) =>
  spawnSync(program, args, { stdio: 'ignore' }).status === 0;
const withCurl = has('curl', '--version') ? it : it.skip;
const withPython = has('python3', '--version') ? it : it.skip;
const withGrpcio = has('python3', '-c', 'import grpc, grpc_tools') ? it : it.skip;

describe('docs/examples', () => {
  let folder: string;
  let cluster: TestCluster;
  let env: NodeJS.ProcessEnv;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'v3-examples-'));
    const topologyFile = join(folder, 'cluster.yaml');
    writeFileSync(topologyFile, TOPOLOGY);
    cluster = await TestCluster.up({ topologyFile });
    const { url, grpc } = await cluster.status();
    env = {
      ...process.env,
      V3_URL: url ?? '',
      V3_GRPC: grpc,
      V3_TOKEN: readFileSync(stateFiles(cluster.stateDir).token, 'utf8').trim(),
      NODE_PATH: join(checkoutRoot, 'node_modules'),
      PYTHONPATH: folder,
    };
  });
  afterAll(async () => {
    await cluster?.down();
    rmSync(folder, { recursive: true, force: true });
  });

  /** @returns what it wrote; its errors are the test's. */
  const run = (program: string, ...args: string[]) =>
    new Promise<string>((resolve, reject) => {
      const child = spawn(program, args, { env, timeout: 200_000 });
      let out = '';
      let errors = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
      child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
      child.on('error', reject);
      child.on('close', code =>
        code === 0 ? resolve(out) : reject(new Error(`${basename(args[0] ?? '')}: ${code}\n${out}${errors}`)),
      );
    });
  const typescript = (name: string) => {
    const swc = join(checkoutRoot, 'node_modules/.bin/swc');
    const config = join(checkoutRoot, '.swcrc');
    const made = join(folder, `${name}.js`);
    execFileSync(swc, [join(examples, `${name}.ts`), '-o', made, '--config-file', config], {
      cwd: checkoutRoot,
      stdio: 'pipe',
    });
    return run(process.execPath, made);
  };
  const command = 'exit code 0: Linux\n';

  it('are all run here', () => {
    const files = readdirSync(examples, { withFileTypes: true }).filter(entry => entry.isFile());
    expect(files.map(({ name }) => name).sort()).toEqual([
      ...['README.md', 'grpc.ts', 'grpc_client.py', 'rest.py', 'rest.sh', 'rest.ts'],
    ]);
  });

  it('rest.ts', async () => {
    expect(await typescript('rest')).toBe(`${command}the console answers\nnow on beta\n`);
  });

  it('grpc.ts', async () => {
    expect(await typescript('grpc')).toBe(`${command}now on beta\n`);
  });

  withCurl('rest.sh (skipped where there is no curl)', async () => {
    const out = await run('sh', join(examples, 'rest.sh'));
    const [result, ...rest] = out.split('\n');
    expect(JSON.parse(result ?? '')).toMatchObject({ exitCode: 0, stdout: 'Linux\n' });
    expect(rest).toEqual(['now on beta', '']);
  });

  withPython('rest.py (skipped where there is no python3)', async () => {
    expect(await run('python3', join(examples, 'rest.py'))).toBe(`${command}now on beta\n`);
  });

  withGrpcio('grpc_client.py (skipped where Python has no grpcio and grpcio-tools)', async () => {
    const files = readdirSync(join(protos, 'v3vee/v1')).map(name => join(protos, 'v3vee/v1', name));
    const into = ['--python_out', folder, '--grpc_python_out', folder];
    await run('python3', '-m', 'grpc_tools.protoc', '-I', protos, ...into, ...files);
    expect(await run('python3', join(examples, 'grpc_client.py'))).toBe(`${command}now on beta\n`);
  });

  it('leave nothing behind', async () => {
    expect((await cluster.json<{ items: object[] }>(['vm', 'list'])).items).toEqual([]);
  });
});
