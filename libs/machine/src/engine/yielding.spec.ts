import type { Engine } from './engine';
import { RunLoop } from './run-loop';
import { DEFAULT_YIELD, Yielding, type YieldCounters, type YieldStrategy } from './yielding';

const settings = (strategy: YieldStrategy) => ({ ...DEFAULT_YIELD, strategy });

it('greedy looks again at once, for ever', () => {
  const yielding = new Yielding();
  yielding.settings = settings('greedy');
  expect([0, 1, 1000].map(now => yielding.idle(now))).toEqual([0, 0, 0]);
  expect(yielding.counters).toEqual({ quanta: 0, polls: 3, sleeps: 0, longestSleepMs: 0 });
});

it('friendly sleeps at once, as long as there is nothing', () => {
  const yielding = new Yielding();
  expect(yielding.idle(0)).toBe(Infinity);
  expect(yielding.counters.polls).toBe(0);
});

it('adaptive looks again for 100 µs after the last work, then sleeps for 10 ms at most', () => {
  const yielding = new Yielding();
  yielding.settings = settings('adaptive');
  expect([0, 0.05, 0.1, 4].map(now => yielding.idle(now))).toEqual([0, 0, 10, 10]);
  yielding.worked();
  expect([20, 20.2].map(now => yielding.idle(now))).toEqual([0, 10]);
});

it('gives way as often as the schedule says', () => {
  const yielding = new Yielding();
  expect(yielding.quantumMs).toBe(10);
  yielding.settings = { ...DEFAULT_YIELD, scheduleHz: 1000 };
  expect(yielding.quantumMs).toBe(1);
});

/** A guest that is always halted for 25 ms, until its thread has done enough. */
function run(strategy: YieldStrategy, enough: (counters: YieldCounters) => boolean): Promise<YieldCounters> {
  const host = {
    drain: () => false,
    poll: () => false,
    settle: () => false,
    flush: () => undefined,
    exited: () => undefined,
  };
  return new Promise(resolve => {
    const engine = {
      clock: { thaw: () => undefined, freeze: () => undefined },
      step: () => {
        if (!enough(loop.yielding.counters)) return 25;
        loop.stop();
        resolve(loop.yielding.counters);
        return 0;
      },
    };
    const loop = new RunLoop(engine as unknown as Engine, new Int32Array(new SharedArrayBuffer(4)), host);
    loop.yielding.settings = settings(strategy);
    loop.start();
  });
}

it('is what a halted guest’s thread does', async () => {
  expect(await run('greedy', ({ polls }) => polls === 1000)).toMatchObject({ sleeps: 0 });
  const friendly = await run('friendly', ({ sleeps }) => sleeps === 3);
  expect(friendly).toMatchObject({ polls: 0, longestSleepMs: 25 });
  const adaptive = await run('adaptive', ({ sleeps }) => sleeps === 3);
  expect(adaptive.longestSleepMs).toBe(10);
  expect(adaptive.polls).toBeGreaterThan(0);
});
