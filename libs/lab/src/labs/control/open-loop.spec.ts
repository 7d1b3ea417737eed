import { openLoop, type Clock } from './open-loop';

/** A clock that runs only while somebody waits for it. */
class TurnedClock implements Clock {
  private time = 1_000;
  private waiting: { at: number; wake: () => void }[] = [];
  now = () => this.time;
  sleep = (ms: number) => new Promise<void>(wake => this.waiting.push({ at: this.time + ms, wake }));
  /** Wakes whoever waits, in the order of their times, until nobody does. */
  async run(): Promise<void> {
    for (;;) {
      await new Promise(resolve => setImmediate(resolve));
      const next = this.waiting.sort((a, b) => a.at - b.at).shift();
      if (!next) return;
      this.time = Math.max(this.time, next.at);
      next.wake();
    }
  }
}

describe('an open loop', () => {
  let clock: TurnedClock;
  const loop = async (send: () => Promise<void>, seconds: number, by: Clock = clock) => {
    const [load] = await Promise.all([openLoop(send, { rate: 100, seconds }, undefined, by), clock.run()]);
    return load;
  };
  beforeEach(() => (clock = new TurnedClock()));

  it('sends each when it is due, and counts from then', async () => {
    const sentAt: number[] = [];
    const { latenciesMs } = await loop(() => {
      sentAt.push(clock.now() - 1_000);
      return clock.sleep(3);
    }, 0.05);
    expect(latenciesMs).toEqual([3, 3, 3, 3, 3]);
    expect(sentAt).toEqual([0, 10, 20, 30, 40]);
  });

  it('does not wait for answers: what a stall delays is counted for all that were due meanwhile', async () => {
    const stalled = () => clock.sleep(1_050 - clock.now());
    const { latenciesMs } = await loop(stalled, 0.05);
    expect(latenciesMs.sort((a, b) => a - b)).toEqual([10, 20, 30, 40, 50]);
  });

  it('counts from when it was due also where the sender itself was late', async () => {
    const sentAt: number[] = [];
    const late: Clock = { now: clock.now, sleep: ms => clock.sleep(ms + 25) };
    const { latenciesMs } = await loop(
      () => {
        sentAt.push(clock.now() - 1_000);
        return clock.sleep(1);
      },
      0.04,
      late,
    );
    expect(sentAt).toEqual([0, 35, 35, 35]);
    expect(latenciesMs).toEqual([1, 26, 16, 6]);
  });

  it('tells of failures beside, and ends with its signal', async () => {
    const failing = (index: number) => (index === 1 ? Promise.reject(new Error('no')) : Promise.resolve());
    const load = await openLoop(failing, { rate: 1_000, seconds: 0.003 });
    expect([load.latenciesMs.length, load.failures]).toEqual([2, ['no']]);
    await expect(
      openLoop(failing, { rate: 1, seconds: 9 }, AbortSignal.abort(new Error('stop'))),
    ).rejects.toThrow('stop');
  });
});
