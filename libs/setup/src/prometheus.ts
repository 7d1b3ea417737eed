import { chmod } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { V3Error } from '@v3vee/contracts';
import { spawnDaemon, type Daemon } from './daemon';
import { fetchPackages, unpackPackages, type PackageOptions } from './debian-packages';
import { replaceFolder } from './files';
import { withLock } from './lock';
import { findProgram } from './run';

/** Programs of Debian's package. */
export interface Prometheus {
  prometheus: string;
  /** Checks rules and configurations, and runs their tests. */
  promtool: string;
}

const remedy = 'Install Prometheus yourself so that prometheus and promtool are on PATH.';

/**
 * Prometheus: on PATH, in the cache, or fetched from Debian's package into the cache, without what only its own web
 * pages need.
 * @throws V3Error SETUP_FAILED
 */
export async function ensurePrometheus(options: PackageOptions): Promise<Prometheus> {
  const path = options.env?.PATH ?? process.env.PATH;
  const [prometheus, promtool] = [findProgram('prometheus', path), findProgram('promtool', path)];
  if (prometheus && promtool) return { prometheus, promtool };
  const folder = join(options.cache, 'prometheus');
  const program = (name: string) => join(folder, 'usr/bin', name);
  const fetched = { prometheus: program('prometheus'), promtool: program('promtool') };
  if (existsSync(fetched.prometheus)) return fetched;
  if (process.platform !== 'linux') {
    throw new V3Error('SETUP_FAILED', 'Prometheus is not installed; install it ("brew install prometheus")');
  }
  options.progress?.step('Fetching Prometheus');
  await withLock(join(options.cache, 'prometheus.lock'), async () => {
    if (existsSync(fetched.prometheus)) return;
    const packages = await fetchPackages([{ name: 'prometheus' }], { remedy, ...options });
    await replaceFolder(folder, async target => {
      await unpackPackages(packages, target, options.env);
      for (const name of ['prometheus', 'promtool']) await chmod(join(target, 'usr/bin', name), 0o755);
    });
  });
  return fetched;
}

export interface PrometheusOptions {
  program: string;
  /** Its configuration. */
  config: string;
  /** Where it keeps its data. */
  data: string;
  host?: string;
  port: number;
  /** For example `2h`. */
  retention?: string;
  onLine?: (line: string) => void;
}

const START_TIMEOUT_MS = 30_000;

/**
 * Starts Prometheus; resolves when it answers queries.
 * @throws V3Error PORT_IN_USE, PROCESS_FAILED with what it printed
 */
export async function startPrometheus(options: PrometheusOptions): Promise<Daemon> {
  const { program, config, data, host = '127.0.0.1', port, retention = '15d' } = options;
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const daemon = spawnDaemon(program, {
    args: [
      `--config.file=${config}`,
      `--storage.tsdb.path=${data}`,
      `--storage.tsdb.retention.time=${retention}`,
      `--web.listen-address=${url.slice('http://'.length)}`,
    ],
    stopSignal: 'SIGTERM',
    onLine: options.onLine,
  });
  let ended: string | undefined;
  void daemon.exited.then(how => (ended = how));
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (ended === undefined && Date.now() < deadline) {
    const isReady = await fetch(`${url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
    // Another server may answer at that port, while ours is about to end because of it.
    if (isReady && ended === undefined && /Server is ready/.test(daemon.lastLines())) {
      return { url, pid: daemon.child.pid as number, exited: daemon.exited, stop: daemon.stop };
    }
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  await daemon.stop();
  const output = daemon.lastLines();
  if (/address already in use/.test(output)) {
    throw new V3Error(
      'PORT_IN_USE',
      `Prometheus cannot listen on ${host}:${port}: another process has that port`,
    );
  }
  throw new V3Error(
    'PROCESS_FAILED',
    `Prometheus did not start (${ended ?? 'not ready after 30 s'}): ${output}`,
  );
}
