import type { Migration } from '@v3vee/contracts';
import { ApiError } from '../api/problem';
import { MigrationTracker } from './tracker';

const migration = (phase: Migration['phase']) =>
  ({ id: 'm1', vm: 'a1', phase, endedAt: phase === 'COMPLETED' ? 'now' : null }) as Migration;

describe('the migration tracker', () => {
  const tracked = (watches: (Migration | Error)[][]) => {
    const seen: string[] = [];
    const tracker = new MigrationTracker(
      {
        watch: async function* () {
          for (const line of watches.shift() ?? []) {
            if (line instanceof Error) throw line;
            yield line;
          }
        },
        get: async () => migration('COPYING'),
      },
      1,
    );
    tracker.subscribe(() =>
      seen.push(
        tracker
          .get()
          .map(({ phase }) => phase)
          .join(),
      ),
    );
    return { tracker, seen };
  };

  it('follows one to its end, over a stream that breaks and one that ends early', async () => {
    const { tracker, seen } = tracked([
      [migration('PREPARING'), ApiError.unreachable(new Error('reset'))],
      [migration('COPYING')],
      [migration('SWITCHING'), migration('COMPLETED')],
    ]);
    expect(await tracker.follow('m1')).toMatchObject({ phase: 'COMPLETED' });
    expect(seen).toEqual(['PREPARING', 'COPYING', 'COPYING', 'SWITCHING', 'COMPLETED']);
    tracker.dismiss('m1');
    expect(tracker.get()).toEqual([]);
  });

  it('gives up one that is not known', async () => {
    const { tracker } = tracked([[new ApiError('MIGRATION_NOT_FOUND', 'No such migration', 'm1')]]);
    await expect(tracker.follow('m1')).rejects.toMatchObject({ code: 'MIGRATION_NOT_FOUND' });
  });
});
