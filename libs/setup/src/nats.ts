import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { V3Error } from '@v3vee/contracts';
import { z } from 'zod';
import { spawnDaemon, type Daemon } from './daemon';
import { fetchPackages, unpackPackages, type PackageOptions } from './debian-packages';
import { replaceFolder } from './files';
import { withLock } from './lock';
import { findProgram } from './run';

const remedy = 'Install nats-server yourself so that it is on PATH, or name a running one with NATS_URL.';

/** The nats-server program: on PATH, in the cache, or fetched from Debian's package into the cache. */
export async function ensureNats(options: PackageOptions): Promise<string> {
  const installed = findProgram('nats-server', options.env?.PATH ?? process.env.PATH);
  if (installed) return installed;
  const folder = join(options.cache, 'nats-server');
  const program = join(folder, 'usr/sbin/nats-server');
  if (existsSync(program)) return program;
  if (process.platform !== 'linux') {
    throw new V3Error(
      'SETUP_FAILED',
      'nats-server is not installed; install it ("brew install nats-server") or set NATS_URL',
    );
  }
  options.progress?.step('Fetching the NATS server');
  await withLock(join(options.cache, 'nats-server.lock'), async () => {
    if (existsSync(program)) return;
    const packages = await fetchPackages([{ name: 'nats-server' }], { remedy, ...options });
    await replaceFolder(folder, async target => {
      await unpackPackages(packages, target, options.env);
      await chmod(join(target, 'usr/sbin/nats-server'), 0o755);
    });
  });
  return program;
}

export interface NatsOptions {
  program: string;
  /** A folder of its own: configuration and the file that tells its ports. */
  dir: string;
  host?: string;
  /** 0: a free one. */
  port?: number;
  /** A file with an `authorization` block (`natsAuthorization`), read again at SIGHUP; without one, everyone is let in. */
  authorization?: string;
  onLine?: (line: string) => void;
}

export interface NatsServer extends Daemon {
  port: number;
  /** Its monitoring endpoint (HTTP). */
  monitorUrl: string;
}

const portsFile = z.object({ nats: z.array(z.string()).min(1), monitoring: z.array(z.string()).min(1) });
const START_TIMEOUT_MS = 15_000;

/**
 * Starts core NATS; resolves when it listens.
 * @throws V3Error PORT_IN_USE, PROCESS_FAILED with what it printed
 */
export async function startNats(options: NatsOptions): Promise<NatsServer> {
  const { program, dir, host = '127.0.0.1', port = 0, authorization } = options;
  await mkdir(dir, { recursive: true });
  for (const stale of (await readdir(dir)).filter(name => name.endsWith('.ports')))
    await rm(join(dir, stale));
  const config = join(dir, 'nats.conf');
  // Frames are batched below 1 MiB; a console's scrollback or a guest's output may be larger.
  await writeFile(
    config,
    [
      `host: "${host}"`,
      `port: ${port || -1}`,
      `http: "${host}:-1"`,
      'max_payload: 8MB',
      `ports_file_dir: "${dir}"`,
      // The path of an include is taken from here.
      ...(authorization ? [`include "${relative(dir, authorization)}"`] : []),
      '',
    ].join('\n'),
  );
  const daemon = spawnDaemon(program, {
    args: ['-c', config],
    stopSignal: 'SIGTERM',
    onLine: options.onLine,
  });
  let ended: string | undefined;
  void daemon.exited.then(how => (ended = how));
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const ports = await readPorts(dir);
    const url = ports?.nats[0];
    if (ports && url && ended === undefined) {
      return {
        url,
        port: Number(new URL(url).port),
        monitorUrl: ports.monitoring[0] as string,
        pid: daemon.child.pid as number,
        exited: daemon.exited,
        stop: daemon.stop,
      };
    }
    if (ended !== undefined || Date.now() > deadline) {
      await daemon.stop();
      const output = daemon.lastLines();
      if (/address already in use/.test(output)) {
        throw new V3Error(
          'PORT_IN_USE',
          `NATS cannot listen on ${host}:${port}: another process has that port`,
        );
      }
      throw new V3Error(
        'PROCESS_FAILED',
        `nats-server did not start (${ended ?? 'no ports after 15 s'}): ${output}`,
      );
    }
    await new Promise(resolve => setTimeout(resolve, 5));
  }
}

async function readPorts(dir: string): Promise<z.infer<typeof portsFile> | undefined> {
  const name = (await readdir(dir)).find(entry => entry.endsWith('.ports'));
  if (!name) return undefined;
  try {
    return portsFile.parse(JSON.parse(await readFile(join(dir, name), 'utf8')));
  } catch {
    return undefined; // not written to its end yet
  }
}
