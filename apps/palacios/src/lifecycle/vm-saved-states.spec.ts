import { V3Error } from '@v3vee/contracts';
import { definition, FakeHost, failing, snapshotOf } from './fake-host.fixture';
import { Vm } from './vm';
import { code, settled, setUp, started } from './vm.fixture';

describe('a snapshot', () => {
  it('lets the guest run on', async () => {
    const { host, vm } = await started();
    host.machine.calls = [];
    await vm.snapshot('s1');
    expect([host.machine.calls, host.machine.running]).toEqual([['capture'], true]);
    expect(host.snapshotRows).toHaveLength(1);
    expect(vm.status()).toMatchObject({ state: 'RUNNING', reason: 'started from its template' });
  });

  it('of a paused VM leaves it paused', async () => {
    const { host, vm } = await started();
    await vm.pause();
    await vm.snapshot('s1');
    expect([vm.status().state, host.machine.running]).toEqual(['PAUSED', false]);
  });

  it('that fails leaves the guest running', async () => {
    const { host, vm } = await started();
    host.machine.trouble.capture = failing(new V3Error('INTERNAL', 'no'));
    await expect(vm.snapshot('s1')).rejects.toThrow('no');
    expect([vm.status().state, host.machine.running]).toEqual(['RUNNING', true]);
    host.machine.trouble = {};
    host.faults.create = new V3Error('STORAGE_FULL', 'no space');
    await expect(vm.snapshot('s1')).rejects.toEqual(code('STORAGE_FULL'));
    expect([vm.status().state, host.machine.running]).toEqual(['RUNNING', true]);
  });

  it('with a name that is taken is refused before the guest is touched', async () => {
    const { host, vm } = await started();
    await vm.snapshot('s1');
    host.machine.calls = [];
    await expect(vm.snapshot('s1')).rejects.toEqual(code('SNAPSHOT_EXISTS'));
    expect(host.machine.calls).toEqual([]);
  });

  it('can be gone back to from running, paused, stopped and failed', async () => {
    const { host, vm } = await started();
    const { id } = await vm.snapshot('s1');
    const expectRestored = async () => {
      expect(await vm.restore(id, false)).toMatchObject({
        state: 'RUNNING',
        reason: 'restored from snapshot s1',
      });
      expect([host.machine.made, host.held.get(vm.id)]).toEqual(['state d', 64]);
    };
    await expectRestored();
    await vm.pause();
    await expectRestored();
    await vm.stop();
    await expectRestored();
    host.machine.end({ kind: 'failed', detail: 'fault' });
    await settled();
    await expectRestored();
  });

  it('that does not fit is refused and the guest runs on', async () => {
    const { host, vm } = await started();
    const { id } = await vm.snapshot('s1');
    for (const fault of ['read', 'restore'] as const) {
      host.faults[fault] = new V3Error('STATE_INCOMPATIBLE', 'it had 2 NICs');
      await expect(vm.restore(id, false)).rejects.toEqual(code('STATE_INCOMPATIBLE'));
      delete host.faults[fault];
    }
    expect([vm.status().state, host.machine.running, host.machineList.length]).toEqual(['RUNNING', true, 1]);
  });

  it('of another host that is out of reach is refused with where it is', async () => {
    const { host, vm, vmDefinition } = await started();
    const far = snapshotOf(vmDefinition, { name: 'far', host: 'beta' });
    host.snapshotRows.push(far);
    host.faults.read = new V3Error('STATE_CORRUPT', 'it is not there');
    await expect(vm.restore(far.id, false)).rejects.toThrow(
      "snapshot far was saved on host beta and can't be used on alpha: it is not there",
    );
    expect([vm.status().state, host.machine.running]).toEqual(['RUNNING', true]);
  });

  it('of another VM is refused unless this one is to be its clone', async () => {
    const { host, vm } = setUp();
    const other = snapshotOf(definition({ name: 'b1' }), { name: 'good' });
    host.snapshotRows.push(other);
    await expect(vm.restore(other.id, false)).rejects.toThrow('snapshot good is of VM b1, not of a1');
    expect(await vm.restore(other.id, true)).toMatchObject({ reason: 'restored from snapshot good of b1' });
    expect(host.machine.made).toBe('state d as another');
  });
});

