import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive, readClusterFile } from '@v3vee/client';

const LOOK_MS = 50;
/** How long a cluster that was left behind may take to stop in order, ms. */
const ORDERLY_MS = 15_000;
/** What SIGKILL does not end so soon hangs in the kernel; nobody can do more. */
const KILLED_MS = 5_000;

/**
 * Where a run of a lab has its temporary files: its TMPDIR, so that the state folders of the clusters that it starts are
 * in there, and its processes are known by it. Short, because of the sockets in there (sun_path, unix(7)).
 */
export const labFolder = (id: string): string =>
  join(tmpdir(), `v3-labrun-${id.replaceAll('-', '').slice(0, 12)}`);

/** @throws Error where somebody has it already. Traversable, because Postgres may run as another user. */
export const makeLabFolder = (id: string): Promise<unknown> => mkdir(labFolder(id), { mode: 0o711 });

/**
 * Removes a run's folder; whatever of it still runs is ended before.
 * @param graceMs how long its processes may take to end by themselves
 */
export async function clearLabFolder(id: string, graceMs: number): Promise<void> {
  const folder = labFolder(id);
  await until(async () => (await processesOf(folder)).length === 0, graceMs);
  const clusters = await clustersIn(folder);
  for (const { pid } of clusters) send(pid, 'SIGTERM');
  await until(() => !clusters.some(({ pid }) => isAlive(pid)), ORDERLY_MS);
  const services = clusters.flatMap(({ services }) => Object.values(services).map(({ pid }) => pid ?? 0));
  await until(async () => {
    const left = [...services.filter(pid => pid > 0 && isAlive(pid)), ...(await processesOf(folder))];
    for (const pid of left) send(pid, 'SIGKILL');
    return left.length === 0;
  }, KILLED_MS);
  await rm(folder, { recursive: true, force: true });
}

/** Those that run and have their state in there. */
async function clustersIn(folder: string) {
  const names = await readdir(folder).catch(() => []);
  const found = await Promise.all(
    names.map(name => readClusterFile(join(folder, name)).catch(() => undefined)),
  );
  return found.filter(cluster => cluster !== undefined);
}

/** All that was started with it as TMPDIR (proc(5)); nothing is told of them on other systems than Linux. */
async function processesOf(folder: string): Promise<number[]> {
  const names = (await readdir('/proc').catch(() => [])).filter(name => /^\d+$/.test(name));
  const found = await Promise.all(
    names.map(async name => {
      const environment = await readFile(`/proc/${name}/environ`, 'utf8').catch(() => '');
      return environment.split('\0').includes(`TMPDIR=${folder}`) ? Number(name) : 0;
    }),
  );
  return found.filter(pid => pid > 0);
}

async function until(holds: () => boolean | Promise<boolean>, withinMs: number): Promise<void> {
  for (const end = Date.now() + withinMs; !(await holds()) && Date.now() < end;) {
    await new Promise(resolve => setTimeout(resolve, LOOK_MS));
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // it has ended
  }
}
