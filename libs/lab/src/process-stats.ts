import { readFile } from 'node:fs/promises';

/** What Linux counts of a process (proc(5)). */
export interface ProcessStats {
  /** User and system time of all its threads, seconds. */
  cpuSeconds: number;
  residentMiB: number;
}

/** Linux's USER_HZ, a constant of its ABI. */
const TICKS_PER_SECOND = 100;

export async function processStats(pid: number): Promise<ProcessStats> {
  const [stat, status] = await Promise.all([
    readFile(`/proc/${pid}/stat`, 'utf8'),
    readFile(`/proc/${pid}/status`, 'utf8'),
  ]);
  // The command's name may hold spaces and parentheses: fields are counted from behind its last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  const kiB = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  return { cpuSeconds: ticks / TICKS_PER_SECOND, residentMiB: kiB / 1024 };
}
