import { spawn } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectLocal, ControlClient, stateFiles, type Client, type ClusterStatus } from '@v3vee/client';
import { checkoutRoot } from '@v3vee/setup';

const LAUNCHER = join(checkoutRoot, 'v3');

export interface CommandResult {
  code: number;
  stdout: string;
  stderr: string;
}

export interface V3Options {
  stateDir: string;
  env?: NodeJS.ProcessEnv;
  input?: string;
  timeoutMs?: number;
  /** Aborted: it is told to end, as by Ctrl-C. */
  signal?: AbortSignal;
}

/**
 * Runs `./v3 …` as a user would, against the cluster whose state is in `stateDir`. Only `up` goes by the launcher, which
 * looks whether something must be built first.
 */
export function v3(args: string[], options: V3Options): Promise<CommandResult> {
  const [program, ...first] =
    args[0] === 'up' ? [LAUNCHER] : [process.execPath, join(checkoutRoot, 'apps/cli/dist/main.js')];
  return new Promise((resolve, reject) => {
    const child = spawn(program as string, [...first, ...args], {
      env: { ...process.env, V3_STATE_DIR: options.stateDir, NO_COLOR: '1', ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: options.timeoutMs ?? 180_000,
      killSignal: 'SIGKILL',
    });
    const interrupt = () => void child.kill('SIGINT');
    options.signal?.addEventListener('abort', interrupt, { once: true });
    const output = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
    child.on('error', reject);
    child.stdin.on('error', () => undefined); // it may end without reading
    child.stdin.end(options.input ?? '');
    child.on('close', (code, signal) => {
      options.signal?.removeEventListener('abort', interrupt);
      resolve({ code: code ?? (signal ? 137 : 1), ...output });
    });
  });
}

/** A cluster of its own, in a state folder of its own, for tests and labs. */
export class TestCluster {
  private constructor(readonly stateDir: string) {}

  /** `./v3 up --detach`; everything answers when this resolves. Postgres must be able to enter the folder. */
  static async up(
    options: { topologyFile?: string; env?: NodeJS.ProcessEnv; signal?: AbortSignal } = {},
  ): Promise<TestCluster> {
    options.signal?.throwIfAborted();
    const cluster = new TestCluster(await stateFolder());
    const file = options.topologyFile ? ['-f', options.topologyFile] : [];
    const result = await v3(['up', '--detach', ...file], {
      stateDir: cluster.stateDir,
      env: options.env,
      timeoutMs: 600_000,
      signal: options.signal,
    });
    if (result.code !== 0) {
      await cluster.down();
      throw new Error(`./v3 up failed (${result.code}):\n${result.stdout}${result.stderr}`);
    }
    return cluster;
  }

  v3(args: string[], options: Omit<V3Options, 'stateDir'> = {}): Promise<CommandResult> {
    return v3(args, { ...options, stateDir: this.stateDir });
  }

  /** As `v3`, but fails unless the exit code is 0; answers standard output. */
  async ok(args: string[], options: Omit<V3Options, 'stateDir'> = {}): Promise<string> {
    const { code, stdout, stderr } = await this.v3(args, options);
    if (code !== 0) throw new Error(`v3 ${args.join(' ')} → ${code}\n${stdout}${stderr}`);
    return stdout;
  }

  async json<T = unknown>(args: string[]): Promise<T> {
    return JSON.parse(await this.ok([...args, '-o', 'json'])) as T;
  }

  /** What speaks to its gateway as the administrator, without a process for each question: for waiting. */
  client(): Promise<Client> {
    return connectLocal(this.stateDir, {});
  }

  /** As `v3 status`, without a process of its own: for waiting. @throws Error where no cluster runs */
  async status(): Promise<ClusterStatus> {
    const status = await new ControlClient(stateFiles(this.stateDir).socket).status();
    if (!status) throw new Error('the cluster does not run');
    return status;
  }

  /** Address of its NATS server, for who may say and hear everything. */
  async natsUrl(): Promise<string> {
    return (await readFile(stateFiles(this.stateDir).natsUrl, 'utf8')).trim();
  }

  /** Its services that NATS has refused anything since they started: none, if each may say and hear what it needs. */
  async refusedByNats(): Promise<string[]> {
    const { services } = await this.status();
    const counted = services.filter(({ url }) => url?.startsWith('http'));
    const lines = await Promise.all(
      counted.map(async ({ name, url }) => {
        const text = await (await fetch(`${url}/metrics`)).text();
        return `${name}: ${/^v3_bus_refused_total\S* (\d+)$/m.exec(text)?.[1] ?? 'not counted'}`;
      }),
    );
    return lines.filter(line => !line.endsWith(': 0'));
  }

  /** Stops the cluster and removes its folder. */
  async down(): Promise<void> {
    await this.v3(['down']);
    await rm(this.stateDir, { recursive: true, force: true });
  }
}

/** A folder for a cluster's state. Traversable, because an embedded Postgres started by root runs as nobody. */
export async function stateFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'v3-'));
  await chmod(folder, 0o711);
  return folder;
}
