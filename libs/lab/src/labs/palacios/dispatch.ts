import { hookDispatch } from '@v3vee/machine';
import type { LabContext } from '../../lab';
import { row, type LabRow } from '../../result';

/** What an exit costs the VMM itself: finding the hook, calling it, keeping account. */
export function measureDispatch(context: LabContext): LabRow[] {
  const figures = Array.from({ length: context.runs + 2 }, () => hookDispatch()).slice(2);
  return [
    row({
      name: 'a hook’s dispatch, beyond a port that nobody hooked',
      unit: 'ns per exit',
      ours: {
        name: 'hooked, counted',
        values: figures.map(({ hookedNs, unhookedNs }) => hookedNs - unhookedNs),
      },
      target: { of: 'ours', op: '<=', value: 100 },
    }),
    row({
      name: 'all of an exit’s handling, with an empty handler',
      unit: 'ns per exit',
      baseline: {
        name: 'nobody hooked it, not counted',
        values: figures.map(({ unhookedNs }) => unhookedNs),
      },
      ours: { name: 'hooked, counted', values: figures.map(({ hookedNs }) => hookedNs) },
    }),
  ];
}
