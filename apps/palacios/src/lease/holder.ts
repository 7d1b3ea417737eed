import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';

const ROOT = '/proc';

/**
 * Names this process for good: boot of the machine, PID namespace, PID, start time (proc(5)). A successor that can
 * look for it knows that it is dead, and need not wait for the end of its lease. Where there is no /proc: a name
 * that nobody can look for.
 */
export function thisHolder(root = ROOT): string {
  try {
    return [...place(root), process.pid, startOf(process.pid, root)].join('/');
  } catch {
    return randomUUID();
  }
}

/** Whether it is certain: of a process elsewhere, or in another namespace, nothing is. */
export function isDead(holder: string, root = ROOT): boolean {
  const [boot, namespace, pid, start] = holder.split('/');
  if (start === undefined || !/^\d+$/.test(pid ?? '')) return false;
  try {
    const here = place(root);
    if (boot !== here[0] || namespace !== here[1]) return false;
  } catch {
    return false;
  }
  try {
    return startOf(Number(pid), root) !== start;
  } catch (thrown) {
    return (
      (thrown as NodeJS.ErrnoException).code === 'ENOENT' ||
      (thrown as NodeJS.ErrnoException).code === 'ESRCH'
    );
  }
}

const place = (root: string) => [
  readFileSync(`${root}/sys/kernel/random/boot_id`, 'utf8').trim(),
  readlinkSync(`${root}/self/ns/pid`),
];

/** Field 22 of stat; field 2 may hold anything, in parentheses. A zombie counts as ended: ''. */
function startOf(pid: number, root: string): string {
  const fields = readFileSync(`${root}/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? '' : (fields[19] ?? '');
}
