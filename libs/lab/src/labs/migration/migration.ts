import { setTimeout as delay } from 'node:timers/promises';
import type { Lab, LabContext } from '../../lab';
import type { LabRow } from '../../result';
import { ClusterMoves } from './cluster-moves';
import { cases, describeCase, END, type Case } from './loads';
import { observe, type Move, type Pair } from './move';
import { QemuMoves } from './qemu-moves';
import { roundsPlot } from './rounds-plot';
import { PRE_COPY_CLAIM, rowsOf } from './rows';

const OF_QEMU = 'QEMU TCG';
/** Each case is a step: its pairs move in turns. */
const STEPS = [OF_QEMU, 'set-up', ...cases.map(describeCase)];

export const migrationLab: Lab = {
  name: 'migration',
  summary:
    'live migration by pre-copy against stop and copy and QEMU: downtime, time, bytes, what is lost, the rounds',
  claims: [PRE_COPY_CLAIM],
  minutes: 6,
  defaultRuns: 4,
  async run(context) {
    context.step(STEPS, OF_QEMU);
    const qemu = await qemuMoves(context);
    context.step(STEPS, 'set-up');
    const cluster = await ClusterMoves.open(context);
    const rows: LabRow[] = [];
    for (const [index, of] of cases.entries()) {
      const { memoryMiB } = of;
      context.step(STEPS, describeCase(of));
      const pairs = [
        cluster.pair(memoryMiB, 'precopy'),
        cluster.pair(memoryMiB, 'stop-and-copy'),
        cluster.staying(memoryMiB),
      ];
      const names = ['pre-copy', 'stop and copy', 'no move'];
      const [precopy = [], stopAndCopy = [], staying = []] = await inTurns(context, of, pairs, names);
      precopy.forEach((move, run) => context.plot(roundsPlot(`${describeCase(of)}, ${run + 1}`, move)));
      rows.push(...rowsOf(of, { precopy, stopAndCopy, staying, qemu: qemu?.[index] }));
    }
    return rows;
  },
};

/** Before there is a cluster, so that neither takes the other's time. Of each case; undefined where there is no QEMU. */
async function qemuMoves(context: LabContext): Promise<Move[][] | undefined> {
  const all: Move[][] = [];
  for (const memoryMiB of new Set(cases.map(of => of.memoryMiB))) {
    const pair = await QemuMoves.open(context, memoryMiB);
    if (!pair) return undefined;
    try {
      // What a guest needs to go on is translated in the first one.
      await pair.move();
      for (const of of cases.filter(each => each.memoryMiB === memoryMiB)) {
        const [moves = []] = await inTurns(context, of, [pair], ['QEMU']);
        all[cases.indexOf(of)] = moves;
      }
    } finally {
      pair.close();
    }
  }
  return all;
}

/** Moves of each pair in turns, which are all of one guest; its load is under way. */
async function inTurns(
  { runs, progress, signal }: LabContext,
  of: Case,
  pairs: readonly Pair[],
  names: readonly string[],
): Promise<Move[][]> {
  const wait = (ms: number) => delay(ms, undefined, { signal });
  const moves = pairs.map((): Move[] => []);
  const [first] = pairs;
  if (of.load.begin) await first?.guest(of.load.begin);
  for (let run = 0; run < runs; run++) {
    const order = [...pairs.keys()];
    for (const index of run % 2 ? order.reverse() : order) {
      progress(`${describeCase(of)}, ${names[index]}, ${run + 1} of ${runs}`);
      moves[index]!.push(await observe(pairs[index]!, of.load, wait));
    }
  }
  await first?.guest(END);
  return moves;
}
