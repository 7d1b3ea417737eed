import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { V3Error } from '@v3vee/contracts';
import { z } from 'zod';
import { Client, type ClientOptions } from '../client';

/** What the supervisor keeps in a checkout's state folder for the commands of the same checkout. */
export interface StateFiles {
  /** Who runs and where the gateway is; there only while a cluster runs. */
  cluster: string;
  /** The local administrator's token, readable by its user alone. */
  token: string;
  /** Address of the NATS server with the operator's password, readable by its user alone. */
  natsUrl: string;
  /** The supervisor's control socket. */
  socket: string;
  /** The topology that was applied last. */
  topology: string;
  /** Where Prometheus finds the services (file_sd_configs); there only while a cluster runs. */
  prometheusTargets: string;
  /** NAME.log of every service, older parts as NAME.log.1. */
  logs: string;
}

/** A unix socket's path has at most 107 bytes on Linux, 103 on macOS (sun_path, unix(7)). */
const MAX_SOCKET_PATH = 103;

export function stateFiles(state: string): StateFiles {
  const socket = join(state, 'control.sock');
  return {
    cluster: join(state, 'cluster.json'),
    token: join(state, 'admin.token'),
    natsUrl: join(state, 'nats', 'operator.url'),
    socket: Buffer.byteLength(socket) <= MAX_SOCKET_PATH ? socket : shortSocket(state),
    topology: join(state, 'topology.json'),
    prometheusTargets: join(state, 'prometheus-targets.json'),
    logs: join(state, 'logs'),
  };
}

/**
 * Makes the folder where it is missing. Others may pass through but list nothing: Postgres runs as another user when
 * we are root, and its data is in here.
 */
export function ensureStateFolder(state: string): StateFiles {
  const files = stateFiles(state);
  mkdirSync(dirname(state), { recursive: true });
  mkdirSync(state, { recursive: true, mode: 0o711 });
  const { mode } = statSync(state);
  if (process.getuid?.() === 0 && (mode & 0o001) === 0) chmodSync(state, (mode & 0o777) | 0o011);
  mkdirSync(files.logs, { recursive: true, mode: 0o700 });
  return files;
}

function shortSocket(state: string): string {
  const key = createHash('sha256').update(state).digest('hex').slice(0, 16);
  return join(tmpdir(), `v3vee-${userInfo().uid}`, `${key}.sock`);
}

const clusterFile = z.object({
  pid: z.int(),
  url: z.string().nullable(),
  startedAt: z.string(),
  services: z.record(z.string(), z.object({ pid: z.int().nullable(), url: z.string().nullable() })),
});
export type ClusterFile = z.infer<typeof clusterFile>;

/** Undefined where no cluster runs, or where it was killed and left the file behind. */
export async function readClusterFile(state: string): Promise<ClusterFile | undefined> {
  let text: string;
  try {
    text = await readFile(stateFiles(state).cluster, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    return undefined;
  }
  const cluster = clusterFile.safeParse(content);
  return cluster.success && isAlive(cluster.data.pid) ? cluster.data : undefined;
}

/**
 * A client of the cluster that this checkout runs, or of the one that `V3_URL` names, with the token that `V3_TOKEN` (or
 * `V3_TOKEN_FILE`) names: here it may be left out, which means the administrator's. `V3_CA` names a file with whom to trust.
 * @throws V3Error NOT_RUNNING
 */
export async function connectLocal(
  state: string,
  env: NodeJS.ProcessEnv = process.env,
  options: Partial<ClientOptions> = {},
): Promise<Client> {
  if (env.V3_URL) {
    if (!URL.canParse(env.V3_URL) || !/^https?:$/.test(new URL(env.V3_URL).protocol)) {
      throw new V3Error('USAGE', `V3_URL is "${env.V3_URL}"; it looks like http://127.0.0.1:8080`);
    }
    const token = await namedToken(env);
    if (!token) {
      throw new V3Error(
        'USAGE',
        'V3_URL is set, so V3_TOKEN has to be the token of the cluster there (or V3_TOKEN_FILE a file that holds it)',
      );
    }
    return new Client({ ca: await readCa(env), ...options, url: env.V3_URL, token });
  }
  const cluster = await readClusterFile(state);
  if (!cluster) throw new V3Error('NOT_RUNNING', 'start it with "v3 up" (or "v3 up --detach")');
  if (!cluster.url) {
    throw new V3Error('NOT_RUNNING', 'it is still starting; "v3 status" shows how far it is');
  }
  const token = (await namedToken(env)) ?? (await readToken(stateFiles(state).token));
  return new Client({ ca: await readCa(env), ...options, url: cluster.url, token });
}

async function namedToken({ V3_TOKEN: token, V3_TOKEN_FILE: file }: NodeJS.ProcessEnv) {
  return token || (file ? readToken(file) : undefined);
}

/** What `V3_CA` names: certificates of whom to trust, PEM. @throws V3Error USAGE */
export async function readCa({ V3_CA: file }: NodeJS.ProcessEnv = process.env): Promise<string | undefined> {
  if (!file) return undefined;
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new V3Error('USAGE', `V3_CA: ${file} cannot be read (${code})`, { cause });
  }
}

async function readToken(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new V3Error(
      'UNAUTHENTICATED',
      `the token in ${file} cannot be read (${code}); only the user who runs the cluster may`,
      { cause: error },
    );
  }
}

/** Whether a process runs. A zombie does not: it has ended, even where nobody collects it. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false; // EPERM: another user's process
  }
  try {
    // proc(5): the state follows the name, which is in parentheses and may hold some.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat[stat.lastIndexOf(')') + 2] !== 'Z';
  } catch {
    return process.platform !== 'linux';
  }
}
