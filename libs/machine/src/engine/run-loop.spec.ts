import type { Engine } from './engine';
import { RunLoop, wakeUp, type RunLoopHost } from './run-loop';

/** The loop with a guest that is always halted, and a log of what is called; `script` gives each poll its answer. */
function setUp(script: { poll?: boolean[]; settle?: boolean[]; drain?: boolean[] }) {
  const calls: string[] = [];
  const wake = new Int32Array(new SharedArrayBuffer(4));
  const answer = (name: 'poll' | 'settle' | 'drain'): boolean => {
    calls.push(name);
    return script[name]?.shift() ?? false;
  };
  const host: RunLoopHost = {
    drain: () => answer('drain'),
    poll: () => answer('poll'),
    settle: () => answer('settle'),
    flush: () => undefined,
    exited: () => undefined,
  };
  const stopped = new Promise<void>(resolve => {
    const engine = {
      clock: { thaw: () => undefined, freeze: () => undefined },
      step: () => {
        calls.push('step');
        if (calls.filter(call => call === 'step').length === 4) {
          loop.stop();
          resolve();
        }
        return 1;
      },
    };
    const loop = new RunLoop(engine as unknown as Engine, wake, host);
    loop.start();
  });
  return { calls, wake, stopped };
}

it('polls the devices after each stretch of guest code, and before it sleeps', async () => {
  const { calls, stopped } = setUp({});
  await stopped;
  expect(calls).toEqual([
    'step',
    'poll',
    'settle',
    'step',
    'poll',
    'settle',
    'step',
    'poll',
    'settle',
    'step',
  ]);
});

it('does not sleep while devices have work, nor when something came before they settled', async () => {
  const { calls, stopped } = setUp({ poll: [true, true, false], settle: [true] });
  await stopped;
  expect(calls).toEqual(['step', 'poll', 'step', 'poll', 'step', 'poll', 'settle', 'step']);
});

it('takes in what arrived before the devices have their turn, also when it was asleep', async () => {
  const { calls, wake, stopped } = setUp({ drain: [true] });
  wakeUp(wake); // after the loop was made: it has not seen it
  await stopped;
  expect(calls.slice(0, 3)).toEqual(['step', 'drain', 'poll']);
});

it('keeps a throttled guest from running, while what arrives is taken in, until it is released', async () => {
  const calls: string[] = [];
  const wake = new Int32Array(new SharedArrayBuffer(4));
  await new Promise<void>(resolve => {
    const engine = {
      clock: { thaw: () => undefined, freeze: () => undefined },
      step: () => {
        calls.push('step');
        // It ran for a moment, and is held for hours.
        for (const end = performance.now() + 1; performance.now() < end;);
        if (calls.length > 1) {
          loop.stop();
          resolve();
        } else setImmediate(() => wakeUp(wake));
        return 0;
      },
    };
    const loop = new RunLoop(engine as unknown as Engine, wake, {
      drain: () => {
        calls.push('drain');
        loop.throttle(0);
        return true;
      },
      ...{ poll: () => false, settle: () => false, flush: () => undefined, exited: () => undefined },
    });
    loop.throttle(1 - 1e-8);
    loop.start();
  });
  expect(calls).toEqual(['step', 'drain', 'step']);
});

it('runs no guest code that it must not, and goes on when it is started again', async () => {
  const steps: number[] = [];
  let may = true;
  const engine = {
    clock: { thaw: () => undefined, freeze: () => undefined },
    step: () => {
      steps.push(steps.length);
      may = false;
      return 1;
    },
  };
  const loop = new RunLoop(engine as unknown as Engine, new Int32Array(new SharedArrayBuffer(4)), {
    mayRun: () => may,
    ...{ drain: () => false, poll: () => false, settle: () => false },
    ...{ flush: () => undefined, exited: () => undefined },
  });
  const stopped = async () => {
    while (loop.isRunning) await new Promise(resolve => setImmediate(resolve));
  };
  loop.start();
  await stopped();
  expect(steps).toHaveLength(1);
  loop.start();
  await stopped();
  expect(steps).toHaveLength(1);
  may = true;
  loop.start();
  await stopped();
  expect(steps).toHaveLength(2);
});

it('simulates a stretch of guest time, whatever the guest does in it, and tells how long it was when it is stopped', async () => {
  let now = 0;
  const told: number[] = [];
  const engine = {
    clock: {
      get now() {
        return now;
      },
      ...{ thaw: () => undefined, freeze: () => undefined },
    },
    step: () => {
      now += 3;
      return 0;
    },
  };
  const simulated = new RunLoop(engine as unknown as Engine, new Int32Array(new SharedArrayBuffer(4)), {
    ...{ drain: () => false, poll: () => false, settle: () => false },
    ...{ flush: () => undefined, exited: () => undefined },
    simulated: ranMs => told.push(ranMs),
  });
  const stopped = async () => {
    while (simulated.isRunning) await new Promise(resolve => setImmediate(resolve));
  };
  simulated.simulate(10);
  await stopped();
  expect(told).toEqual([12]);
  // Not what is over: this one runs until it is stopped.
  simulated.start();
  simulated.stop();
  simulated.simulate(1_000_000);
  simulated.stop();
  expect(told).toEqual([12, 0]);
});

it('holds a guest that has not its core, without stopping it, and tells when it is halted', async () => {
  const told: string[] = [];
  const wake = new Int32Array(new SharedArrayBuffer(4));
  let held = 0;
  await new Promise<void>(resolve => {
    const engine = {
      clock: { thaw: () => undefined, freeze: () => undefined },
      step: () => {
        told.push('step');
        if (told.filter(what => what === 'step').length < 2) {
          // For hours, if nobody said otherwise.
          held = 1e7;
          setImmediate(() => {
            told.push(loop.isRunning ? 'held' : 'stopped');
            held = 0;
            wakeUp(wake);
          });
          return 1;
        }
        loop.stop();
        resolve();
        return 0;
      },
    };
    const loop = new RunLoop(engine as unknown as Engine, wake, {
      core: {
        heldMs: () => held,
        enter: state => told.push(state),
        used: ms => expect(ms).toBeGreaterThanOrEqual(0),
      },
      ...{ drain: () => false, poll: () => false, settle: () => false },
      ...{ flush: () => undefined, exited: () => undefined },
    });
    loop.start();
  });
  expect(told).toEqual(['RUNNING', 'step', 'INTERRUPTIBLE', 'RUNNING', 'held', 'step', 'STOPPED']);
});
