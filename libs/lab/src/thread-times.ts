import { readdir, readFile } from 'node:fs/promises';

/** ns; of one thread. */
export interface ThreadTimes {
  ranNs: number;
  waitedNs: number;
}

/** Of each thread of a process: how long it ran, and how long it waited on this machine's run queues (proc(5), schedstat). */
export async function threadTimes(pid: number): Promise<Map<string, ThreadTimes>> {
  const folder = `/proc/${pid}/task`;
  const times = new Map<string, ThreadTimes>();
  for (const thread of await readdir(folder)) {
    const text = await readFile(`${folder}/${thread}/schedstat`, 'utf8').catch(() => undefined);
    const [ranNs = 0, waitedNs = 0] = (text ?? '').split(' ').map(Number);
    // It may have ended meanwhile.
    if (text !== undefined) times.set(thread, { ranNs, waitedNs });
  }
  return times;
}
