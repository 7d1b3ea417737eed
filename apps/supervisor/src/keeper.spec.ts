import { once } from 'node:events';
import { Keeper, type RestartPolicy } from './keeper';
import type { Running, Unit } from './unit';

/** A unit whose fate the test decides; no process. */
class FakeUnit implements Unit {
  readonly name = 'thing';
  starts = 0;
  end: (why: string) => void = () => {};
  constructor(private readonly fails: (start: number) => string | undefined = () => undefined) {}

  async start(_signal: AbortSignal, onPid: (pid: number) => void): Promise<Running> {
    const failure = this.fails(++this.starts);
    onPid(1000 + this.starts);
    if (failure) throw new Error(failure);
    const exited = new Promise<string>(resolve => (this.end = resolve));
    return {
      pid: 1000 + this.starts,
      url: `http://127.0.0.1:${this.starts}`,
      exited,
      stop: async () => this.end('stopped'),
      kill: () => this.end('killed'),
    };
  }
}

const policy: RestartPolicy = { initialMs: 20, maxMs: 80, healthyMs: 10_000, startAttempts: 3 };

function record(keeper: Keeper): { state: string; at: number }[] {
  const seen: { state: string; at: number }[] = [];
  keeper.on('change', ({ state }) => seen.push({ state, at: performance.now() }));
  return seen;
}

async function until(keeper: Keeper, state: string): Promise<void> {
  while (keeper.status.state !== state) await once(keeper, 'change');
}

describe('Keeper', () => {
  it('starts what ended, after pauses that double up to the limit', async () => {
    const unit = new FakeUnit();
    const keeper = new Keeper(unit, policy);
    const seen = record(keeper);
    await keeper.start();
    for (let round = 1; round <= 5; round++) {
      const before = unit.starts;
      unit.end('exit code 3');
      while (unit.starts === before) await once(keeper, 'change');
      await until(keeper, 'ready');
    }
    await keeper.stop();
    const pauses = seen.flatMap(({ state, at }, i) =>
      state === 'backoff' ? [(seen[i + 1]?.at ?? 0) - at] : [],
    );
    expect(pauses).toHaveLength(5);
    // A timer is never early by more than a millisecond; late it may be.
    [20, 40, 80, 80, 80].forEach((ms, i) => expect(pauses[i]).toBeGreaterThanOrEqual(ms - 1));
    expect(keeper.status).toMatchObject({ state: 'stopped', restarts: 5, pid: null });
  });

  it('begins with the short pause again after a healthy time', async () => {
    const unit = new FakeUnit();
    const keeper = new Keeper(unit, { ...policy, maxMs: 60_000, healthyMs: 0, initialMs: 1 });
    await keeper.start();
    // Without the reset the pauses would add up to 2^16 ms.
    for (let round = 0; round < 16; round++) {
      const before = unit.starts;
      unit.end('exit code 1');
      while (unit.starts === before) await once(keeper, 'change');
      await until(keeper, 'ready');
    }
    expect(unit.starts).toBe(17);
    await keeper.stop();
  });

  it('gives the reason while it waits to start again', async () => {
    const unit = new FakeUnit();
    const keeper = new Keeper(unit, { ...policy, initialMs: 60_000 });
    await keeper.start();
    expect(keeper.status).toMatchObject({ state: 'ready', url: 'http://127.0.0.1:1', pid: 1001 });
    unit.end('ended by SIGKILL');
    await until(keeper, 'backoff');
    expect(keeper.status).toMatchObject({ reason: 'ended by SIGKILL', pid: null, restarts: 1 });
    await keeper.stop(); // does not wait the minute
  });

  it('gives up a start that fails three times, saying why', async () => {
    const unit = new FakeUnit(() => 'exit code 1: no such database');
    const keeper = new Keeper(unit, policy);
    await expect(keeper.start()).rejects.toMatchObject({
      code: 'PROCESS_FAILED',
      message: 'thing does not start: exit code 1: no such database',
    });
    expect(unit.starts).toBe(3);
    expect(keeper.status.state).toBe('stopped');
  });

  it('never gives up what was ready once', async () => {
    const unit = new FakeUnit(start => (start > 1 && start < 8 ? 'exit code 1' : undefined));
    const keeper = new Keeper(unit, { ...policy, initialMs: 1, maxMs: 2 });
    await keeper.start();
    unit.end('gone');
    while (unit.starts < 8) await once(keeper, 'change');
    await until(keeper, 'ready');
    await keeper.stop();
  });

  it('does not start what was stopped before', async () => {
    const unit = new FakeUnit();
    const keeper = new Keeper(unit, policy);
    await keeper.stop();
    await expect(keeper.start()).rejects.toThrow('was stopped before it was ready');
    expect(unit.starts).toBe(0);
  });
});
