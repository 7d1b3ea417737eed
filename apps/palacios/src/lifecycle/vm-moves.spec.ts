import { V3Error } from '@v3vee/contracts';
import { definition, failing, FakeHost, FakeMachine, hanging } from './fake-host.fixture';
import { Fleet } from './fleet';
import type { StatusRecord } from './ports';
import { Vm, type Leaving } from './vm';

const started = async () => {
  const vmDefinition = definition();
  const host = new FakeHost([vmDefinition]);
  const vm = new Vm(host, vmDefinition, undefined);
  await vm.start();
  return { host, vm, vmDefinition, row: () => host.rows.get(vm.id) };
};
const settled = () => new Promise(resolve => setImmediate(resolve));

describe('a VM that moves away', () => {
  it('is held for it: the row says so before it begins, and nothing else is done with it', async () => {
    const { vm, row } = await started();
    let end: (stays: boolean) => void = () => undefined;
    const left = vm.leave('beta', async leaving => {
      expect(row()).toMatchObject({ state: 'RUNNING', reason: 'moving to beta' });
      expect(leaving).toMatchObject({ paused: false, definition: { id: vm.id } });
      return new Promise(resolve => (end = resolve));
    });
    await settled();
    await expect(vm.stop()).rejects.toMatchObject({ code: 'VM_BUSY' });
    await expect(vm.leave('beta', async () => true)).rejects.toMatchObject({ code: 'VM_BUSY' });
    end(true);
    expect(await left).toBe(true);
    expect(await vm.pause()).toMatchObject({ state: 'PAUSED' });
  });

  it('is freed when it has gone, and its row is left to the host that has it', async () => {
    const { host, vm, row } = await started();
    const before = { ...row() };
    expect(
      await vm.leave('beta', async leaving => {
        await leaving.standStill();
        return false;
      }),
    ).toBe(false);
    expect([host.machine.closed, host.held.size]).toEqual([true, 0]);
    expect(row()).toEqual({ ...before, reason: 'moving to beta' });
  });

  it('goes on where it is, with the frames that came meanwhile', async () => {
    const { host, vm, row } = await started();
    await vm.leave('beta', async leaving => {
      await leaving.standStill();
      expect([host.machine.running, host.machine.frames]).toEqual([false, ['hold']]);
      await leaving.goOn('did not move to beta: no room', undefined);
      return true;
    });
    expect([host.machine.running, host.machine.frames]).toEqual([true, ['hold', 'release']]);
    expect(row()).toMatchObject({ state: 'RUNNING', reason: 'did not move to beta: no room', epoch: 1 });
    expect(host.machine.epoch).toBeUndefined();
  });

  it('goes on under the epoch under which it was reclaimed, or stands still if it did before', async () => {
    const { host, vm, vmDefinition, row } = await started();
    await vm.pause();
    await vm.leave('beta', async leaving => {
      expect(leaving.paused).toBe(true);
      await leaving.standStill();
      await leaving.goOn('the bus was away', { ...vmDefinition, epoch: 2 });
      return true;
    });
    expect([host.machine.running, host.machine.epoch, vm.definition.epoch]).toEqual([false, 2, 2]);
    expect(row()).toMatchObject({ state: 'PAUSED', epoch: 2, reason: 'the bus was away' });
  });

  it('says so when it could not go on', async () => {
    const { host, vm, row } = await started();
    await vm.leave('beta', async leaving => {
      await leaving.standStill();
      host.machine.trouble.run = failing(new V3Error('GUEST_FAILED', 'it is broken'));
      await leaving.goOn('did not move to beta', undefined);
      return true;
    });
    expect(row()).toMatchObject({
      state: 'ERROR',
      reason: 'did not move to beta, and could not go on: it is broken',
    });
    expect(host.held.size).toBe(0);
  });

  it('does not begin to while the row can’t be written', async () => {
    jest.useFakeTimers();
    try {
      const { host, vm } = await started();
      host.status.write = () => hanging();
      const left = vm.leave('beta', async () => false);
      left.catch(() => undefined);
      await jest.advanceTimersByTimeAsync(10_000);
      await expect(left).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
      expect(host.machine.running).toBe(true);
    } finally {
      jest.useRealTimers();
    }
  });

  it('that ends by itself meanwhile is seen to afterwards', async () => {
    const { host, vm } = await started();
    await vm.leave('beta', async (leaving: Leaving) => {
      host.machine.end({ kind: 'poweroff', detail: '' });
      await leaving.goOn('the guest ended meanwhile', undefined);
      return true;
    });
    await settled();
    expect(vm.status()).toMatchObject({ state: 'STOPPED', reason: 'powered off by the guest' });
  });
});

