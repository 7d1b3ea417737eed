import { join } from 'node:path';
import type { HostSpec, Topology } from '@v3vee/contracts';
import type { Member } from './cluster';
import { LogFile } from './log-file';
import { NodeService } from './node-service';

export type Hosts = Topology['hosts'];

export interface ServiceSettings {
  checkout: string;
  state: string;
  cache: string;
  tokenFile: string;
  logs: Map<string, LogFile>;
  logFolder: string;
  /** The gateway's address; all others listen on the loopback only. */
  listen: string;
  /** The gateway's port; undefined: a free one. */
  port: number | undefined;
  /** For the process of that name. */
  natsUrl: (name: string) => string;
  databaseUrl: () => string;
  /** Names of the units that NATS and Postgres run as; none where the environment names a running one. */
  infrastructure: string[];
}

/** Guests are saved to disk when Palacios stops: 64 MiB each takes well below a second, but disks can be slow. */
const SAVE_GUESTS_MS = 60_000;

/** A lab that runs ends with the gateway, and first stops the clusters that it started. */
const END_LAB_MS = 90_000;

/** The services that a cluster has once. */
export function commonMembers(settings: ServiceSettings): Member[] {
  return [
    {
      unit: service(settings, 'gateway', {
        port: settings.port,
        stopMs: END_LAB_MS,
        env: { V3_HTTP_HOST: settings.listen, V3_ADMIN_TOKEN_FILE: settings.tokenFile },
      }),
      after: settings.infrastructure,
    },
    { unit: service(settings, 'vnet'), after: settings.infrastructure },
    { unit: service(settings, 'dmm'), after: settings.infrastructure },
    { unit: service(settings, 'wifi'), after: settings.infrastructure },
  ];
}

export const hostMemberNames = (host: string): string[] => [`kitten-${host}`, `palacios-${host}`];

/** The services of one emulated host. */
export function hostMembers(settings: ServiceSettings, host: string, spec: HostSpec): Member[] {
  const hostEnv = {
    V3_HOST: host,
    V3_HOST_MEMORY_MIB: String(spec.memory),
    V3_HOST_CORES: String(spec.cores),
    ...(spec.overcommit === undefined ? {} : { V3_HOST_OVERCOMMIT: String(spec.overcommit) }),
    ...(spec.schedHz === undefined ? {} : { V3_SCHED_HZ: String(spec.schedHz) }),
    V3_HOST_NICS: JSON.stringify(spec.nics),
    V3_HOST_RADIOS: JSON.stringify(spec.radios),
  };
  const [kitten, palacios] = hostMemberNames(host) as [string, string];
  return [
    { unit: service(settings, kitten, { app: 'kitten', env: hostEnv }), after: settings.infrastructure },
    {
      unit: service(settings, palacios, { app: 'palacios', env: { V3_HOST: host }, stopMs: SAVE_GUESTS_MS }),
      // The gateway migrates the database that Palacios reads.
      after: ['gateway', 'vnet', 'dmm', 'wifi', kitten],
    },
  ];
}

export function logOf(settings: Pick<ServiceSettings, 'logs' | 'logFolder'>, name: string): LogFile {
  let log = settings.logs.get(name);
  if (!log) settings.logs.set(name, (log = new LogFile(join(settings.logFolder, `${name}.log`))));
  return log;
}

function service(
  settings: ServiceSettings,
  name: string,
  own: { app?: string; env?: Record<string, string>; port?: number; stopMs?: number } = {},
): NodeService {
  return new NodeService({
    name,
    script: join(settings.checkout, 'apps', own.app ?? name, 'dist', 'main.js'),
    log: logOf(settings, name),
    port: own.port,
    stopMs: own.stopMs,
    env: () => ({
      ...inherited(),
      V3_STATE_DIR: settings.state,
      V3_CACHE_DIR: settings.cache,
      V3_NATS_URL: settings.natsUrl(name),
      V3_DATABASE_URL: settings.databaseUrl(),
      V3_HTTP_HOST: '127.0.0.1',
      ...own.env,
    }),
  });
}

/** Our environment without what another gateway's client or a single service would be told by. */
function inherited(): NodeJS.ProcessEnv {
  const { V3_URL: _url, V3_TOKEN: _token, V3_HTTP_PORT: _port, ...rest } = process.env;
  return rest;
}
