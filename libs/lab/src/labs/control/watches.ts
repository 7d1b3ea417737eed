import { readdir } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { LabContext } from '../../lab';
import type { LabCluster } from '../../cluster';
import { processStats } from '../../process-stats';
import { percentile, row, type LabRow, type Target } from '../../result';
import type { Access } from './access';
import { changeVm, delays, missing, toldBy, type Logged } from './changes';
import { vmName } from './topology';
import { doors, lists, Watchers, type Watcher } from './watchers';

const CHANGES = 100;
const MOST_MS = 200;
const MANY = 1_000;
const CHANGES_OF_MANY = 20;
/** How long the last line may be awaited before it counts as lost, ms. */
const PATIENCE_MS = 30_000;
const IDLE_SECONDS = 5;

const atMost = (value: number): Target => ({ of: 'ours', op: '<=', value });

/** One watch of each kind at each door: how long after a change its line is there. */
export async function watchDelays(
  context: LabContext,
  cluster: LabCluster,
  access: Access,
): Promise<LabRow[]> {
  const watchers = new Watchers(access);
  try {
    const all = await Promise.all(doors.flatMap(door => lists.map(list => watchers.open(door, list))));
    context.progress(`${CHANGES} changes of a VM's state, watched at both doors`);
    const logged = await changeVm(cluster.client, vmName(1), CHANGES, context.signal);
    await allTold(all, logged);
    return all.map(watcher => {
      const lost = missing(watcher, logged).length;
      if (lost > 0) throw new Error(`a watch of ${watcher.list} over ${watcher.door} missed ${lost} changes`);
      return row({
        name: `from a change to the client, watch of ${watcher.list} over ${watcher.door}, p99`,
        unit: 'ms',
        ours: { name: 'watch', values: [percentile(delays(watcher, logged), 0.99)] },
        target: atMost(MOST_MS),
      });
    });
  } finally {
    await watchers.close();
  }
}

/** A thousand watches at once, half of them at each door, a half of VMs and a half of events. */
export async function manyWatches(
  context: LabContext,
  cluster: LabCluster,
  access: Access,
): Promise<LabRow[]> {
  const look = async () => ({ ...(await processStats(access.pid)), files: await openFiles(access.pid) });
  const idle = async () => {
    const before = await look();
    await delay(IDLE_SECONDS * 1000, undefined, { signal: context.signal });
    const after = await look();
    return { ...after, percent: ((after.cpuSeconds - before.cpuSeconds) / IDLE_SECONDS) * 100 };
  };
  context.progress('the gateway without watches');
  const gateway = await cluster.service('gateway');
  const standing = await watchesOf(gateway.url);
  const without = await idle();
  const watchers = new Watchers(access);
  try {
    context.progress(`${MANY} watches`);
    const kinds = doors.flatMap(door => lists.map(list => ({ door, list })));
    for (let n = 0; n < MANY; n += 20) {
      context.signal.throwIfAborted();
      await Promise.all(
        Array.from({ length: 20 }, (_, index) => kinds[(n + index) % kinds.length]!).map(({ door, list }) =>
          watchers.open(door, list),
        ),
      );
    }
    const held = (await watchesOf(gateway.url)) - standing;
    const withAll = await idle();
    context.progress(`${CHANGES_OF_MANY} changes, told to ${MANY} watches`);
    const before = await processStats(access.pid);
    const logged = await changeVm(cluster.client, vmName(1), CHANGES_OF_MANY, context.signal);
    await allTold(watchers.all, logged);
    const used = (await processStats(access.pid)).cpuSeconds - before.cpuSeconds;
    const complete = watchers.all.filter(each => missing(each, logged).length === 0 && !each.ended).length;
    const late = watchers.all.flatMap(watcher => delays(watcher, logged));
    const lines = watchers.all.reduce((sum, { list }) => sum + toldBy(list, logged).length, 0);
    context.progress('closing them');
    await watchers.close();
    const left = await settled(async () => (await watchesOf(gateway.url)) - standing);
    const files = await settled(async () => (await openFiles(access.pid)) - without.files);
    return [
      row({
        ...{ name: 'watches held at once', unit: 'watches', ours: { name: 'held', values: [held] } },
        target: { of: 'ours', op: '>=', value: MANY },
      }),
      row({
        name: `of ${MANY} watches, those that were told every change`,
        unit: 'watches',
        ours: { name: 'told', values: [complete] },
        target: { of: 'ours', op: '>=', value: MANY },
      }),
      row({
        name: `from a change to the client, ${MANY} watches, p99`,
        unit: 'ms',
        ours: { name: 'watches', values: [percentile(late, 0.99)] },
      }),
      row({
        name: `gateway, CPU for a line to one of ${MANY} watches`,
        unit: 'µs',
        ours: { name: 'CPU', values: [(used / lines) * 1e6] },
      }),
      row({
        name: `gateway, resident, with ${MANY} watches`,
        unit: 'MiB',
        baseline: { name: 'without', values: [without.residentMiB] },
        ours: { name: 'with', values: [withAll.residentMiB] },
      }),
      row({
        name: `gateway, of a core, with ${MANY} watches while nothing changes`,
        unit: '%',
        baseline: { name: 'without', values: [without.percent] },
        ours: { name: 'with', values: [withAll.percent] },
      }),
      row({
        name: 'watches left once all were closed',
        unit: 'watches',
        ours: { name: 'left', values: [left] },
        target: atMost(0),
      }),
      row({
        name: 'open files of the gateway left once all were closed',
        unit: 'files',
        ours: { name: 'left', values: [files] },
        target: atMost(0),
      }),
    ];
  } finally {
    await watchers.close();
  }
}

/** Until all was told to all, or it takes too long. */
async function allTold(all: readonly Watcher[], logged: readonly Logged[]): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (performance.now() < end && all.some(watcher => missing(watcher, logged).length > 0)) await delay(50);
}

/** What it comes to: 0, or what is left after a while. */
async function settled(count: () => Promise<number>): Promise<number> {
  const end = performance.now() + PATIENCE_MS / 3;
  for (;;) {
    const left = await count();
    if (left <= 0 || performance.now() > end) return Math.max(left, 0);
    await delay(200);
  }
}

async function watchesOf(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^v3_watches\S* (\d+)$/m.exec(text)?.[1]);
}

const openFiles = async (pid: number): Promise<number> => (await readdir(`/proc/${pid}/fd`)).length;