describe('a VM that comes', () => {
  const arriving = () => {
    const vmDefinition = definition({ epoch: 2 });
    const host = new FakeHost([vmDefinition]);
    const fleet = new Fleet({
      host,
      vms: { ofHost: async () => [], swapOwner: async () => null },
      statuses: { get: async () => null, getMany: async () => new Map() },
    });
    const record: StatusRecord = {
      ...{ vmId: vmDefinition.id, host: host.name, epoch: 2, incarnation: host.incarnation },
      ...{ state: 'RUNNING', reason: '', desired: 'running', resumeState: null },
      ...{ agent: true, ips: [['10.0.0.1/24']], startedAt: new Date(0) },
    };
    return { host, fleet, vmDefinition, record, machine: new FakeMachine('moved') };
  };

  it('is nobody’s to work with until it is here, and then runs on', async () => {
    const { host, fleet, vmDefinition, record, machine } = arriving();
    fleet.expect(vmDefinition.id);
    expect(() => fleet.expect(vmDefinition.id)).toThrow(expect.objectContaining({ code: 'VM_BUSY' }));
    await expect(fleet.get(vmDefinition.id)).rejects.toMatchObject({ code: 'VM_BUSY' });
    const known = await fleet.moveIn(vmDefinition, machine, record, 'beta');
    expect(machine.running).toBe(true);
    await known();
    expect(host.rows.get(vmDefinition.id)).toMatchObject({
      ...{ state: 'RUNNING', reason: 'moved here from beta', epoch: 2 },
      ...{ ips: [['10.0.0.1/24']], startedAt: new Date(0) },
    });
    expect(() => fleet.expect(vmDefinition.id)).toThrow(expect.objectContaining({ code: 'VM_BUSY' }));
    expect(await (await fleet.get(vmDefinition.id)).pause()).toMatchObject({ state: 'PAUSED' });
  });

  it('stands still if it did there', async () => {
    const { fleet, vmDefinition, record, machine } = arriving();
    fleet.expect(vmDefinition.id);
    await fleet.moveIn(vmDefinition, machine, { ...record, state: 'PAUSED', desired: 'paused' }, 'beta');
    expect(machine.calls).toEqual([]);
    expect(await (await fleet.get(vmDefinition.id)).resume()).toMatchObject({ state: 'RUNNING' });
  });

  it('is this host’s to report when it can’t go on', async () => {
    const { host, fleet, vmDefinition, record, machine } = arriving();
    machine.trouble.run = failing(new V3Error('GUEST_FAILED', 'it is broken'));
    fleet.expect(vmDefinition.id);
    await fleet.moveIn(vmDefinition, machine, record, 'beta');
    expect(machine.closed).toBe(true);
    await settled();
    expect(host.rows.get(vmDefinition.id)).toMatchObject({
      state: 'ERROR',
      reason: 'came from beta, and could not go on: it is broken',
    });
  });

  it('that does not come leaves nothing', async () => {
    const { fleet, vmDefinition } = arriving();
    fleet.expect(vmDefinition.id);
    fleet.forgo(vmDefinition.id);
    expect(await (await fleet.get(vmDefinition.id)).start()).toMatchObject({ state: 'RUNNING' });
  });
});
