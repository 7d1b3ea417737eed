import type { CardModel } from '@v3vee/contracts';
import { row, type LabRow } from '../../result';
import type { LabContext } from '../../lab';
import type { Pair } from '../vnet/station';
import { accountOf, offEqual, passed, type Passed } from './accounts';
import { PORTS, type CardCluster } from './card-cluster';
import { tcpStream, warmUp, type Way } from './measurements';

/** Some hundred slices. */
const STREAM = { streamSeconds: 4, stream: '' };
const WITHIN_10: { of: 'ours'; op: '<='; value: number } = { of: 'ours', op: '<=', value: 10 };

/** What one round of two guests at one card came to. */
export interface SharedRound {
  passed: Passed;
  /** Of p1 and p2, Mbit/s. */
  goodput: [number, number];
}

/** Both guests of a card work at once, each with a stream of its own, in both directions. */
export async function measureSharing(
  context: LabContext,
  model: CardModel,
  cards: CardCluster,
): Promise<{ rows: LabRow[]; rounds: SharedRound[] }> {
  context.progress(`${model}: starting the second guest of the shared card, and warming it up`);
  const pairs = [cards.pair('p1'), cards.pair('p2')] as const;
  await cards.startSecond();
  await warmUp(pairs[1]);
  await pairs[0].client.run();
  const rounds: Record<Way, SharedRound[]> = { tx: [], rx: [] };
  for (let i = 0; i < context.runs; i++) {
    for (const way of ['tx', 'rx'] as const) {
      context.signal.throwIfAborted();
      context.progress(`${model}: two guests share a card, TCP ${way}, ${i + 1} of ${context.runs}`);
      rounds[way].push(await both(cards, pairs, way));
    }
  }
  const device = accountOf(await cards.device());
  return { rows: rowsOf(model, rounds, device), rounds: [...rounds.tx, ...rounds.rx] };
}

async function both(cards: CardCluster, pairs: readonly [Pair, Pair], way: Way): Promise<SharedRound> {
  const before = await cards.device();
  const goodput = await Promise.all([
    tcpStream(pairs[0], way, STREAM, PORTS[0]),
    tcpStream(pairs[1], way, STREAM, PORTS[1]),
  ]);
  return { passed: passed(before, await cards.device()), goodput };
}

export function rowsOf(
  model: CardModel,
  rounds: Readonly<Record<Way, readonly SharedRound[]>>,
  { switches, exits }: Pick<ReturnType<typeof accountOf>, 'switches' | 'exits'>,
): LabRow[] {
  const all = [...rounds.tx, ...rounds.rx];
  const sum = (of: (passed: Passed) => number) => all.reduce((total, round) => total + of(round.passed), 0);
  const plain = (name: string, unit: string, values: readonly number[], target?: LabRow['target']) =>
    row({ name: `${name}, ${model}`, unit, ours: { name: 'vpio', values }, target: target ?? undefined });
  const ways = (['tx', 'rx'] as const).flatMap(way => [
    plain(
      `two guests share, TCP ${way}: the card’s time, off equal shares`,
      '%',
      rounds[way].map(({ passed: { heldMs } }) => offEqual(heldMs.p1 ?? 0, heldMs.p2 ?? 0)),
      WITHIN_10,
    ),
    plain(
      `two guests share, TCP ${way}: goodput, off equal shares`,
      '%',
      rounds[way].map(({ goodput }) => offEqual(...goodput)),
      WITHIN_10,
    ),
    plain(
      `two guests share, TCP ${way}: goodput of both`,
      'Mbit/s',
      rounds[way].map(({ goodput: [a, b] }) => a + b),
    ),
  ]);
  return [
    ...ways,
    plain('device switches, two guests sharing', 'switches', [sum(({ switches: count }) => count)]),
    plain('device switch, p50', 'ms', [switches.p50Ms], { of: 'ours', op: '<=', value: 5 }),
    plain('device switch, p99', 'ms', [switches.p99Ms]),
    plain('forced switches', 'switches', [sum(({ forced }) => forced)]),
    plain('frames dropped, two guests sharing', 'frames', [sum(({ dropped }) => dropped)], {
      of: 'ours',
      op: '<=',
      value: 0,
    }),
    ...(exits.count === 0
      ? []
      : [
          plain(`exit to the DMM, p50 (of ${exits.count})`, 'ms', [exits.p50Ms]),
          plain(`exit to the DMM, p99 (of ${exits.count})`, 'ms', [exits.p99Ms]),
        ]),
  ];
}
