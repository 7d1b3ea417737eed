import {
  defaultNicSettings,
  V3Error,
  vmStates,
  verbStates,
  type VmState,
  type VmVerb,
} from '@v3vee/contracts';
import { definition, FakeHost, failing, hanging } from './fake-host.fixture';
import { mayMove, requireState } from './states';
import { Vm } from './vm';
import { code, settled, setUp, started } from './vm.fixture';

describe('a VM', () => {
  it('that never ran is STOPPED and says so', () => {
    expect(setUp().vm.status()).toMatchObject({ state: 'STOPPED', reason: 'never started', startedAt: null });
  });

  it('starts with memory from Kitten, and every transition is stored and announced', async () => {
    const { host, vm, row } = setUp();
    const status = await vm.start();
    expect(status).toMatchObject({ state: 'RUNNING', reason: 'started from its template' });
    expect(host.held.get(vm.id)).toBe(64);
    expect(host.machine.running).toBe(true);
    expect(row()).toMatchObject({ state: 'RUNNING', desired: 'running', incarnation: host.incarnation });
    expect(host.announced.map(({ state, reason }) => `${state}: ${reason}`)).toEqual([
      'STOPPED: starting from its template',
      'RUNNING: started from its template',
    ]);
  });

  it('goes through its verbs and ends without machine or memory', async () => {
    const { host, vm, row } = await started();
    expect(await vm.pause()).toMatchObject({ state: 'PAUSED', agent: false });
    expect(host.machine.running).toBe(false);
    expect(row()).toMatchObject({ state: 'PAUSED', desired: 'paused' });
    expect(await vm.resume()).toMatchObject({ state: 'RUNNING' });
    const first = host.machine;
    expect(await vm.reset()).toMatchObject({ state: 'RUNNING', reason: 'reset' });
    expect([first.closed, host.machine === first, host.held.get(vm.id)]).toEqual([true, false, 64]);
    expect(await vm.stop()).toMatchObject({ state: 'STOPPED', startedAt: null });
    expect([host.machine.closed, host.held.size]).toEqual([true, 0]);
    await vm.forget();
    expect(row()).toBeUndefined();
  });

  it.each(Object.keys(verbStates) as VmVerb[])('names the states that allow %s', verb => {
    for (const state of vmStates) {
      const attempt = () => requireState({ name: 'a1', state, reason: 'why' }, verb, verbStates[verb]);
      if ((verbStates[verb] as readonly VmState[]).includes(state)) expect(attempt).not.toThrow();
      else
        expect(attempt).toThrow(`VM a1 is ${state} (why); ${verb} needs it ${verbStates[verb].join(' or ')}`);
    }
  });

  it('refuses a verb in the wrong state without changing anything', async () => {
    const { vm } = setUp();
    await expect(vm.pause()).rejects.toEqual(code('VM_WRONG_STATE'));
    await expect(vm.snapshot('s1')).rejects.toThrow('snapshot needs it RUNNING or PAUSED');
    expect(vm.status()).toMatchObject({ state: 'STOPPED', reason: 'never started' });
  });

  it('does one verb at a time', async () => {
    const { vm } = setUp();
    const first = vm.start();
    await expect(vm.stop()).rejects.toEqual(code('VM_BUSY'));
    await expect(vm.stop()).rejects.toThrow('start is under way on VM a1; try stop again when it is done');
    await first;
    await vm.stop();
  });

  it.each(['take', 'boot'] as const)(
    'that can not start (%s) stays STOPPED, says why, holds nothing',
    async at => {
      const { host, vm, row } = setUp();
      host.faults[at] = new V3Error('HOST_MEMORY_EXHAUSTED', 'asked for 64 MiB, 12 MiB are free');
      await expect(vm.start()).rejects.toEqual(code('HOST_MEMORY_EXHAUSTED'));
      expect(row()).toMatchObject({
        state: 'STOPPED',
        reason: 'start failed: asked for 64 MiB, 12 MiB are free',
        desired: 'stopped',
      });
      expect(host.held.size).toBe(0);
      delete host.faults[at];
      await vm.start();
    },
  );

  it('whose new machine can not be made at a reset keeps the one it has', async () => {
    const { host, vm } = await started();
    host.faults.boot = new V3Error('IMAGE_CORRUPT', 'no such template');
    await expect(vm.reset()).rejects.toEqual(code('IMAGE_CORRUPT'));
    expect(vm.status()).toMatchObject({ state: 'RUNNING', reason: 'started from its template' });
    expect([host.machine.running, host.held.get(vm.id)]).toEqual([true, 64]);
  });

  it('whose new machine does not run at a reset is in ERROR and holds nothing', async () => {
    const { host, vm } = await started();
    host.nextTrouble = { run: failing(new V3Error('GUEST_FAILED', 'out of memory')) };
    await expect(vm.reset()).rejects.toEqual(code('GUEST_FAILED'));
    expect(vm.status()).toMatchObject({ state: 'ERROR', reason: 'reset failed: out of memory' });
    expect([host.machineList.map(({ closed }) => closed), host.held.size]).toEqual([[true, true], 0]);
    expect(await vm.reset()).toMatchObject({ state: 'RUNNING' });
    expect(host.held.get(vm.id)).toBe(64);
  });
});

