import { setTimeout as delay } from 'node:timers/promises';
import type { LabContext } from '../../lab';
import { row, type LabRow, type Target } from '../../result';
import { tcpStream, type Way } from '../vpio/measurements';
import { mbitOf, megabytesOf, offEqualShares, passed, type Passed } from './counters';
import { SERVER, SHARING, type AccessPointName } from './topology';
import { PORTS, type WifiCluster } from './wifi-cluster';

/** How long all of them are looked at, ms. */
const WINDOW_MS = 3_000;
/** Bytes that a stream moves before it counts as under way. */
const FLOWING = 30_000;
const PATIENCE_MS = 30_000;
const COUNTS = [1, 2, 4] as const;
const WARM = { streamSeconds: 3, stream: '' };
/** Several streams at once take long: two rounds where others have four. */
const SHARE = 0.5;
const RADIO = 'alpha/radio0';
/** dB at which frames go at 9 of 54 Mbit/s: then the air is what is short, not the machine. */
const FAR = 6.5;

/** What each VM does, as options of iperf3. */
interface Load {
  options: string;
  way: Way;
}
const TCP: Readonly<Record<Way, Load>> = {
  tx: { options: '', way: 'tx' },
  rx: { options: '-R', way: 'rx' },
};
/** Always has something to send; a TCP stream waits for its acknowledgements, and for its guest's turn at the machine. */
const FLOOD: Load = { options: '-u -b 0 -l 1470', way: 'tx' };

const within10: Target = { of: 'ours', op: '<=', value: 10 };
const none: Target = { of: 'ours', op: '<=', value: 0 };

interface Together extends Passed {
  /** Of the VMs' host and the wifi service. */
  cpuSecondsPerMB: number;
}

/** So many VMs at once, until all of them have been looked at for a while. */
async function together(
  context: LabContext,
  cluster: WifiCluster,
  vms: readonly string[],
  { options, way }: Load,
): Promise<Together> {
  const begin = await cluster.counted();
  try {
    await Promise.all(
      vms.map((vm, i) =>
        cluster.sh(
          vm,
          `(iperf3 -c ${SERVER} -p ${PORTS[i]} -t 60 ${options} >/tmp/stream 2>&1 </dev/null &)`,
        ),
      ),
    );
    const limit = performance.now() + PATIENCE_MS;
    for (;;) {
      const { bytes } = passed(begin, await cluster.counted(), vms, way);
      if (Math.min(...bytes) > FLOWING) break;
      if (performance.now() > limit) throw new Error(`streams of ${vms.join(', ')} do not flow`);
      await delay(100, undefined, { signal: context.signal });
    }
    const [before, cpu] = [await cluster.counted(), await cluster.cpuSeconds()];
    await delay(WINDOW_MS, undefined, { signal: context.signal });
    const spent = (await cluster.cpuSeconds()) - cpu;
    const result = passed(before, await cluster.counted(), vms, way);
    return { ...result, cpuSecondsPerMB: spent / megabytesOf(result) };
  } finally {
    await Promise.all(
      vms.map(vm =>
        cluster.sh(vm, 'killall iperf3; while pidof iperf3 >/dev/null; do usleep 20000; done; true'),
      ),
    );
  }
}

const roundsOf = ({ runs }: LabContext): number => Math.max(1, Math.round(runs * SHARE));

/**
 * One, two and four VMs at one radio on one channel: near, where the machine is what is short, and far.
 * @returns also what two of them came to, for comparison
 */
export async function onOneChannel(
  context: LabContext,
  cluster: WifiCluster,
): Promise<{ rows: LabRow[]; two: readonly Together[] }> {
  context.progress('warming up four VMs');
  await Promise.all(SHARING.map(vm => cluster.join(vm, 'open')));
  for (const way of ['tx', 'tx', 'rx'] as const) {
    await Promise.all(SHARING.map((vm, i) => tcpStream(cluster.pair(vm), way, WARM, PORTS[i])));
  }
  const near = await countByCount(context, cluster, COUNTS, TCP.tx);
  await cluster.setSnr(RADIO, 'open', FAR);
  const far = await countByCount(context, cluster, [2, 4], FLOOD);
  await cluster.setSnr(RADIO, 'open', null);
  return {
    rows: [
      ...[...near].flatMap(([count, rounds]) => nearRows(count, rounds, near.get(1)!)),
      ...[...far].flatMap(([count, rounds]) => farRows(count, rounds)),
    ],
    two: near.get(2)!,
  };
}

/** In rounds, each in the other order. */
async function countByCount(
  context: LabContext,
  cluster: WifiCluster,
  counts: readonly number[],
  load: Load,
): Promise<ReadonlyMap<number, Together[]>> {
  const rounds = new Map(counts.map(count => [count, [] as Together[]]));
  const runs = roundsOf(context);
  for (let i = 0; i < runs; i++) {
    for (const count of i % 2 ? [...counts].reverse() : counts) {
      const what = load === FLOOD ? 'far, UDP' : 'TCP';
      context.progress(`${count} at one radio, ${what}, ${i + 1} of ${runs}`);
      rounds.get(count)!.push(await together(context, cluster, SHARING.slice(0, count), load));
    }
  }
  return rounds;
}

