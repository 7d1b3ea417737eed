import type { Client } from '@v3vee/client';
import type { LabContext } from '../../lab';
import type { Watcher, WatchedHere } from './watchers';

/** What the log has of a change: its place, and when it was written, just before its transaction was committed. */
export interface Logged {
  resourceVersion: string;
  kind: string;
  name: string;
  /** ms since 1970. */
  at: number;
}

/** Changes a running VM's state so often, by pausing it and letting it go on. @returns what the log has of it */
export async function changeVm(
  client: Client,
  vm: string,
  times: number,
  signal: LabContext['signal'],
): Promise<Logged[]> {
  const newest = async () => (await client.call('listEvents', {}, { query: { pageSize: 1 } })).items[0];
  const before = BigInt((await newest())?.resourceVersion ?? 0);
  for (let n = 0; n < times; n++) {
    signal.throwIfAborted();
    await client.operate(n % 2 ? 'resumeVm' : 'pauseVm', { vm }, { body: {} });
  }
  if (times % 2) await client.operate('resumeVm', { vm }, { body: {} });
  const all = await client.list('listEvents', { pageSize: 1000 });
  return all
    .filter(({ resourceVersion }) => BigInt(resourceVersion) > before)
    .map(({ resourceVersion, kind, name, at }) => ({ resourceVersion, kind, name, at: Date.parse(at) }));
}

/** What a watch of that list is to tell of these: all of them, or those of VMs. */
export const toldBy = (list: WatchedHere, logged: readonly Logged[]): Logged[] =>
  list === 'events' ? [...logged] : logged.filter(({ kind }) => kind === 'vm');

/**
 * Which of what it was to tell a watch did not: each event has a line of its own; several changes of one VM may come as
 * one, so that of each VM the last has to be there.
 */
export function missing(
  { list, lines }: Pick<Watcher, 'list' | 'lines'>,
  logged: readonly Logged[],
): Logged[] {
  const came = new Set(lines.map(({ resourceVersion }) => resourceVersion));
  const due = toldBy(list, logged);
  if (list === 'events') return due.filter(({ resourceVersion }) => !came.has(resourceVersion));
  const last = new Map<string, Logged>();
  for (const each of due) {
    const before = last.get(each.name);
    if (!before || BigInt(each.resourceVersion) > BigInt(before.resourceVersion)) last.set(each.name, each);
  }
  return [...last.values()].filter(({ resourceVersion }) => !came.has(resourceVersion));
}

/** From when the log had each change until its line came, ms; a line that stands for several counts for the last. */
export function delays({ lines }: Pick<Watcher, 'lines'>, logged: readonly Logged[]): number[] {
  const written = new Map(logged.map(({ resourceVersion, at }) => [resourceVersion, at]));
  return lines.flatMap(({ resourceVersion, at }) => {
    const since = written.get(resourceVersion);
    return since === undefined ? [] : [at - since];
  });
}
