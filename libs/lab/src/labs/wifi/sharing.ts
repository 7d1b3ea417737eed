import { setTimeout as delay } from 'node:timers/promises';
import type { LabContext } from '../../lab';
import { row, type LabRow, type Target } from '../../result';
import { tcpStream, type Way } from '../vpio/measurements';
import { mbitOf, offEqualShares, passed, type Passed } from './counters';
import { SERVER, SHARING, type AccessPointName } from './topology';
import { PORTS, type WifiCluster } from './wifi-cluster';

/** How long all of them are looked at, ms. */
const WINDOW_MS = 3_000;
/** Bytes that a stream moves before it counts as under way. */
const FLOWING = 30_000;
const PATIENCE_MS = 30_000;
const COUNTS = [1, 2, 4] as const;
const WARM = { streamSeconds: 2, stream: '' };

const within10: Target = { of: 'ours', op: '<=', value: 10 };
const none: Target = { of: 'ours', op: '<=', value: 0 };

/** Streams of so many VMs at once, until all of them have been looked at for a while. */
async function together(
  context: LabContext,
  cluster: WifiCluster,
  vms: readonly string[],
  way: Way,
): Promise<Passed> {
  const back = way === 'rx' ? ' -R' : '';
  const begin = await cluster.counted();
  try {
    await Promise.all(
      vms.map((vm, i) =>
        cluster.sh(vm, `(iperf3 -c ${SERVER} -p ${PORTS[i]} -t 60${back} >/tmp/stream 2>&1 </dev/null &)`),
      ),
    );
    const limit = performance.now() + PATIENCE_MS;
    for (;;) {
      const { bytes } = passed(begin, await cluster.counted(), vms, way);
      if (Math.min(...bytes) > FLOWING) break;
      if (performance.now() > limit) throw new Error(`streams of ${vms.join(', ')} do not flow`);
      await delay(100, undefined, { signal: context.signal });
    }
    const before = await cluster.counted();
    await delay(WINDOW_MS, undefined, { signal: context.signal });
    return passed(before, await cluster.counted(), vms, way);
  } finally {
    await Promise.all(
      vms.map(vm =>
        cluster.sh(vm, 'killall iperf3; while pidof iperf3 >/dev/null; do usleep 20000; done; true'),
      ),
    );
  }
}

/** One, two and four VMs at one radio on one channel. @returns also what two of them came to, for comparison */
export async function onOneChannel(
  context: LabContext,
  cluster: WifiCluster,
): Promise<{ rows: LabRow[]; two: Record<Way, Passed[]> }> {
  for (const [i, vm] of SHARING.entries()) {
    context.progress(`warming up, ${vm}`);
    await cluster.join(vm, 'open');
    for (const way of ['tx', 'tx', 'rx'] as const) await tcpStream(cluster.pair(vm), way, WARM, PORTS[i]);
  }
  const rounds = new Map(COUNTS.map(count => [count, [] as Passed[]]));
  const two: Record<Way, Passed[]> = { tx: rounds.get(2)!, rx: [] };
  for (let i = 0; i < context.runs; i++) {
    const order = i % 2 ? [...COUNTS].reverse() : COUNTS;
    for (const count of order) {
      context.progress(`${count} at one radio, one channel, ${i + 1} of ${context.runs}`);
      rounds.get(count)!.push(await together(context, cluster, SHARING.slice(0, count), 'tx'));
    }
    two.rx.push(await together(context, cluster, SHARING.slice(0, 2), 'rx'));
  }
  return { rows: COUNTS.flatMap(count => sharingRows(count, rounds.get(count)!, rounds.get(1)!)), two };
}