const plainRows =
  (where: string, name: string) =>
  (what: string, unit: string, values: readonly number[], target?: Target): LabRow =>
    row({ name: `${what}, ${where}`, unit, ours: { name, values }, target });

const offEqual = (rounds: readonly Together[], of: 'bytes' | 'airtimeMs'): number[] =>
  rounds.map(round => offEqualShares(round[of]));
const percentTaken = (rounds: readonly Together[]): number[] => rounds.map(({ share }) => 100 * share);

const fairness = (plain: ReturnType<typeof plainRows>, rounds: readonly Together[]): LabRow[] => [
  plain('airtime, off equal shares', '%', offEqual(rounds, 'airtimeMs'), within10),
  plain('data, off equal shares', '%', offEqual(rounds, 'bytes'), within10),
];

function nearRows(count: number, rounds: readonly Together[], alone: readonly Together[]): LabRow[] {
  const where = `${count} VM${count === 1 ? '' : 's'} at one radio, TCP tx`;
  const name = `${count} sharing`;
  const plain = plainRows(where, name);
  const all = (what: string, unit: string, of: (round: Together) => number, target?: Target) =>
    count === 1
      ? plain(what, unit, rounds.map(of))
      : row({
          name: `${what}, ${where}`,
          unit,
          baseline: { name: 'one alone', values: alone.map(of) },
          ours: { name, values: rounds.map(of) },
          paired: true,
          target,
        });
  return [
    all('data', 'Mbit/s', mbitOf, { of: 'ratio', op: '>=', value: 0.9 }),
    all('host CPU', 's/MB', ({ cpuSecondsPerMB }) => cpuSecondsPerMB),
    plain('of the medium’s time', '%', percentTaken(rounds)),
    ...(count === 1 ? [] : fairness(plain, rounds)),
  ];
}

function farRows(count: number, rounds: readonly Together[]): LabRow[] {
  const plain = plainRows(`${count} VMs at one radio, far, UDP`, `${count} sharing`);
  return [
    ...fairness(plain, rounds),
    plain('data', 'Mbit/s', rounds.map(mbitOf)),
    plain('of the medium’s time', '%', percentTaken(rounds)),
  ];
}

const PLACES: Readonly<Record<'w1' | 'w2', AccessPointName>> = { w1: 'open', w2: 'other' };

/** Two VMs on two channels of one radio, which is at one of them at a time. @param one what the same two sent on one channel */
export async function onTwoChannels(
  context: LabContext,
  cluster: WifiCluster,
  one: readonly Together[],
): Promise<LabRow[]> {
  const vms = ['w1', 'w2'] as const;
  for (const vm of vms) await cluster.join(vm, PLACES[vm]);
  const runs = roundsOf(context);
  const rounds: Record<Way, Together[]> = { tx: [], rx: [] };
  const before = await switchesOf(cluster);
  const begin = performance.now();
  for (let i = 0; i < runs; i++) {
    for (const way of ['tx', 'rx'] as const) {
      context.progress(`2 at one radio, two channels, TCP ${way}, ${i + 1} of ${runs}`);
      rounds[way].push(await together(context, cluster, vms, TCP[way]));
    }
  }
  const perSecond = ((await switchesOf(cluster)) - before) / ((performance.now() - begin) / 1_000);
  return [
    ...(['tx', 'rx'] as const).flatMap(way => twoChannelRows(way, rounds[way], one)),
    row({
      name: 'switches of channel, 2 VMs on two channels',
      unit: '1/s',
      ours: { name: 'radio', values: [perSecond] },
    }),
  ];
}

const switchesOf = async (cluster: WifiCluster): Promise<number> => {
  const { status } = await cluster.radio(RADIO);
  if (!status) throw new Error(`the wifi service says nothing of ${RADIO}`);
  return status.switches;
};

function twoChannelRows(way: Way, rounds: readonly Together[], one: readonly Together[]): LabRow[] {
  const where = `2 VMs on two channels of one radio, TCP ${way}`;
  const plain = plainRows(where, 'two channels');
  const count = (what: string, of: (round: Together) => number, target?: Target) =>
    plain(what, 'frames', rounds.map(of), target);
  return [
    row({
      name: `data, ${where}`,
      unit: 'Mbit/s',
      baseline: way === 'tx' ? { name: 'one channel', values: one.map(mbitOf) } : null,
      ours: { name: 'two channels', values: rounds.map(mbitOf) },
    }),
    plain('data, off equal shares', '%', offEqual(rounds, 'bytes')),
    count('frames given up', ({ failed }) => failed, none),
    // What a sender puts into a queue beyond its bound is not lost by switching.
    count('frames that full queues dropped', ({ overflowed }) => overflowed, way === 'tx' ? none : undefined),
    count('attempts beyond the first', ({ retries }) => retries),
  ];
}
