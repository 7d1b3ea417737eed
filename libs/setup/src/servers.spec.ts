import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { connect } from 'nats';
import { ensureNats, startNats } from './nats';
import { resolvePaths } from './paths';
import { freePort } from './ports';
import { ensurePostgres, startPostgres } from './postgres';

const { cache } = resolvePaths();
let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'v3-servers-'));
  chmodSync(dir, 0o711); // Postgres runs as nobody where we are root
});
afterEach(() => rm(dir, { recursive: true, force: true }));

describe('NATS', () => {
  it('starts on a free port, comes back on the same one after a kill, and stops', async () => {
    const program = await ensureNats({ cache });
    const first = await startNats({ program, dir });
    const connection = await connect({ servers: first.url });
    expect(connection.info?.max_payload).toBe(8 * 1024 * 1024);
    await connection.close();

    process.kill(first.pid, 'SIGKILL');
    expect(await first.exited).toBe('signal SIGKILL');
    const second = await startNats({ program, dir, port: first.port });
    expect(second.url).toBe(first.url);

    const taken = startNats({ program, dir: join(dir, 'other'), port: second.port });
    await expect(taken).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: expect.stringContaining(`:${second.port}`),
    });
    await second.stop();
    await expect(connect({ servers: second.url, timeout: 500 })).rejects.toThrow();
  });
});

describe('Postgres', () => {
  const query = async (url: string, text: string) => {
    const client = new Client({ connectionString: url });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query(text)).rows as Record<string, unknown>[];
    } finally {
      await client.end();
    }
  };

  it('keeps committed data over kill -9, asks for its password, and refuses a taken port', async () => {
    const binaries = await ensurePostgres({ cache });
    const options = { binaries, dir, port: await freePort() };
    const first = await startPostgres(options);
    await query(first.url, 'CREATE TABLE kept (n int)');
    await query(first.url, 'INSERT INTO kept VALUES (42)');
    expect((await stat(join(dir, 'password'))).mode & 0o077).toBe(0);
    const password = await readFile(join(dir, 'password'), 'utf8');
    await expect(query(first.url.replace(password, 'wrong'), 'SELECT 1')).rejects.toThrow(
      /password authentication failed/,
    );

    process.kill(first.pid, 'SIGKILL');
    await first.exited;
    const second = await startPostgres(options);
    expect(await query(second.url, 'SELECT n FROM kept')).toEqual([{ n: 42 }]);
    expect(await query(second.url, 'SHOW fsync')).toEqual([{ fsync: 'on' }]);

    const taken = startPostgres({ ...options, dir: join(dir, 'other') });
    await expect(taken).rejects.toMatchObject({ code: 'PORT_IN_USE' });
    await second.stop();
  }, 60_000);

  it('takes over the data of a server whose supervisor was killed', async () => {
    const binaries = await ensurePostgres({ cache });
    const options = { binaries, dir, port: await freePort() };
    const first = await startPostgres(options);
    await query(first.url, 'CREATE TABLE kept (n int)');
    // As if nobody had stopped it: it still runs and holds its data and its port.
    const second = await startPostgres(options);
    expect(await first.exited).toBe('code 0');
    expect(await query(second.url, 'SELECT n FROM kept')).toEqual([]);
    await second.stop();
  }, 60_000);
});