function sharingRows(count: number, rounds: readonly Passed[], alone: readonly Passed[]): LabRow[] {
  const where = `${count} VM${count === 1 ? '' : 's'} at one radio, TCP tx`;
  const plain = (name: string, unit: string, values: readonly number[], target?: Target) =>
    row({ name: `${name}, ${where}`, unit, ours: { name: `${count} sharing`, values }, target });
  const taken = plain(
    'of the medium’s time',
    '%',
    rounds.map(({ share }) => 100 * share),
  );
  if (count === 1) return [plain('data', 'Mbit/s', rounds.map(mbitOf)), taken];
  return [
    row({
      name: `data of all, ${where}`,
      unit: 'Mbit/s',
      baseline: { name: 'one alone', values: alone.map(mbitOf) },
      ours: { name: `${count} sharing`, values: rounds.map(mbitOf) },
      paired: true,
      target: { of: 'ratio', op: '>=', value: 0.9 },
    }),
    plain(
      'airtime, off equal shares',
      '%',
      rounds.map(({ airtimeMs }) => offEqualShares(airtimeMs)),
      within10,
    ),
    plain(
      'data, off equal shares',
      '%',
      rounds.map(({ bytes }) => offEqualShares(bytes)),
      within10,
    ),
    taken,
  ];
}

const PLACES: Readonly<Record<'w1' | 'w2', AccessPointName>> = { w1: 'open', w2: 'other' };

/** Two VMs on two channels of one radio, which is at one of them at a time. @param one the same two on one channel */
export async function onTwoChannels(
  context: LabContext,
  cluster: WifiCluster,
  one: Readonly<Record<Way, readonly Passed[]>>,
): Promise<LabRow[]> {
  const vms = ['w1', 'w2'] as const;
  for (const vm of vms) await cluster.join(vm, PLACES[vm]);
  const rounds: Record<Way, Passed[]> = { tx: [], rx: [] };
  const before = await switchesOf(cluster);
  const begin = performance.now();
  for (let i = 0; i < context.runs; i++) {
    for (const way of ['tx', 'rx'] as const) {
      context.progress(`two at one radio, two channels, TCP ${way}, ${i + 1} of ${context.runs}`);
      rounds[way].push(await together(context, cluster, vms, way));
    }
  }
  const perSecond = ((await switchesOf(cluster)) - before) / ((performance.now() - begin) / 1_000);
  return [
    ...(['tx', 'rx'] as const).flatMap(way => twoChannelRows(way, rounds[way], one[way])),
    row({
      name: 'switches of channel, 2 VMs on two channels',
      unit: '1/s',
      ours: { name: 'radio', values: [perSecond] },
    }),
  ];
}

const switchesOf = async (cluster: WifiCluster): Promise<number> => {
  const { status } = await cluster.radio('alpha/radio0');
  if (!status) throw new Error('the wifi service says nothing of alpha/radio0');
  return status.switches;
};

function twoChannelRows(way: Way, rounds: readonly Passed[], one: readonly Passed[]): LabRow[] {
  const where = `2 VMs on two channels of one radio, TCP ${way}`;
  const plain = (name: string, unit: string, values: readonly number[], target?: Target) =>
    row({ name: `${name}, ${where}`, unit, ours: { name: 'two channels', values }, target });
  return [
    row({
      name: `data of both, ${where}`,
      unit: 'Mbit/s',
      baseline: { name: 'one channel', values: one.map(mbitOf) },
      ours: { name: 'two channels', values: rounds.map(mbitOf) },
    }),
    plain(
      'data, off equal shares',
      '%',
      rounds.map(({ bytes }) => offEqualShares(bytes)),
    ),
    plain(
      'frames given up',
      'frames',
      rounds.map(({ failed }) => failed),
      none,
    ),
    // What a sender puts into a queue beyond its bound is not lost by switching.
    plain(
      'frames that full queues dropped',
      'frames',
      rounds.map(({ overflowed }) => overflowed),
      way === 'tx' ? none : undefined,
    ),
    plain(
      'attempts beyond the first',
      'frames',
      rounds.map(({ retries }) => retries),
    ),
  ];
}
