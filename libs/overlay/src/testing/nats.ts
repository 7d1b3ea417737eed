import { ensureNats, resolvePaths, startNats, type NatsServer } from '@v3vee/setup';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A real NATS server that can be killed and started again at the same address. */
export class RestartableNats {
  private constructor(
    private readonly dir: string,
    private server: NatsServer,
  ) {}

  static async start(): Promise<RestartableNats> {
    const dir = await mkdtemp(join(tmpdir(), 'v3-overlay-'));
    return new RestartableNats(dir, await startNats({ program: await program(), dir }));
  }

  get url(): string {
    return this.server.url;
  }

  async kill(): Promise<void> {
    process.kill(this.server.pid, 'SIGKILL');
    await this.server.exited;
  }

  async startAgain(): Promise<void> {
    this.server = await startNats({ program: await program(), dir: this.dir, port: this.server.port });
  }

  async stop(): Promise<void> {
    await this.server.stop();
    await rm(this.dir, { recursive: true, force: true });
  }
}

const program = () => ensureNats({ cache: resolvePaths().cache });

/** Waits for a condition, and fails with it when it does not come true on the slowest machine either. */
export async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`never came true: ${condition.toString()}`);
    await new Promise(resolve => setTimeout(resolve, 5));
  }
}
