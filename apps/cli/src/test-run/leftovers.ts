import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Every process of a test run inherits this variable, so that what it leaves running can be found. */
export const RUN_VARIABLE = 'V3_TEST_RUN';

export interface Leftover {
  pid: number;
  command: string;
}

const POLL_MS = 100;
/** A supervisor stops its services in order, Palacios saving its guests. */
const ORDERLY_MS = 75_000;

/** Processes of a test run that are still there; none where there is no /proc. */
export function findLeftovers(run: string): Leftover[] {
  let pids: string[];
  try {
    pids = readdirSync('/proc').filter(name => /^\d+$/.test(name));
  } catch {
    return [];
  }
  return pids.flatMap(pid => {
    try {
      const variables = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
      if (Number(pid) === process.pid || !variables.includes(`${RUN_VARIABLE}=${run}`)) return [];
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ').trim();
      return command ? [{ pid: Number(pid), command }] : []; // a zombie has no command line
    } catch {
      return []; // it ended, or is another user's
    }
  });
}

/** Waits a little for what is just ending; returns what stays. */
export async function settledLeftovers(run: string, withinMs: number): Promise<Leftover[]> {
  const end = Date.now() + withinMs;
  for (;;) {
    const left = findLeftovers(run);
    if (left.length === 0 || Date.now() > end) return left;
    await delay(POLL_MS);
  }
}

/** Ends what a test run left: clusters in order, then everything else, at last by force. */
export async function endLeftovers(run: string): Promise<void> {
  const isSupervisor = ({ command }: Leftover) => /supervisor\/dist\/main\.js/.test(command);
  signal(findLeftovers(run).filter(isSupervisor), 'SIGTERM');
  for (const end = Date.now() + ORDERLY_MS; findLeftovers(run).some(isSupervisor) && Date.now() < end;) {
    await delay(POLL_MS);
  }
  signal(findLeftovers(run), 'SIGTERM');
  signal(await settledLeftovers(run, 5_000), 'SIGKILL');
  await settledLeftovers(run, 5_000);
}

function signal(processes: Leftover[], name: NodeJS.Signals): void {
  for (const { pid } of processes) {
    try {
      process.kill(pid, name);
    } catch {
      // it ended by itself
    }
  }
}