describe('a simulation', () => {
  const paused = async () => {
    const all = await started();
    await all.vm.pause();
    return all;
  };
  const settled = () => new Promise(resolve => setImmediate(resolve));

  it('lets a paused guest run for some time, and leaves it paused', async () => {
    const { host, vm, row } = await paused();
    const simulating = vm.simulate(250);
    await settled();
    expect([vm.status().state, host.machine.running]).toEqual(['SIMULATING', true]);
    await expect(vm.resume()).rejects.toEqual(code('VM_BUSY'));
    host.machine.simulated(251);
    expect(await simulating).toMatchObject({
      state: 'PAUSED',
      reason: 'paused after 250 of 250 ms of guest time',
    });
    expect(row()).toMatchObject({ state: 'PAUSED', desired: 'paused' });
    await vm.resume();
    await expect(vm.simulate(1)).rejects.toEqual(code('VM_WRONG_STATE'));
  });

  it('does not count time in which the guest had to stand still', async () => {
    const { host, vm } = await paused();
    const simulating = vm.simulate(250);
    await settled();
    let back: () => void = () => undefined;
    host.lease.held = false;
    host.lease.whenHeld = () => new Promise(resolve => (back = resolve));
    host.machine.simulated(100);
    await settled();
    expect(host.machine.calls.filter(call => call === 'simulate')).toHaveLength(1);
    host.lease.held = true;
    back();
    await settled();
    host.machine.simulated(150);
    expect(await simulating).toMatchObject({ reason: 'paused after 250 of 250 ms of guest time' });
  });

  it('ends as the guest does', async () => {
    const { host, vm } = await paused();
    const failed = expect(vm.simulate(250)).rejects.toEqual(code('GUEST_FAILED'));
    await settled();
    host.machine.end({ kind: 'reboot', detail: 'reset' });
    await failed;
    await settled();
    expect(vm.status()).toMatchObject({ state: 'PAUSED', reason: 'rebooted by the guest' });
    expect(host.machineList.map(({ running }) => running)).toEqual([false, false]);
  });

  it('ends early at shut-down, and the guest is saved paused', async () => {
    const { host, vm, row } = await paused();
    const refused = expect(vm.simulate(250)).rejects.toThrow('a1 ran 20 of 250 ms of guest time');
    await settled();
    const away = vm.putAway();
    expect(host.machine.calls.at(-1)).toBe('pause');
    host.machine.simulated(20);
    await refused;
    expect(await away).toBe(true);
    expect(row()).toMatchObject({ state: 'STOPPED', desired: 'paused', resumeState: 'a'.repeat(64) });
  });
});

it('moves to another core of its host, or says why not', async () => {
  const { vm } = await started();
  expect(await vm.moveCore(1)).toMatchObject({ state: 'RUNNING' });
  await expect(vm.moveCore(2)).rejects.toEqual(code('HOST_CORE_NOT_FOUND'));
});

describe('settings of a NIC', () => {
  const nic = {
    index: 0,
    networkId: 'n',
    network: 'lan',
    vni: 7,
    mac: '02:00:00:00:00:01',
    ip: null,
    dhcp: false,
    dns: null,
    ...{ device: null, access: null, model: null },
    settings: defaultNicSettings,
  };
  const guarded = { ...defaultNicSettings, spoofGuard: true };
  const withNic = () => {
    const vmDefinition = definition({ nics: [nic] });
    const host = new FakeHost([vmDefinition]);
    return { host, vmDefinition, vm: new Vm(host, vmDefinition, undefined) };
  };

  it('reach the machine at once, and each that follows', async () => {
    const { host, vm } = withNic();
    await vm.start();
    vm.setNic(0, guarded);
    expect(host.machine.nicSettings).toEqual([
      [0, defaultNicSettings],
      [0, guarded],
    ]);
    host.machine.end({ kind: 'reboot', detail: '' });
    await settled();
    expect(host.machine.nicSettings).toEqual([[0, guarded]]);
  });

  it('reach the machine that is being made', async () => {
    const { host, vm } = withNic();
    const { boot } = host.machines;
    host.machines.boot = made => {
      vm.setNic(0, guarded);
      return boot(made);
    };
    await vm.start();
    expect(host.machine.nicSettings).toEqual([[0, guarded]]);
  });

  it('are refused for a NIC that is not there', () => {
    const { vm } = withNic();
    expect(() => vm.setNic(1, guarded)).toThrow(code('NIC_NOT_FOUND'));
    expect(() => vm.setNic(1, guarded)).toThrow('VM a1 has 1 NICs; there is no net1');
  });
});

