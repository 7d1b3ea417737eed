import { V3Error } from '@v3vee/contracts';
import type { VmDefinition } from '@v3vee/store';
import { definition, FakeHost, hanging, snapshotOf } from './fake-host.fixture';
import { Fleet } from './fleet';

/** A host whose lease a test takes away and gives back. */
class Leased extends FakeHost {
  #back: () => void = () => undefined;

  lapse(fleet: Fleet): void {
    this.lease.held = false;
    const back = new Promise<void>(resolve => (this.#back = resolve));
    this.lease.whenHeld = () => back;
    fleet.standStill();
  }

  /** @param owned what the store says then */
  giveBack(fleet: Fleet, owned: VmDefinition[]): void {
    this.lease.term++;
    fleet.settle(owned);
    this.lease.held = true;
    this.#back();
    fleet.goOn();
  }
}

const setUp = async (...vms: VmDefinition[]) => {
  const host = new Leased(vms);
  const fleet = new Fleet({
    host,
    vms: { ofHost: async () => host.vms, swapOwner: () => Promise.reject(new Error('not here')) },
    statuses: {
      get: async id => (host.rows.get(id) as never) ?? null,
      getMany: async () => host.rows as never,
    },
  });
  return { host, fleet };
};
const settled = () => new Promise(resolve => setImmediate(resolve));
const taken = (vm: VmDefinition): VmDefinition => ({ ...vm, ownerHost: 'beta', epoch: vm.epoch + 1 });

describe('when the lease of the host is over', () => {
  const a1 = definition();

  it('guests stand still, also while something else is done with them, and no verb is accepted', async () => {
    const { host, fleet } = await setUp(a1);
    const vm = await fleet.get(a1.id);
    await vm.start();
    host.machine.trouble.save = hanging();
    void vm.snapshot('s').catch(() => undefined);
    await settled();
    host.machine.running = true; // as if it had not stood still for that
    host.lapse(fleet);
    await settled();
    expect(host.machine.running).toBe(false);
    expect(fleet.statuses()).toMatchObject([
      { state: 'PAUSED', reason: expect.stringContaining('the lease of host alpha') },
    ]);
    await expect(fleet.get(a1.id)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
  });

  it('those that are still this host’s go on when it is back; who stood still before stands still', async () => {
    const a2 = definition({ name: 'a2' });
    const { host, fleet } = await setUp(a1, a2);
    await (await fleet.get(a1.id)).start();
    await (await fleet.get(a2.id)).start();
    await (await fleet.get(a2.id)).pause();
    const [first, second] = host.machineList;
    host.lapse(fleet);
    await settled();
    expect(first?.running).toBe(false);
    host.giveBack(fleet, [a1, a2]);
    await settled();
    expect([first?.running, second?.running]).toEqual([true, false]);
    expect(fleet.statuses().map(({ state }) => state)).toEqual(['RUNNING', 'PAUSED']);
  });

  it('one that another host has by then is discarded, never having run again', async () => {
    const { host, fleet } = await setUp(a1);
    await (await fleet.get(a1.id)).start();
    host.lapse(fleet);
    host.giveBack(fleet, []);
    await settled();
    const { calls, closed } = host.machine;
    expect({ calls, closed }).toEqual({ calls: ['run', 'pause'], closed: true });
    expect(host.held.size).toBe(0);
    expect(fleet.known(a1.id)).toBeUndefined();
  });

  it('one that was this host’s under an older epoch is discarded, too', async () => {
    const { host, fleet } = await setUp(a1);
    await (await fleet.get(a1.id)).start();
    host.lapse(fleet);
    host.giveBack(fleet, [{ ...a1, epoch: a1.epoch + 2 }]);
    await settled();
    expect([host.machine.closed, host.held.size]).toEqual([true, 0]);
  });

  it.each([
    ['goes on when it is back', true],
    ['comes to nothing when another host has the VM by then', false],
  ])('a start that was under way %s', async (_, stays) => {
    const { host, fleet } = await setUp(a1);
    let made: () => void = () => undefined;
    const boot = host.machines.boot;
    host.machines.boot = async vm => {
      await new Promise<void>(resolve => (made = resolve));
      return boot(vm);
    };
    const starting = (await fleet.get(a1.id)).start().then(
      ({ state }) => state,
      thrown => V3Error.from(thrown).code,
    );
    await settled();
    host.lapse(fleet);
    made();
    await settled();
    expect(host.machine.calls).toEqual([]);
    host.giveBack(fleet, stays ? [a1] : []);
    expect(await starting).toBe(stays ? 'RUNNING' : 'VM_NOT_FOUND');
    expect([host.machine.running, host.machine.closed, host.held.size]).toEqual([
      stays,
      !stays,
      stays ? 1 : 0,
    ]);
  });

  it('what was read of the store before is read again', async () => {
    const { host, fleet } = await setUp(a1);
    let asked = 0;
    host.definitions.get = async () => {
      if (asked++ > 0) throw new V3Error('VM_NOT_FOUND', 'it is beta’s');
      host.lapse(fleet);
      host.giveBack(fleet, []);
      return a1;
    };
    await expect(fleet.get(a1.id)).rejects.toMatchObject({ code: 'VM_NOT_FOUND' });
    expect(fleet.all()).toEqual([]);
  });
});

it('a VM whose Palacios was killed, and of which nothing was saved, starts anew if it is to come back at all', async () => {
  const vm = definition({ failover: 'restart' });
  const { host, fleet } = await setUp(vm);
  const gone = { ips: [], startedAt: null, incarnation: 'x', desired: 'running', resumeState: null } as const;
  const row = { vmId: vm.id, host: 'alpha', epoch: 1, state: 'RESETTING', reason: '', agent: false } as const;
  host.rows.set(vm.id, { ...row, ...gone, ips: [] });
  await (
    await fleet.takeOver()
  )();
  expect(fleet.statuses()).toMatchObject([
    { state: 'RUNNING', reason: 'restarted from its template after palacios on alpha was killed' },
  ]);
});

describe('a VM whose last host was lost', () => {
  const old = definition({ host: 'gamma', ownerHost: 'gamma' });
  const vm = { ...taken(old), host: 'alpha', ownerHost: 'alpha' };
  const row = {
    vmId: vm.id,
    host: 'gamma',
    epoch: 1,
    state: 'RUNNING',
    reason: 'started',
    agent: true,
  } as const;
  const rest = {
    ips: [['10.0.0.1/24']],
    startedAt: new Date(),
    incarnation: 'x',
    desired: 'running',
    resumeState: null,
  } as const;
  const lost = async () => {
    const all = await setUp(vm);
    all.host.rows.set(vm.id, { ...row, ...rest, ips: [] });
    return all;
  };
  const request = { snapshotIds: [], paused: false, reason: 'after host gamma was lost' };

  it('does not run here because a row says that it ran there', async () => {
    const { fleet } = await lost();
    expect((await fleet.get(vm.id)).status()).toMatchObject({
      state: 'STOPPED',
      reason: 'was RUNNING on gamma',
      epoch: 2,
    });
  });

  it('goes on from the best state that can be used, and says from which', async () => {
    const { host, fleet } = await lost();
    const made = (name: string, time: string) =>
      snapshotOf(vm, {
        name,
        kind: 'checkpoint',
        createdAt: new Date(`2026-01-02T${time}Z`),
        digest: name.repeat(64).slice(0, 64),
      });
    const [good, bad] = [made('a', '05:12:03'), made('b', '05:12:33')];
    host.snapshotRows.push(good, bad);
    const { verify } = host.states;
    host.states.verify = async digest => {
      if (digest === bad.digest) throw new V3Error('STATE_CORRUPT', 'it was changed');
      return verify(digest);
    };
    const recovered = await (await fleet.get(vm.id)).recover({ ...request, snapshotIds: [bad.id, good.id] });
    expect(recovered).toMatchObject({
      state: 'RUNNING',
      reason: 'restarted on alpha from checkpoint a of 05:12:03 after host gamma was lost',
    });
    expect(host.machineList).toHaveLength(1);
  });

  it('starts anew without one; asked again, nothing happens', async () => {
    const { host, fleet } = await lost();
    const recovered = await (await fleet.get(vm.id)).recover(request);
    expect(recovered).toMatchObject({
      state: 'RUNNING',
      reason: 'restarted on alpha from its template after host gamma was lost',
    });
    expect(await (await fleet.get(vm.id)).recover(request)).toEqual(recovered);
    expect(host.machineList).toHaveLength(1);
  });

  it('says why it could not be started', async () => {
    const { host, fleet } = await lost();
    host.faults.take = new V3Error('HOST_MEMORY_EXHAUSTED', 'there is no room');
    await expect((await fleet.get(vm.id)).recover(request)).rejects.toMatchObject({
      code: 'HOST_MEMORY_EXHAUSTED',
    });
    expect(host.rows.get(vm.id)).toMatchObject({
      ...{ host: 'alpha', epoch: 2, state: 'STOPPED' },
      reason: 'restarting after host gamma was lost failed: there is no room',
    });
  });
});
