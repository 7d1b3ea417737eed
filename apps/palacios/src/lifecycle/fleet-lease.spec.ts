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
    host.machine.trouble.capture = hanging();
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

describe('a VM whose Palacios was killed', () => {
  const gone = { ips: [], startedAt: null, incarnation: 'x', desired: 'running', resumeState: null } as const;
  const killed = async (failover: 'none' | 'restart', swap: (vm: VmDefinition) => VmDefinition | null) => {
    const vm = definition({ failover });
    const all = await setUp(vm);
    const row = { vmId: vm.id, host: 'alpha', epoch: 1, state: 'RUNNING', reason: '', agent: false } as const;
    all.host.rows.set(vm.id, { ...row, ...gone, ips: [] });
    const swaps: unknown[] = [];
    const fleet = new Fleet({
      host: all.host,
      vms: {
        ofHost: async () => all.host.vms,
        swapOwner: async (_, change) => {
          swaps.push(change);
          const swapped = swap(vm);
          all.host.vms.splice(0, 1, ...(swapped ? [swapped] : []));
          return swapped;
        },
      },
      statuses: {
        get: async id => (all.host.rows.get(id) as never) ?? null,
        getMany: async () => all.host.rows as never,
      },
    });
    await (
      await fleet.takeOver()
    )();
    return { vm, fleet, swaps, host: all.host };
  };
  const renewed = (vm: VmDefinition) => ({ ...vm, epoch: vm.epoch + 1 });

  it('is left alone if it is to go on elsewhere: nothing of it runs here, and its row stays as it was', async () => {
    const { vm, fleet, swaps, host } = await killed('restart', renewed);
    expect([fleet.statuses(), swaps, host.machineList]).toEqual([[], [], []]);
    expect(host.rows.get(vm.id)).toMatchObject({ incarnation: 'x', state: 'RUNNING' });
  });

  it('is this host’s again under a new epoch when somebody wants something of it first', async () => {
    const { vm, fleet, swaps } = await killed('restart', renewed);
    const here = await fleet.get(vm.id);
    expect(here.status()).toMatchObject({ state: 'STOPPED', reason: 'was RUNNING on alpha', epoch: 2 });
    expect(swaps).toEqual([{ from: 'alpha', epoch: 1, to: 'alpha' }]);
    expect(await here.start()).toMatchObject({ state: 'RUNNING', epoch: 2 });
  });

  it('is not touched when another host has it by then', async () => {
    const { vm, fleet, host } = await killed('restart', () => null);
    host.definitions.get = async () => {
      if (host.vms.length > 0) return vm;
      throw new V3Error('VM_NOT_FOUND', 'it is beta’s');
    };
    await expect(fleet.get(vm.id)).rejects.toMatchObject({ code: 'VM_NOT_FOUND' });
    expect(fleet.all()).toEqual([]);
  });

  it('is restarted here under a new epoch, if it has no policy', async () => {
    const { fleet, swaps } = await killed('none', renewed);
    expect(swaps).toHaveLength(1);
    expect(fleet.statuses()).toMatchObject([
      { state: 'ERROR', epoch: 2, reason: expect.stringContaining('palacios on alpha was killed') },
    ]);
  });
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
    const { read } = host.states;
    host.states.read = async digest => {
      if (digest === bad.digest) throw new V3Error('STATE_CORRUPT', 'it was changed');
      return read(digest);
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