describe('a guest that ends by itself', () => {
  it('by power-off leaves the VM STOPPED', async () => {
    const { host, vm, row } = await started();
    host.machine.end({ kind: 'poweroff', detail: '' });
    await settled();
    expect(vm.status()).toMatchObject({ state: 'STOPPED', reason: 'powered off by the guest' });
    expect(row()).toMatchObject({ desired: 'stopped' });
    expect([host.held.size, host.machine.closed]).toEqual([0, true]);
  });

  it('by reboot gets a new machine', async () => {
    const { host, vm } = await started();
    const first = host.machine;
    first.end({ kind: 'reboot', detail: '' });
    await settled();
    expect(vm.status()).toMatchObject({ state: 'RUNNING', reason: 'rebooted by the guest' });
    expect([first.closed, host.machine !== first, host.machine.running]).toEqual([true, true, true]);
    expect(host.announced.map(({ state }) => state)).toContain('RESETTING');
  });

  it('by reboot and can not be made anew is in ERROR and holds nothing', async () => {
    const { host, vm } = await started();
    host.faults.boot = new V3Error('IMAGE_NOT_FOUND', 'there is no image debian');
    host.machine.end({ kind: 'reboot', detail: '' });
    await settled();
    expect(vm.status()).toMatchObject({
      state: 'ERROR',
      reason: 'the reboot failed: there is no image debian',
    });
    expect([host.held.size, host.machine.closed]).toEqual([0, true]);
  });

  it('by failing leaves the VM in ERROR with what stopped it', async () => {
    const { host, vm } = await started();
    host.machine.end({ kind: 'failed', detail: 'virtio-net0: descriptor 77 is out of range' });
    await settled();
    expect(vm.status()).toMatchObject({
      state: 'ERROR',
      reason: 'virtio-net0: descriptor 77 is out of range',
    });
    expect(host.held.size).toBe(0);
    expect(await vm.start()).toMatchObject({ state: 'RUNNING' });
  });

  it('after its machine was replaced changes nothing', async () => {
    const { host, vm } = await started();
    const first = host.machine;
    await vm.reset();
    first.end({ kind: 'failed', detail: 'late news' });
    await settled();
    expect(vm.status()).toMatchObject({ state: 'RUNNING', reason: 'reset' });
  });

  it('while a verb is under way is seen to after it', async () => {
    const { host, vm } = await started();
    const pausing = vm.pause();
    host.machine.end({ kind: 'failed', detail: 'fault' });
    await pausing;
    await settled();
    expect(vm.status()).toMatchObject({ state: 'ERROR', reason: 'fault' });
  });
});

describe('a worker that hangs', () => {
  beforeEach(() => jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] }));
  afterEach(() => jest.useRealTimers());

  it('is ended when it does not stand still', async () => {
    const { host, vm } = await started();
    host.machine.trouble.pause = hanging();
    const pausing = expect(vm.pause()).rejects.toEqual(code('GUEST_FAILED'));
    await jest.advanceTimersByTimeAsync(10_000);
    await pausing;
    const reason = "the guest's worker did not stand still in time and was ended";
    expect(vm.status()).toMatchObject({ state: 'ERROR', reason });
    expect([host.machine.closed, host.held.size]).toEqual([true, 0]);
  });

  it('does not keep the others from being saved at shut-down, nor is it lost without a word', async () => {
    const { host, vm } = await started();
    host.machine.trouble.capture = hanging();
    const away = vm.putAway();
    await jest.advanceTimersByTimeAsync(20_000);
    await away;
    expect(vm.status()).toMatchObject({ state: 'ERROR' });
    expect(vm.status().reason).toContain('did not save its state in time');
    expect(host.held.size).toBe(0);
  });
});

describe('the table of transitions', () => {
  it('has no way out of a state that nothing leads to, and none that a verb needs is missing', () => {
    for (const state of vmStates) expect(mayMove(state, state)).toBe(true);
    expect(mayMove('STOPPED', 'RESETTING')).toBe(false);
    expect(mayMove('ERROR', 'RUNNING')).toBe(false);
    expect(mayMove('PAUSED', 'RESETTING')).toBe(true);
  });
});
