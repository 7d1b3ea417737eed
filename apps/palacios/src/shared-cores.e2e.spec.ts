import { readFileSync } from 'node:fs';
import { jobCalls, kittenCalls, type KernelTask } from '@v3vee/contracts';
import { programPath } from '@v3vee/native';
import type { VmDefinition } from '@v3vee/store';
import { Rig, waitFor } from './testing/rig.fixture';

/** Enough turns of 50 ms that one more or less makes little. */
const WINDOW_MS = 6_000;

describe('guests that share a core', () => {
  let rig: Rig;
  let a1: VmDefinition;
  let b1: VmDefinition;

  beforeAll(async () => {
    rig = await Rig.start();
    await rig.addHost('alpha', 512, 1, { V3_HOST_OVERCOMMIT: '2', V3_SCHED_HZ: '20' });
    [a1, b1] = [await rig.define('a1'), await rig.define('b1')];
    for (const vm of [a1, b1]) await rig.call('start', { vmId: vm.id });
  });
  afterAll(() => rig?.stop());

  /** The two that are looked at. */
  let names = (): [string, string] => [`vm/${a1.id}`, `vm/${b1.id}`];
  const tasks = async (): Promise<[KernelTask, KernelTask]> => {
    const { tasks: all } = await rig.bus.call(kittenCalls.tasks, 'alpha', {});
    return names().map(wanted => all.find(({ name }) => name === wanted)!) as [KernelTask, KernelTask];
  };
  const busy = (vm: VmDefinition) => rig.sh(vm, 'while :; do :; done >/dev/null 2>&1 & echo $! >/tmp/busy');
  const quiet = (vm: VmDefinition) => rig.sh(vm, 'kill $(cat /tmp/busy)');

  /** Just as Palacios has told what its guests used, which it does each second: b1 is always at work. */
  async function told(): Promise<[KernelTask, KernelTask]> {
    const before = await tasks();
    let now = before;
    await waitFor(async () => (now = await tasks())[1].usedMs !== before[1].usedMs);
    return now;
  }

  /** What each was granted and used within some seconds of the core's time, from one such word to another. */
  async function measured(): Promise<{ granted: [number, number]; used: [number, number] }> {
    const before = await told();
    let after = before;
    const sum = ([a, b]: [KernelTask, KernelTask]) => a.usedMs + b.usedMs;
    await waitFor(async () => sum((after = await told())) - sum(before) > WINDOW_MS, 120_000);
    const gone = (what: 'grantedMs' | 'usedMs'): [number, number] => [
      after[0][what] - before[0][what],
      after[1][what] - before[1][what],
    ];
    return { granted: gone('grantedMs'), used: gone('usedMs') };
  }
  const shareOf = ([a, b]: [number, number]) => a / (a + b);

  it('each get their half of it, when both want it', async () => {
    await busy(a1);
    await busy(b1);
    await waitFor(async () => (await tasks()).every(({ shared, state }) => shared && state === 'RUNNING'));
    const { granted, used } = await measured();
    expect(Math.abs(shareOf(granted) - 0.5)).toBeLessThan(0.05);
    expect(Math.abs(shareOf(used) - 0.5)).toBeLessThan(0.05);
  });

  it('get what is reserved for them', async () => {
    // A guest looks whether it still has its core some ms apart, more on a busy machine: little of such a slice.
    const policy = { kind: 'edf', sliceMs: 150, periodMs: 500 } as const;
    await rig.bus.call(kittenCalls.schedule, 'alpha', { task: `vm/${a1.id}`, policy });
    const { granted, used } = await measured();
    expect(Math.abs(shareOf(granted) - 0.3)).toBeLessThan(0.05);
    expect(Math.abs(shareOf(used) - 0.3)).toBeLessThan(0.05);
    await rig.bus.call(kittenCalls.schedule, 'alpha', { task: `vm/${a1.id}`, policy: { kind: 'rr' } });
  });

  it('leave it to the other one while they are halted, and have it back when they wake up', async () => {
    await quiet(a1);
    const { used } = await measured();
    expect(shareOf(used)).toBeLessThan(0.2);
    expect(await rig.sh(a1, 'echo awake')).toBe('awake');
  });

  it('leave it altogether while they are paused', async () => {
    await rig.call('pause', { vmId: a1.id });
    await waitFor(async () => (await tasks())[0].state === 'STOPPED');
    const { granted } = await measured();
    expect(shareOf(granted)).toBe(0);
    await rig.call('resume', { vmId: a1.id });
    expect(await rig.sh(a1, 'echo back')).toBe('back');
  });

  it('run on without Kitten, and share again when it is back', async () => {
    await busy(a1);
    await rig.signal('kitten-alpha', 'SIGKILL');
    for (const vm of [a1, b1]) expect(await rig.sh(vm, 'echo on')).toBe('on');
    await rig.restart('kitten-alpha');
    await waitFor(async () => (await tasks()).every(task => task?.shared && task.state === 'RUNNING'));
    const { granted } = await measured();
    expect(Math.abs(shareOf(granted) - 0.5)).toBeLessThan(0.05);
  });

  it('have it to themselves when the other one is gone', async () => {
    await rig.call('stop', { vmId: a1.id });
    const { tasks: all } = await rig.bus.call(kittenCalls.tasks, 'alpha', {});
    expect(all).toMatchObject([
      { name: `vm/${b1.id}`, shared: false, onCore: true },
      { name: 'idle/0', onCore: false },
    ]);
    expect(await rig.sh(b1, 'echo alone')).toBe('alone');
  });

  it('share it with a native task, each half', async () => {
    const { id: job } = await rig.bus.call(jobCalls.create, 'alpha', {
      ...{ program: 'selfish', args: ['600000'], share: true },
      binary: readFileSync(programPath('selfish')).toString('base64'),
    });
    names = () => [`job/${job}/0`, `vm/${b1.id}`];
    await waitFor(async () => (await tasks()).every(({ shared, state }) => shared && state === 'RUNNING'));
    const { granted, used } = await measured();
    expect(Math.abs(shareOf(granted) - 0.5)).toBeLessThan(0.05);
    expect(Math.abs(shareOf(used) - 0.5)).toBeLessThan(0.05);
    await rig.bus.call(jobCalls.kill, 'alpha', { job });
    expect(await rig.sh(b1, 'echo alone')).toBe('alone');
  });
});
