import { V3Error } from '@v3vee/contracts';
import { code, settled, started } from './vm.fixture';

const MIB = 1 << 20;

it('gives the host what the guest gives back, and the guest what the host gives', async () => {
  const { vm, host } = await started();
  expect(await vm.balloon(40)).toEqual({
    ...{ vm: 'a1', memoryMiB: 64, targetMiB: 40, hostMiB: 40 },
    balloonBytes: 24 * MIB,
  });
  expect(host.held.get(vm.id)).toBe(40);
  await vm.balloon(64);
  expect([host.held.get(vm.id), host.machine.givenBytes]).toEqual([64, 0]);
});

it('tells the guest nothing when the host has not what it is to take back', async () => {
  const { vm, host } = await started();
  await vm.balloon(40);
  host.faults.take = new V3Error('HOST_MEMORY_EXHAUSTED', 'nothing is free');
  await expect(vm.balloon(50)).rejects.toEqual(code('HOST_MEMORY_EXHAUSTED'));
  expect([host.held.get(vm.id), host.machine.givenBytes]).toEqual([40, 24 * MIB]);
  expect(host.machine.calls).not.toContain('balloon 14');
});

it('begins a new machine with all of its memory', async () => {
  const { vm, host } = await started();
  await vm.balloon(40);
  host.machine.end({ kind: 'reboot', detail: 'the guest asked for it' });
  while (host.machineList.length < 2 || vm.isBusy) await settled();
  expect(host.held.get(vm.id)).toBe(64);
  await vm.reset();
  await vm.balloon(32);
  await vm.reset();
  expect(host.held.get(vm.id)).toBe(64);
});

it('refuses more than a VM has, and what does not run', async () => {
  const { vm } = await started();
  await expect(vm.balloon(65)).rejects.toEqual(code('INVALID_REQUEST'));
  await vm.pause();
  await expect(vm.balloon(40)).rejects.toEqual(code('VM_WRONG_STATE'));
});
