import { LabCluster } from '../../cluster';
import type { Lab, LabContext } from '../../lab';
import { row, type LabRow } from '../../result';
import { costs } from './costs';
import { buildGuestPrograms } from './guest-programs';
import { lostPercent, noisePlot, readNoise, type Noise } from './noise';
import { withWait } from './run-queue-wait';
import { inGuest, native, onBareEngine, TOPOLOGY, type Side } from './sides';

const STEPS = ['set-up', 'noise', 'memory and computing', 'what switching costs'] as const;
const NOISE_MS = 3_000;
/** Below it are what an emulator does in between: translation, a clock's own cost. The original's is 500 cycles. */
const THRESHOLD_NS = 20_000;
/** Three arrays of 3.2 MB: more than the caches of a core, and what a guest of 64 MiB has left. */
const STREAM = [400_000, 10];
const CG = [20, 60];
const CLAIM = 'a lightweight kernel is quiet: its tick comes once a second (Kitten)';

/** Kitten's own tasks beside the same programs in a guest: noise, memory, computing; and what Kitten's work costs. */
export const kittenLab: Lab = {
  name: 'kitten',
  summary:
    'native jobs against the same programs in a Linux guest: noise, STREAM, conjugate gradient; what switching costs',
  claims: [CLAIM],
  minutes: 4,
  defaultRuns: 5,
  async run(context) {
    context.step(STEPS, 'set-up');
    context.progress('building the programs for the guest');
    const programs = await buildGuestPrograms(context);
    if (!programs) context.progress('no C compiler for i386 here: there is nothing to compare with');
    context.progress('starting a host with a guest');
    const cluster = await LabCluster.up(context, TOPOLOGY);
    const sides: Side[] = [await native(cluster)];
    if (programs) {
      sides.push(await inGuest(cluster, programs));
      context.progress('booting the guest on the bare engine');
      sides.push(await onBareEngine(context, programs));
    }
    context.step(STEPS, 'noise');
    const rows = await noise(context, sides);
    context.step(STEPS, 'memory and computing');
    rows.push(...(await throughput(context, sides)));
    context.step(STEPS, 'what switching costs');
    return [...rows, ...(await costs(context, cluster))];
  },
};

/** Each side once a round, in another order each time. */
async function inTurns<T>(
  context: LabContext,
  what: string,
  sides: readonly Side[],
  measure: (side: Side) => Promise<T>,
): Promise<Map<Side, T[]>> {
  const values = new Map<Side, T[]>(sides.map(side => [side, []]));
  // The first round translates code; it does not count.
  for (let round = -1; round < context.runs; round++) {
    context.progress(`${what}, ${Math.max(round + 1, 0)} of ${context.runs}`);
    for (let i = 0; i < sides.length; i++) {
      context.signal.throwIfAborted();
      const side = sides[(i + round + 1) % sides.length] as Side;
      const value = await measure(side);
      if (round >= 0) values.get(side)?.push(value);
    }
  }
  return values;
}

async function noise(context: LabContext, sides: readonly Side[]): Promise<LabRow[]> {
  const runs = await inTurns(context, 'selfish', sides, async side => {
    const run = () => side.run('selfish', [NOISE_MS, THRESHOLD_NS]);
    const { value, waitShare } = await withWait(side.pid, run);
    return readNoise(value, waitShare);
  });
  // Of each side the run in the middle, by what it lost.
  const middle = (of: readonly Noise[]) =>
    [...of].sort((a, b) => a.lostUs - b.lostUs)[of.length >> 1] as Noise;
  context.plot(noisePlot(sides.map(side => ({ name: side.name, noise: middle(runs.get(side) ?? []) }))));
  const [own, ...others] = sides.map(side => ({ name: side.name, runs: runs.get(side) ?? [] }));
  const lost = { name: own!.name, values: own!.runs.map(lostPercent) };
  const threshold = `detours above ${THRESHOLD_NS / 1e3} µs`;
  const rows = others.map(({ name, runs: theirs }) =>
    row({
      name: `time lost to ${threshold}, against a ${name}`,
      unit: '%',
      baseline: { name, values: theirs.map(lostPercent) },
      ours: lost,
      claim: CLAIM,
      ...(name === 'Linux guest' && { target: { of: 'ratio', op: '<=', value: 0.1 } as const }),
    }),
  );
  const alone = row({ name: `time lost to ${threshold}`, unit: '%', ours: lost, claim: CLAIM });
  const counts = [own!, ...others].map(({ name, runs: of }) =>
    row({
      name: `${threshold}, ${name}`,
      unit: 'per second',
      ours: { name, values: of.map(({ count, durationUs }) => (count / durationUs) * 1e6) },
    }),
  );
  const waits = [own!, ...others].map(({ name, runs: of }) =>
    row({
      name: `taken off: time in which this machine ran other threads, ${name}`,
      unit: '%',
      ours: { name, values: of.map(({ waitShare }) => waitShare * 100) },
    }),
  );
  return [...(rows.length > 0 ? rows : [alone]), ...counts, ...waits];
}

async function throughput(context: LabContext, sides: readonly Side[]): Promise<LabRow[]> {
  const compared = sides.slice(0, 2);
  const stream = await inTurns(context, 'STREAM', compared, side => side.run('stream', STREAM));
  const cg = await inTurns(context, 'conjugate gradient', compared, side => side.run('hpccg', CG));
  const beside = (name: string, unit: string, texts: Map<Side, string[]>, pattern: RegExp): LabRow => {
    const [ours, guest] = compared.map(side => ({
      name: side.name,
      values: (texts.get(side) ?? []).map(text => figureIn(text, pattern)),
    }));
    return row({ name, unit, baseline: guest, ours: ours! });
  };
  return [
    ...['Copy', 'Scale', 'Add', 'Triad'].map(kernel =>
      beside(`STREAM ${kernel}, one rank`, 'MB/s', stream, new RegExp(`${kernel} ([\\d.]+) MB/s`)),
    ),
    beside('conjugate gradient of 20³ points, one rank', 'iterations/s', cg, /([\d.]+) iterations\/s/),
  ];
}

/** @throws Error that quotes what is not understood */
function figureIn(text: string, pattern: RegExp): number {
  const found = pattern.exec(text)?.[1];
  if (found === undefined || text.includes('NOT')) throw new Error(`a program said: ${text.slice(-200)}`);
  return Number(found);
}