describe('shut-down', () => {
  it('saves a running guest and keeps what it is to be', async () => {
    const { host, vm, row } = await started();
    await vm.putAway();
    expect(row()).toMatchObject({
      state: 'STOPPED',
      reason: 'saved at the shut-down of palacios on alpha',
      desired: 'running',
      resumeState: 'a'.repeat(64),
    });
    expect([host.machine.closed, host.held.size]).toEqual([true, 0]);
  });

  it('tells of a disk that is full; the VM keeps its definition', async () => {
    const { host, vm, row } = await started();
    host.faults.write = new V3Error('STORAGE_FULL', 'no space left');
    await vm.putAway();
    expect(row()).toMatchObject({
      state: 'ERROR',
      reason: 'could not be saved at shut-down: no space left',
      resumeState: null,
    });
    expect([host.machine.closed, host.held.size]).toEqual([true, 0]);
  });

  it('leaves a guest that does not fit on the disk for another attempt', async () => {
    const { host, vm, row } = await started();
    host.faults.write = new V3Error('STORAGE_FULL', 'no space left');
    expect(await vm.putAway(false)).toBe(false);
    expect([row()?.state, host.machine.closed]).toEqual(['RUNNING', false]);
    delete host.faults.write;
    expect(await vm.putAway()).toBe(true);
    expect(row()).toMatchObject({ state: 'STOPPED', desired: 'running', resumeState: 'a'.repeat(64) });
  });

  it('leaves stopped VMs alone', async () => {
    const { vm, row } = setUp();
    await vm.putAway();
    expect(row()).toBeUndefined();
  });
});

describe('the next start', () => {
  const next = async (pause: boolean) => {
    const before = await started();
    if (pause) await before.vm.pause();
    await before.vm.putAway();
    const host = new FakeHost([before.vmDefinition]);
    host.files.add('a'.repeat(64));
    const vm = new Vm(host, before.vmDefinition, before.row());
    return { host, vm, row: () => host.rows.get(vm.id) };
  };

  it('goes on from the saved state and then drops it', async () => {
    const { host, vm, row } = await next(false);
    await vm.bringBack();
    expect(row()).toMatchObject({ state: 'RUNNING', desired: 'running', resumeState: null });
    expect([host.machine.made, host.machine.running, host.files.size]).toEqual(['state a', true, 0]);
  });

  it('brings a paused guest back paused', async () => {
    const { host, vm, row } = await next(true);
    await vm.bringBack();
    expect(row()).toMatchObject({ state: 'PAUSED', desired: 'paused', resumeState: null });
    expect(host.machine.running).toBe(false);
    expect(await vm.resume()).toMatchObject({ state: 'RUNNING' });
  });

  it.each(['take', 'read', 'restore'] as const)('keeps the state when that fails (%s)', async at => {
    const { host, vm, row } = await next(false);
    host.faults[at] = new V3Error('HOST_MEMORY_EXHAUSTED', 'nothing free');
    await vm.bringBack();
    expect(row()).toMatchObject({ state: 'ERROR', desired: 'running', resumeState: 'a'.repeat(64) });
    expect(row()?.reason).toContain('could not be resumed (nothing free); it is kept');
    expect([host.files.size, host.held.size]).toEqual([1, 0]);
    await expect(vm.start()).rejects.toEqual(code('HOST_MEMORY_EXHAUSTED'));
    expect(host.files.size).toBe(1);
    delete host.faults[at];
    expect(await vm.start()).toMatchObject({ reason: 'resumed from the state saved at shut-down' });
    expect(host.files.size).toBe(0);
  });

  it('can be told to do without the saved state', async () => {
    const { host, vm, row } = await next(false);
    host.faults.read = new V3Error('STATE_CORRUPT', 'changed');
    await vm.bringBack();
    expect(await vm.reset()).toMatchObject({ state: 'RUNNING', reason: 'reset' });
    expect([row()?.resumeState, host.files.size]).toEqual([null, 0]);
  });

  it('after a crash restarts from the last snapshot and says so', async () => {
    const { host, row, vmDefinition } = await started();
    const again = new FakeHost([vmDefinition]);
    again.snapshotRows.push(snapshotOf(vmDefinition, { name: 'good' }));
    const vm = new Vm(again, vmDefinition, row());
    await vm.afterKill();
    expect(vm.status()).toMatchObject({
      state: 'RUNNING',
      reason: 'restarted from snapshot good after palacios on alpha was killed',
    });
    expect(again.rows.get(vm.id)?.incarnation).not.toBe(host.incarnation);
    expect(again.announced.map(({ state }) => state)).toEqual(['ERROR', 'RESETTING', 'RUNNING']);
  });

  it('after a crash without a snapshot says what happened', async () => {
    const { row, vmDefinition } = await started();
    const vm = new Vm(new FakeHost([vmDefinition]), vmDefinition, row());
    await vm.afterKill();
    expect(vm.status()).toMatchObject({
      state: 'ERROR',
      reason: 'palacios on alpha was killed while the VM was running; it has no snapshot to restart from',
    });
    expect(await vm.start()).toMatchObject({ state: 'RUNNING' });
  });

  it('after a crash with a snapshot that can not be used says both', async () => {
    const { row, vmDefinition } = await started();
    const host = new FakeHost([vmDefinition]);
    host.snapshotRows.push(snapshotOf(vmDefinition));
    host.faults.read = new V3Error('STATE_CORRUPT', 'it was changed');
    const vm = new Vm(host, vmDefinition, row());
    await vm.afterKill();
    expect(vm.status()).toMatchObject({
      state: 'ERROR',
      reason:
        'palacios on alpha was killed while the VM was running; it could not be restarted from snapshot s1: it was changed',
    });
  });
});
