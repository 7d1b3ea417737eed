import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { link, mkdir, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** Who holds a lock. The start time tells the holder from a later process with the same pid. */
interface Owner {
  pid: number;
  started: string;
  token: string;
}

export interface LockOptions {
  /** Called once when the lock is held by another live process, with its pid. */
  onWait?: (pid: number) => void;
  pollMs?: number;
}

/**
 * Runs `action` while holding `file` as a lock between processes. A lock whose holder has died is taken over.
 *
 * The lock appears by link(2) with its content complete, so a reader never sees a half-written owner.
 */
export async function withLock<T>(
  file: string,
  action: () => Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  const owner: Owner = {
    pid: process.pid,
    started: processStart(process.pid),
    token: randomBytes(8).toString('hex'),
  };
  await mkdir(dirname(file), { recursive: true });
  await acquire(file, owner, options);
  try {
    return await action();
  } finally {
    if ((await readOwner(file))?.token === owner.token) await unlink(file);
  }
}

async function acquire(file: string, owner: Owner, { onWait, pollMs = 100 }: LockOptions): Promise<void> {
  const mine = `${file}.${owner.token}`;
  await writeFile(mine, JSON.stringify(owner));
  try {
    for (let told = false; ;) {
      if (await tryLink(mine, file)) return;
      const holder = await readOwner(file);
      if (holder && isAlive(holder)) {
        if (!told) onWait?.(holder.pid);
        told = true;
        await delay(pollMs);
      } else {
        await removeStale(file, mine);
      }
    }
  } finally {
    await rm(mine, { force: true });
  }
}

/**
 * Two waiters may both see the dead holder; were each to unlink, the second would remove the first one's fresh lock.
 * So the removal has a lock of its own, held for two system calls.
 */
async function removeStale(file: string, mine: string): Promise<void> {
  const breaker = `${file}.breaker`;
  if (!(await tryLink(mine, breaker))) {
    const other = await readOwner(breaker);
    if (other && isAlive(other)) await delay(10);
    else await rm(breaker, { force: true });
    return;
  }
  try {
    const holder = await readOwner(file);
    if (!holder || !isAlive(holder)) await rm(file, { force: true });
  } finally {
    await rm(breaker, { force: true });
  }
}

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function readOwner(file: string): Promise<Owner | undefined> {
  try {
    const owner = JSON.parse(await readFile(file, 'utf8')) as Owner;
    return Number.isInteger(owner.pid) ? owner : undefined;
  } catch {
    return undefined;
  }
}

function isAlive({ pid, started }: Owner): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false; // EPERM: another user's live process
  }
  const now = processStart(pid);
  return !started || !now || now === started;
}

/** Clock ticks from boot to the process's start (proc(5), field 22 of stat); empty where there is no /proc. */
function processStart(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The program's name, in parentheses, may hold spaces: count fields after it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
