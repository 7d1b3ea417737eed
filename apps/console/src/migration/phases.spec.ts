import type { Migration } from '@v3vee/contracts';
import { isCancellable, phaseDurations, stepStates } from './phases';

const at = (second: number) => new Date(second * 1000).toISOString();
const through = (phase: Migration['phase'], ...phases: Migration['phase'][]) =>
  ({ phase, phases: phases.map((each, second) => ({ phase: each, at: at(second) })), endedAt: null }) as Pick<
    Migration,
    'phase' | 'phases'
  > as Migration;

describe('phases of a migration', () => {
  it.each([
    [through('COPYING', 'PREPARING', 'COPYING'), 'done now ahead ahead ahead'],
    [
      through('COMPLETED', 'PREPARING', 'COPYING', 'STOPPED', 'SWITCHING', 'COMPLETED'),
      'done done done done done',
    ],
    [through('FAILED', 'PREPARING', 'COPYING', 'FAILED'), 'done failed ahead ahead ahead'],
    [through('CANCELLED', 'PREPARING', 'CANCELLED'), 'failed ahead ahead ahead ahead'],
  ])('are done, under way or ahead: %j', (migration, states) =>
    expect(stepStates(migration).join(' ')).toBe(states),
  );

  it('take as long as until the next one, the last until now', () => {
    const migration = through('COPYING', 'PREPARING', 'COPYING');
    expect([...phaseDurations(migration, 4_000)]).toEqual([
      ['PREPARING', 1_000],
      ['COPYING', 3_000],
    ]);
    expect([...phaseDurations({ ...migration, endedAt: at(2) }, 9_000)][1]).toEqual(['COPYING', 1_000]);
  });

  it('let it be cancelled until the guest has been handed over', () => {
    expect(isCancellable('COPYING')).toBe(true);
    expect(isCancellable('SWITCHING')).toBe(false);
  });
});
