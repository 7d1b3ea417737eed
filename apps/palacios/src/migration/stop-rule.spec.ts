import { migrationOptions } from '@v3vee/contracts';
import { afterRound, dirtyPagesPerSecond, predictedDowntimeMs, type RoundFigures } from './stop-rule';

const options = (change: object = {}) => migrationOptions.parse(change);
const round = (pages: number, change: Partial<RoundFigures> = {}): RoundFigures => ({
  pages,
  scanMs: 20,
  durationMs: 100,
  pageMs: 0.02,
  ...change,
});

it('knows nothing of a guest before the second round', () => {
  expect(predictedDowntimeMs([round(8_900)])).toBeNull();
  expect(dirtyPagesPerSecond([round(8_900)])).toBe(0);
});

it('expects what the guest changes during the last round, at the speed that was measured', () => {
  const rounds = [round(8_900, { durationMs: 500 }), round(1_000, { durationMs: 100 })];
  expect(dirtyPagesPerSecond(rounds)).toBe(2_000);
  // 18 for the switch, 20 to look, 200 pages
  expect(predictedDowntimeMs(rounds)).toBe(18 + 20 + 200 * 0.02);
});

describe('the last round begins', () => {
  const slow = { pageMs: 1 };
  it.each([
    ['after one with few pages', [round(200)], {}, 'few pages left'],
    ['when it will probably be short', [round(9_000), round(300)], {}, 'short downtime'],
    [
      'after as many as are allowed',
      [round(9_000, slow), round(900, slow)],
      { maxRounds: 2 },
      'enough rounds',
    ],
    [
      'when nothing is gained',
      [round(9_000, slow), round(500, slow), round(500, slow)],
      {},
      'no improvement',
    ],
  ])('%s', (_, rounds, change, why) => {
    expect(afterRound(rounds, 0, options(change))).toEqual({ do: 'stop', why });
  });

  it('not before: another round follows', () => {
    expect(afterRound([round(9_000)], 0, options())).toEqual({ do: 'round', throttle: 0 });
    expect(afterRound([round(9_000, slow), round(500, slow)], 0.4, options())).toEqual({
      do: 'round',
      throttle: 0.4,
    });
  });
});

it('slows a guest down that changes too much, if it may, and not to a standstill', () => {
  const rounds = [round(9_000), round(900), round(900)].map(each => ({ ...each, pageMs: 1 }));
  const shares: number[] = [];
  for (let share = 0; ;) {
    const verdict = afterRound(rounds, share, options({ autoConverge: true }));
    if (verdict.do === 'stop') {
      expect(verdict.why).toBe('no improvement');
      break;
    }
    shares.push((share = verdict.throttle));
  }
  expect(shares).toEqual([0.2, 0.4, 0.6, 0.8]);
});
