import { cardModels, type CardModel } from '@v3vee/contracts';
import type { Lab, LabContext } from '../../lab';
import { row, type LabRow, type Target } from '../../result';
import { awake, type Pair } from '../vnet/station';
import { inRounds, type Series, type Side } from '../vnet/rounds';
import { accessesPer, accountOf, passed, type AccessCounts } from './accounts';
import { CardCluster } from './card-cluster';
import { measurements, slow, usual, warmUp, type Amount, type CardMeasurement } from './measurements';
import { modelSize } from './model-size';
import { qemuCardPair } from './qemu-card';
import { measureSharing } from './sharing';

const STEPS = cardModels.flatMap(model => [`${model}, one guest`, `${model}, two guests`] as const);
const SHARE_CLAIM = 'about 1 in 30 (VPIO)';
const SIZE_CLAIM = 'under 1000 lines of code (VPIO)';
const AT_LEAST_30: Target = { of: 'ours', op: '>=', value: 30 };

/** Shared cards, model by model, beside the same card for one guest alone, with every access an exit, and virtio. */
export const vpioLab: Lab = {
  name: 'vpio',
  summary: 'a physical card that guests share, against one passed through, one emulated, virtio and QEMU’s',
  claims: [SHARE_CLAIM, SIZE_CLAIM],
  minutes: 15,
  defaultRuns: 3,
  async run(context) {
    const rows: LabRow[] = [];
    for (const model of cardModels) rows.push(...(await measureModel(context, model)));
    return rows;
  },
};

async function measureModel(context: LabContext, model: CardModel): Promise<LabRow[]> {
  context.step(STEPS, `${model}, one guest`);
  context.progress(`${model}: starting a cluster`);
  const cards = await CardCluster.up(context, model);
  const alone = await measureAlone(context, model, cards);
  context.step(STEPS, `${model}, two guests`);
  const sharing = await measureSharing(context, model, cards);
  const emulated = accountOf(await cards.device('emulated'));
  await cards.down();
  return [
    ...alone,
    ...shareRows(
      model,
      'two guests share',
      sharing.rounds.map(round => round.passed.accesses),
    ),
    ...sharing.rows,
    row({
      name: `exit to the DMM, card emulated, p50 (of ${emulated.exits.count}), ${model}`,
      unit: 'ms',
      ours: { name: 'emulated', values: [emulated.exits.p50Ms] },
    }),
    ...(await sizeRows(model)),
  ];
}

/** A way to use a card that ours is compared with. */
interface Contender {
  name: string;
  pair: Pair;
  amount: Amount;
  /** Of VPIO against it. */
  targets: Partial<Record<CardMeasurement['kind'], Target>>;
  /** Too slow to be there in every round: its ratio is that of the medians. */
  once?: true;
  /** Not ours: where it fails, its rows are missing. */
  foreign?: true;
}

const contenders = (cards: CardCluster): Contender[] => [
  {
    ...{ name: 'native', pair: cards.pair('n'), amount: usual },
    targets: {
      goodput: { of: 'ratio', op: '>=', value: 0.95 },
      time: { of: 'ratio', op: '<=', value: 1.05 },
    },
  },
  {
    ...{ name: 'emulated', pair: cards.pair('e'), amount: slow, once: true },
    targets: { goodput: { of: 'ratio', op: '>=', value: 5 } },
  },
  { name: 'virtio-net', pair: cards.pair('v'), amount: usual, targets: {} },
];

/** One guest at a time: who has the shared card beside the others, in turns. */
async function measureAlone(context: LabContext, model: CardModel, cards: CardCluster): Promise<LabRow[]> {
  const failed = new Set<Contender>();
  /** What a contender does, while it only stands still otherwise. */
  const turn = async <T>(who: Contender, work: () => Promise<T>): Promise<T | undefined> => {
    if (failed.has(who)) return undefined;
    try {
      return await awake(who.pair, work);
    } catch (error) {
      if (!who.foreign) throw error;
      failed.add(who);
      context.progress(`${model}: without ${who.name}: ${(error as Error).message}`);
      return undefined;
    }
  };

  const others = contenders(cards);
  const qemu = await qemuCardPair(context, model);
  if (qemu) {
    await Promise.all([qemu.pair.client.pause(), qemu.pair.server.pause()]);
    others.push({ ...qemu, amount: usual, targets: {}, foreign: true });
  }
  const ours: Contender = { name: 'vpio', pair: cards.pair('p1'), amount: usual, targets: {} };
  for (const who of [...others, ours]) {
    context.progress(`${model}: warming up, ${who.name}`);
    await turn(who, () => warmUp(who.pair, who.amount));
  }

  const rows: LabRow[] = [];
  for (const measurement of measurements) {
    const counts: AccessCounts[] = [];
    const side = (who: Contender): Side => ({
      name: `${model} ${who.name}`,
      measure: async () => (await turn(who, () => measurement.measure(who.pair, who.amount))) ?? [NaN],
    });
    const counted: Side = {
      name: `${model} vpio`,
      async measure() {
        const before = await cards.device();
        const values = await side(ours).measure(measurement);
        counts.push(passed(before, await cards.device()).accesses);
        return values;
      },
    };
    const [rare, steady] = [others.filter(who => who.once), others.filter(who => !who.once)];
    const first = await inRounds(context, measurement, rare.map(side), 1);
    const all = await inRounds(context, measurement, [...steady.map(side), counted]);
    const mine = all.at(-1) as Series;
    const series = new Map(
      [...steady.entries(), ...rare.entries()].map(([i, who]) => [who, (who.once ? first : all)[i]!]),
    );
    rows.push(...shareRows(model, measurement.name, counts));
    for (const who of others) {
      if (failed.has(who)) continue;
      rows.push(
        row({
          name: `${measurement.figures[0]!.name}, ${model}, against ${who.name}`,
          unit: measurement.figures[0]!.unit,
          baseline: { name: who.name, values: series.get(who)![0]! },
          ours: { name: 'vpio', values: mine[0]! },
          paired: !who.once,
          target: who.targets[measurement.kind],
        }),
      );
    }
  }
  return rows;
}

function shareRows(model: CardModel, workload: string, counts: readonly AccessCounts[]): LabRow[] {
  const rowOf = (name: string, kinds: Parameters<typeof accessesPer>[1]) =>
    row({
      name: `accesses per ${name}, ${workload}, ${model}`,
      unit: 'accesses',
      ours: { name: 'vpio', values: counts.map(each => accessesPer(each, kinds)) },
      claim: SHARE_CLAIM,
      target: AT_LEAST_30,
    });
  return [rowOf('exit', ['exit']), rowOf('exit or shadow note', ['exit', 'shadow'])];
}

/** The claim is of lines of code; all lines are told beside it. */
async function sizeRows(model: CardModel): Promise<LabRow[]> {
  const size = await modelSize(model);
  if (!size) return [];
  const of = (name: string, value: number, held: { claim?: string; target?: Target } = {}) =>
    row({
      name: `device model, ${name}, ${model}`,
      unit: 'lines',
      ours: { name: 'model', values: [value] },
      ...held,
    });
  return [
    of('lines of code', size.code, { claim: SIZE_CLAIM, target: { of: 'ours', op: '<=', value: 999 } }),
    of('with comments and blank lines', size.lines),
  ];
}
