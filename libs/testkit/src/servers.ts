import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  ensureNats,
  ensurePostgres,
  freePort,
  resolvePaths,
  startNats,
  startPostgres,
  type Daemon,
  type NatsServer,
} from '@v3vee/setup';
import { stateFolder } from './v3';

const { cache } = resolvePaths();

/**
 * A NATS server of its own for a test; `stop()` also removes what it left.
 * @param authorization its `authorization` block; without one it lets everyone in
 */
export async function testNats(authorization?: string): Promise<NatsServer> {
  const dir = await stateFolder();
  const file = authorization === undefined ? undefined : join(dir, 'authorization.conf');
  if (file) await writeFile(file, authorization as string);
  return ownedBy(dir, await startNats({ program: await ensureNats({ cache }), dir, authorization: file }));
}

/** A Postgres of its own for a test, empty. */
export async function testPostgres(): Promise<Daemon> {
  const dir = await stateFolder();
  const binaries = await ensurePostgres({ cache });
  return ownedBy(dir, await startPostgres({ binaries, dir, port: await freePort() }));
}

function ownedBy<T extends Daemon>(dir: string, daemon: T): T {
  const stop = async () => {
    await daemon.stop();
    await rm(dir, { recursive: true, force: true });
  };
  return { ...daemon, stop };
}
