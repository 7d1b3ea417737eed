import type { Plot } from '../../plot';
import type { Move } from './move';

/** The rounds of one move, and what was left when the guest stood still. */
export function roundsPlot(name: string, { rounds, lastPages, hostMs, seen }: Move): Plot {
  const rest = rounds.map(() => null);
  return {
    name: `${name} (${seen.gapMs.toFixed(0)} ms seen by a peer)`,
    steps: { name: 'round', labels: [...rounds.map((_, index) => String(index + 1)), 'still'] },
    strips: [
      { name: 'sent', unit: 'pages', values: [...rounds.map(({ pages }) => pages), lastPages] },
      {
        name: 'changed meanwhile',
        unit: 'pages/s',
        values: [...rounds.map(({ dirtyPagesPerSecond }) => dirtyPagesPerSecond), null],
      },
      { name: 'downtime', unit: 'ms', values: [...rest, hostMs] },
    ],
  };
}
