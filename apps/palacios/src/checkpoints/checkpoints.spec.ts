import type { SnapshotEntity, VmDefinition } from '@v3vee/store';
import { FakeClock } from '../lease/fake-clock.fixture';
import { definition, failing, FakeHost, hanging, snapshotOf } from '../lifecycle/fake-host.fixture';
import { Fleet } from '../lifecycle/fleet';
import { Checkpoints } from './checkpoints';

const EVERY = 30;

const setUp = async (vm: VmDefinition = definition({ failover: 'checkpoint', checkpointEvery: EVERY })) => {
  const host = new FakeHost([vm]);
  host.machines.boot = (boot => async (of: VmDefinition) => {
    const machine = await boot(of);
    machine.telemetry = () => (answers ? Promise.resolve(undefined as never) : hanging());
    return machine;
  })(host.machines.boot);
  let answers = true;
  const clock = new FakeClock();
  const fleet = new Fleet({
    host,
    vms: { ofHost: async () => host.vms, swapOwner: () => Promise.reject(new Error('not here')) },
    statuses: { get: async () => null, getMany: async () => new Map() },
  });
  let failure: Error | undefined;
  const checkpoints = new Checkpoints({
    host: 'alpha',
    lease: host.lease,
    fleet,
    vms: {
      ofHost: async () => {
        if (failure) throw failure;
        return host.vms;
      },
    },
    snapshots: { ofVm: async () => [...host.snapshotRows].reverse() },
    remove: async id => {
      host.snapshotRows.splice(
        host.snapshotRows.findIndex(row => row.id === id),
        1,
      );
    },
    log: host.log,
    clock,
  });
  host.snapshots.create = async (of, name, _state?: unknown, kind: SnapshotEntity['kind'] = 'named') => {
    const row = snapshotOf(of, { name, kind });
    host.snapshotRows.push(row);
    return row;
  };
  const started = await fleet.get(vm.id);
  await started.start();
  const look = async (seconds: number) => {
    clock.advance(seconds * 1_000);
    await checkpoints.look();
  };
  const names = () => host.snapshotRows.map(({ name, kind }) => `${kind} ${name}`);
  return {
    host,
    vm: started,
    look,
    names,
    checkpoints,
    mute: () => (answers = false),
    fail: (error?: Error) => (failure = error),
  };
};

it('are made at their interval, which begins when the guest runs, and the last two are kept', async () => {
  const { look, names, host } = await setUp();
  await look(0);
  await look(EVERY - 1);
  expect(names()).toEqual([]);
  await look(1);
  expect(names()).toEqual(['checkpoint auto-1']);
  await look(EVERY - 1);
  expect(names()).toEqual(['checkpoint auto-1']);
  for (let n = 0; n < 3; n++) await look(EVERY);
  expect(names()).toEqual(['checkpoint auto-3', 'checkpoint auto-4']);
  expect(host.machine.running).toBe(true);
});

it('are not made of other VMs, nor of one that stands still', async () => {
  const none = await setUp(definition());
  await none.look(0);
  await none.look(EVERY);
  expect(none.names()).toEqual([]);
  const paused = await setUp();
  await paused.look(0);
  await paused.vm.pause();
  await paused.look(EVERY);
  expect(paused.names()).toEqual([]);
});

it('leave alone what people saved, and the names that they gave', async () => {
  const { look, names, vm, checkpoints } = await setUp();
  await vm.snapshot('auto-7');
  await look(0);
  for (let n = 0; n < 3; n++) await look(EVERY);
  expect(names()).toEqual(['named auto-7', 'checkpoint auto-9', 'checkpoint auto-10']);
  await checkpoints.forget(vm.id);
  expect(names()).toEqual(['named auto-7']);
});

it('pass over a VM that is busy, or whose thread does not answer, and do it no harm', async () => {
  const busy = await setUp();
  await busy.look(0);
  busy.host.machine.trouble.capture = hanging();
  void busy.vm.snapshot('of-people').catch(() => undefined);
  await busy.look(EVERY);
  expect(busy.names()).toEqual([]);

  const mute = await setUp();
  await mute.look(0);
  mute.mute();
  await mute.look(EVERY);
  expect([mute.names(), mute.host.machine.running, mute.host.machine.closed]).toEqual([[], true, false]);
});

it('that fail are tried again after the interval; the guest runs on', async () => {
  const { host, look, names, vm, fail } = await setUp();
  await look(0);
  host.machine.trouble.capture = failing(new Error('no room'));
  await look(EVERY);
  expect([names(), vm.status().state, host.machine.running]).toEqual([[], 'RUNNING', true]);
  host.machine.trouble = {};
  fail(new Error('the database is away'));
  await look(EVERY);
  fail();
  await look(0);
  expect(names()).toEqual(['checkpoint auto-1']);
});

it('are not made without a lease', async () => {
  const { host, look, names } = await setUp();
  await look(0);
  host.lease.held = false;
  await look(EVERY);
  expect(names()).toEqual([]);
});
