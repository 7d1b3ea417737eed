import { isAlive } from '@v3vee/client';

const POLL_MS = 50;
/** What SIGKILL does not end so soon hangs in the kernel; nobody can do more. */
const KILLED_MS = 5_000;

/** Tells processes that are not our children to end, waits until they have, and kills who takes longer than `graceMs`. */
export async function reap(pids: number[], graceMs: number): Promise<void> {
  for (const pid of pids) send(pid, 'SIGTERM');
  if (await allGone(pids, graceMs)) return;
  // Each leads a process group of its own.
  for (const pid of pids) send(-pid, 'SIGKILL');
  await allGone(pids, KILLED_MS);
}

async function allGone(pids: number[], withinMs: number): Promise<boolean> {
  for (const end = Date.now() + withinMs; pids.some(isAlive);) {
    if (Date.now() > end) return false;
    await new Promise(resolve => setTimeout(resolve, POLL_MS));
  }
  return true;
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // it has ended
  }
}
