import type { TaskPolicy } from '@v3vee/contracts';
import { Gate } from './gate';
import { Scheduler } from './scheduler';
import type { NewTask, Task } from './task';
import { FakeClock } from './testing/fake-clock.fixture';
import { generator } from './testing/generator.fixture';

const edf = (sliceMs: number, periodMs: number): TaskPolicy => ({ kind: 'edf', sliceMs, periodMs });

function setUp(schedHz = 10, cores = 2) {
  const clock = new FakeClock();
  const scheduler = new Scheduler({ cores, schedHz, clock });
  const add = (name: string, more: Partial<NewTask> = {}) => {
    const gate = new Gate();
    const task = scheduler.add({ name, kind: 'native', aspace: 3, core: 0, ...more, holder: gate });
    return Object.assign(task, { gate });
  };
  const granted = (task: Task) => {
    scheduler.list();
    return task.grantedMs;
  };
  const onCore = (core = 0) => scheduler.cores[core]!.current.name;
  return { clock, scheduler, add, granted, onCore };
}

describe('the scheduler', () => {
  it('has an idle task on each core, and leaves a task that is alone there in peace', () => {
    const { clock, scheduler, add, onCore, granted } = setUp();
    expect([onCore(0), onCore(1)]).toEqual(['idle/0', 'idle/1']);
    const a = add('a');
    expect([a.gate.isOpen, onCore(), clock.pending]).toEqual([true, 'a', 0]);
    scheduler.setState(a.id, 'INTERRUPTIBLE');
    expect([a.gate.isOpen, clock.pending]).toEqual([true, 0]);
    clock.pass(5_000);
    expect(granted(a)).toBe(5_000);
  });

  it('has tasks of a core take turns: one tick each, the one before at the tail', () => {
    const { clock, add, onCore, granted, scheduler } = setUp(10);
    const [a, b, c] = [add('a'), add('b'), add('c')];
    const turns: string[] = [];
    const before = [a, b, c].map(granted);
    for (let tick = 0; tick < 9; tick++) {
      turns.push(onCore());
      expect([a, b, c].filter(({ gate }) => gate.isOpen).map(({ name }) => name)).toEqual([onCore()]);
      clock.pass(100);
    }
    expect(turns.slice(0, 3).sort()).toEqual(['a', 'b', 'c']);
    expect(turns).toEqual([...turns.slice(0, 3), ...turns.slice(0, 3), ...turns.slice(0, 3)]);
    expect([a, b, c].map((task, i) => granted(task) - before[i]!)).toEqual([300, 300, 300]);
    expect(scheduler.switches).toBeGreaterThanOrEqual(9);
  });

  it('ticks once a second at 1 Hz', () => {
    const { clock, add, onCore } = setUp(1);
    add('a');
    add('b');
    const first = onCore();
    clock.pass(999);
    expect(onCore()).toBe(first);
    clock.pass(1);
    expect(onCore()).not.toBe(first);
  });

  it('evens out what timers that come late make of turns', () => {
    const { clock, add, granted } = setUp(20);
    const [a, b] = [add('a'), add('b')];
    const late: (typeof clock)['after'] = (ms, callback) => after(ms + (a.gate.isOpen ? 13 : 0), callback);
    const after = clock.after.bind(clock);
    clock.after = late;
    const before = [a, b].map(granted);
    clock.pass(20_000);
    const [ofA, ofB] = [a, b].map((task, i) => granted(task) - before[i]!) as [number, number];
    expect(Math.abs(ofA / (ofA + ofB) - 0.5)).toBeLessThan(0.01);
  });

  it('takes the core from a task that waits and gives it back at once when it wakes up', () => {
    const { clock, scheduler, add, onCore, granted } = setUp(1);
    const [a, b] = [add('a'), add('b')];
    scheduler.setState(a.id, 'INTERRUPTIBLE');
    expect([onCore(), a.gate.isOpen, b.gate.isOpen]).toEqual(['b', false, true]);
    clock.pass(10_000);
    expect(granted(b)).toBe(10_000);
    scheduler.setState(a.id, 'RUNNING');
    expect([onCore(), a.gate.isOpen, b.gate.isOpen]).toEqual(['a', true, false]);
  });

  it('leaves an idle core with who left it last, until another one wants it', () => {
    const { scheduler, add, onCore } = setUp(1);
    const [a, b] = [add('a'), add('b')];
    scheduler.setState(a.id, 'INTERRUPTIBLE');
    scheduler.setState(b.id, 'UNINTERRUPTIBLE');
    expect([onCore(), a.gate.isOpen, b.gate.isOpen]).toEqual(['idle/0', false, true]);
    scheduler.setState(a.id, 'RUNNING');
    expect([onCore(), a.gate.isOpen, b.gate.isOpen]).toEqual(['a', true, false]);
    scheduler.setState(a.id, 'STOPPED');
    scheduler.remove(a.id);
    expect([onCore(), b.gate.isOpen]).toEqual(['b', true]);
  });

  it('gives a reserved slice of each period before all that is round robin, and no more', () => {
    const { clock, add, granted } = setUp(10);
    const [rr, reserved] = [add('rr'), add('reserved', { policy: edf(30, 100) })];
    clock.pass(10_000);
    expect(granted(reserved)).toBeGreaterThanOrEqual(2_990);
    expect(granted(reserved)).toBeLessThanOrEqual(3_040);
    expect(granted(rr) + granted(reserved)).toBe(10_000);
  });

  it('has the earliest deadline first', () => {
    const { clock, add, granted } = setUp(10);
    const tasks = [edf(10, 40), edf(100, 400), edf(20, 100)].map((policy, i) => add(`t${i}`, { policy }));
    add('rr');
    clock.pass(40_000);
    const shares = tasks.map(task => granted(task) / 40_000);
    [0.25, 0.25, 0.2].forEach((share, i) => expect(Math.abs(shares[i]! - share)).toBeLessThan(0.005));
  });

  it('reserves no more of a core than there is, and leaves some of it to the others', () => {
    const { scheduler, add } = setUp();
    const a = add('a', { policy: edf(500, 1_000) });
    expect(() => add('b', { policy: edf(50, 100) })).toThrow('core 0, which has reserved too much');
    add('c', { policy: edf(45, 100) });
    const d = add('d', { core: 1, policy: edf(60, 100) });
    expect(() => scheduler.migrate(d.id, 0)).toThrow('reserved too much');
    expect(d.core).toBe(1);
    expect(() => scheduler.setPolicy(a.id, edf(51, 100))).toThrow('reserved too much');
    scheduler.setPolicy(a.id, { kind: 'rr' });
    scheduler.migrate(d.id, 1);
    expect(scheduler.list().filter(({ kind }) => kind !== 'idle')).toHaveLength(3);
  });

  it('moves a task to another core, unless it may not be there', () => {
    const { clock, scheduler, add, onCore } = setUp(1, 3);
    const a = add('a');
    const b = add('b', { affinity: [0, 2] });
    scheduler.migrate(b.id, 2);
    expect([onCore(0), onCore(2), a.gate.isOpen, b.gate.isOpen]).toEqual(['a', 'b', true, true]);
    expect(clock.pending).toBe(0);
    expect(() => scheduler.migrate(b.id, 1)).toThrow('b may be on the cores 0, 2, not on 1');
    expect(() => scheduler.migrate(b.id, 3)).toThrow('there is no core 3; cores are 0 to 2');
    expect(() => add('c', { core: 1, affinity: [0] })).toThrow('c may be on the cores 0, not on 1');
    expect(b.core).toBe(2);
  });

  it('forgets a task that ended, and cannot end the idle one', () => {
    const { scheduler, add, onCore } = setUp();
    const [a, b] = [add('a'), add('b')];
    const running = onCore() === 'a' ? a : b;
    expect([scheduler.remove(running.id), scheduler.remove(running.id), running.state]).toEqual([
      true,
      false,
      'EXITED',
    ]);
    expect(onCore()).toBe(running === a ? 'b' : 'a');
    const idle = scheduler.list().find(({ kind }) => kind === 'idle')!;
    expect(scheduler.remove(idle.id)).toBe(false);
  });

  it.each([1, 2, 3, 4, 5])('grants each core to one task at a time, whatever happens (seed %i)', seed => {
    const random = generator(seed);
    const { clock, scheduler, add } = setUp(20, 3);
    const tasks: ReturnType<typeof add>[] = [];
    const gone = () => tasks.splice(random(tasks.length), 1)[0]!;
    const unlessReserved = (action: () => void) => {
      try {
        action();
      } catch (thrown) {
        expect(String(thrown)).toContain('reserved too much');
      }
    };
    const states = ['RUNNING', 'RUNNING', 'INTERRUPTIBLE', 'UNINTERRUPTIBLE', 'STOPPED'] as const;
    for (let step = 0; step < 3_000; step++) {
      const some = tasks[random(Math.max(1, tasks.length))];
      switch (random(6)) {
        case 0:
          if (tasks.length > 12) scheduler.remove(gone().id);
          else tasks.push(add(`t${step}`, { core: random(3) }));
          break;
        case 1:
          unlessReserved(() => some && scheduler.migrate(some.id, random(3)));
          break;
        case 2: {
          const policy = random(2) ? edf(10 + random(40), 100) : ({ kind: 'rr' } as const);
          unlessReserved(() => some && scheduler.setPolicy(some.id, policy));
          break;
        }
        case 3:
          clock.pass(random(200));
          break;
        default:
          if (some) scheduler.setState(some.id, states[random(5)]!);
      }
      for (const [core, queue] of scheduler.cores.entries()) {
        const open = tasks.filter(task => task.core === core && task.gate.isOpen);
        expect(open.length).toBeLessThanOrEqual(1);
        const wants = tasks.some(
          ({ core: at, state, policy }) => at === core && state === 'RUNNING' && policy.kind === 'rr',
        );
        if (wants) expect(open.map(({ name }) => name)).toEqual([queue.current.name]);
        if (queue.isShared && queue.current !== queue.idle) expect(queue.current.state).toBe('RUNNING');
      }
    }
    const { idle, guest, native } = scheduler.granted();
    expect(idle + guest + native).toBeCloseTo(3 * clock.now(), 3);
  });

  it('starves nobody: of busy tasks each gets its share, whoever wakes up meanwhile', () => {
    const { clock, scheduler, add, granted } = setUp(10);
    const [a, b, c] = [add('a'), add('b'), add('c')];
    scheduler.setState(c.id, 'INTERRUPTIBLE');
    const from = [a, b].map(granted);
    for (let i = 0; i < 1_000; i++) {
      clock.pass(29);
      scheduler.setState(c.id, 'RUNNING');
      clock.pass(1);
      scheduler.setState(c.id, 'INTERRUPTIBLE');
    }
    const [ofA, ofB] = [a, b].map((task, i) => granted(task) - from[i]!) as [number, number];
    expect(Math.abs(ofA - ofB) / (ofA + ofB)).toBeLessThan(0.05);
  });
});
