import { percentile, row, type LabRow, type Target } from '../../result';
import { describeCase, type Case } from './loads';
import type { Move } from './move';

export const PRE_COPY_CLAIM = '60 ms (Clark et al., a game server under Xen)';
/** Of the memory that the guest uses, after compression; an idle one has its own bound, MiB. */
const MOST_SENT = { share: 0.5, idleMiB: 2 };

/** Moves of one case, by who made them; in turns, as many of each. */
export interface Moves {
  precopy: readonly Move[];
  stopAndCopy: readonly Move[];
  /** Nothing moved. */
  staying: readonly Move[];
  /** Where QEMU is installed. */
  qemu: readonly Move[] | undefined;
}

export function rowsOf(of: Case, { precopy, stopAndCopy, staying, qemu }: Moves): LabRow[] {
  const { load } = of;
  const where = describeCase(of);
  const most = (value: number | undefined): Target | undefined =>
    value === undefined ? undefined : { of: 'ours', op: '<=', value };
  const ours = (name: string, unit: string, values: readonly number[], target?: Target, claim?: string) => ({
    ...{ name: `${name}, ${where}`, unit, ours: { name: 'pre-copy', values } },
    ...{ target, claim },
  });
  const limit = most(load.atMostMs);
  const claim = limit && PRE_COPY_CLAIM;
  const measures: [string, string, (move: Move) => number, Target?, string?][] = [
    ['downtime seen by a peer', 'ms', ({ seen }) => seen.gapMs, limit, claim],
    ['downtime seen by the hosts', 'ms', ({ hostMs }) => hostMs],
    ['time in all', 'ms', ({ totalMs }) => totalMs],
    ['sent', 'MiB', ({ sentMiB }) => sentMiB, most(load.begin ? undefined : MOST_SENT.idleMiB)],
  ];
  const rows = measures.flatMap(([name, unit, figure, target, claimed]) => {
    const common = ours(name, unit, precopy.map(figure), target, claimed);
    const beside = [row({ ...common, baseline: { name: 'stop and copy', values: stopAndCopy.map(figure) } })];
    if (!qemu) return beside;
    const against = { ...ours(`${name}, against QEMU`, unit, precopy.map(figure)) };
    return [...beside, row({ ...against, baseline: { name: 'QEMU TCG', values: qemu.map(figure) } })];
  });
  const share = precopy.map(({ sentMiB, usedMiB }) => sentMiB / usedMiB);
  rows.push(
    row(
      ours('downtime seen by a peer, p95', 'ms', [
        percentile(
          precopy.map(({ seen }) => seen.gapMs),
          0.95,
        ),
      ]),
    ),
    row({
      ...{ name: `longest wait of a peer while nothing moves, ${where}`, unit: 'ms' },
      ours: { name: 'no move', values: staying.map(({ seen }) => seen.gapMs) },
    }),
    row(ours('sent, of memory in use', 'share', share, load.begin ? most(MOST_SENT.share) : undefined)),
    row(
      ours(
        'rounds',
        'rounds',
        precopy.map(({ rounds }) => rounds.length),
      ),
    ),
    row(ours('pages changed, as the last round found', '/s', precopy.map(lastRate))),
    row({
      ...ours(
        'pings lost, at 10 ms',
        'pings',
        precopy.map(({ seen }) => seen.lost),
        most(1),
      ),
      baseline: { name: 'stop and copy', values: stopAndCopy.map(({ seen }) => seen.lost) },
    }),
  );
  if (load.traffic) {
    const broken = (moves: readonly Move[]) => [moves.filter(move => move.broken).length];
    rows.push(row(ours('connections lost', 'connections', broken(precopy), most(0))));
  }
  return rows;
}

const lastRate = ({ rounds }: Move): number => rounds.at(-1)?.dirtyPagesPerSecond ?? 0;
