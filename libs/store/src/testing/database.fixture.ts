import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensurePostgres, freePort, resolvePaths, startPostgres } from '@v3vee/setup';

// A server is started and waited for; how fast that goes is not what is tested.
jest.setTimeout(60_000);

export interface TestPostgres {
  url: string;
  stop(): Promise<void>;
  /** Again, on the same port and data. */
  start(): Promise<void>;
  remove(): Promise<void>;
}

/** A Postgres of its own, empty. (The test kit has one too, but is above this library.) */
export async function testPostgres(): Promise<TestPostgres> {
  const dir = await mkdtemp(join(tmpdir(), 'v3-store-'));
  // Under root Postgres runs as another user, who must be able to pass.
  await chmod(dir, 0o711);
  const binaries = await ensurePostgres({ cache: resolvePaths().cache });
  const port = await freePort();
  let server = await startPostgres({ binaries, dir, port });
  const stop = () => server.stop();
  return {
    url: server.url,
    stop,
    start: async () => {
      server = await startPostgres({ binaries, dir, port });
    },
    remove: async () => {
      await stop();
      await rm(dir, { recursive: true });
    },
  };
}
