import { HISTORY_SECONDS, RateHistory } from './history';
import type { VmRate } from './rates';

const rate = (vm: string, busy: number): VmRate => ({
  vm,
  busy,
  exits: 0,
  instructions: 0,
  exitsByKind: {},
  nics: [],
});

describe('the history of rates', () => {
  it('keeps the latest of each VM, in order, and no more than it shows', () => {
    const history = new RateHistory();
    history.add(1, [rate('a1', 0.1)]);
    history.add(2, [rate('a1', 0.2), rate('b1', 1)]);
    history.add(2, [rate('a1', 0.9)]);
    expect(history.of('a1').map(({ at, busy }) => [at, busy])).toEqual([
      [1, 0.1],
      [2, 0.2],
    ]);
    history.add(2 + HISTORY_SECONDS, [rate('a1', 0.3)]);
    expect(history.of('a1').map(({ at }) => at)).toEqual([2 + HISTORY_SECONDS]);
    expect(history.of('b1')).toHaveLength(1);
    expect(history.of('c1')).toEqual([]);
  });
});
