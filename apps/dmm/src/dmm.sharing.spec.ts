import { dmmCalls, V3Error } from '@v3vee/contracts';
import { modelOf } from '@v3vee/device-models';
import { DmmContextRepository } from '@v3vee/store';
import { DmmRig, until } from './testing/dmm-rig.fixture';

const SLICE_MS = 20;

describe('the dmm service shares a card', () => {
  let rig: DmmRig;
  beforeAll(async () => {
    rig = await DmmRig.start();
  });
  afterAll(() => rig?.stop());
  beforeEach(() => rig.beginTest());
  afterEach(() => rig.endTest());

  const waiting = (count: number) => until(async () => (await rig.metric('waiting')) === count);

  it('that nobody has at once, with the hooks of the guest that gets it', async () => {
    const host = rig.startHost('rtl8139');
    await rig.startDmm();
    const guest = host.add();
    await host.want(guest);
    await rig.has(guest);
    const model = modelOf('rtl8139');
    const hooks = model.hooks(model.initialState());
    expect(host.switches[0]!.request).toEqual({
      ...{ nic: 'eth0', to: { vmId: guest.vmId, epoch: 1, state: guest.state }, reusableMs: 250, hooks },
      windows: model.windows(model.initialState(), { memorySize: guest.memorySize }),
    });
    // The host is done before the DMM has heard so.
    await until(async () => (await rig.hooks()).length > 0);
    expect(await rig.hooks()).toEqual(hooks);
    expect(await rig.hooks('eth9')).toEqual([]);
  });

  it('between two greedy guests in turns of a slice each, and keeps what they leave', async () => {
    const host = rig.startHost();
    await rig.startDmm();
    const [{ guest: a }, { guest: b }] = [await rig.addVm(), await rig.addVm()];
    for (const guest of [a, b]) guest.greedy = true;
    await Promise.all([host.want(a), host.want(b)]);
    await until(() => host.switches.length >= 12);
    for (const [n, { from, asked }] of host.switches.entries()) {
      if (n === 0) continue;
      const before = host.switches[n - 1]!;
      expect(from).toBe(before.to);
      // The slice begins at the DMM, after the host made the switch.
      expect(asked - before.made).toBeGreaterThanOrEqual(SLICE_MS);
    }
    expect(Math.abs(rig.turnsOf(a) - rig.turnsOf(b))).toBeLessThanOrEqual(1);
    const contexts = new DmmContextRepository(rig.source);
    const rows = () => contexts.list({ limit: 10, device: `${rig.name}/eth0` });
    await until(async () => (await rows()).length === 2);
    expect(await rows()).toMatchObject([a, b].map(() => ({ epoch: 1, forced: false, state: { tbcr: 0 } })));
    expect(await rig.metric('switch_seconds_count')).toBeGreaterThanOrEqual(11);
    expect(await rig.metric('switch_seconds_sum')).toBeGreaterThan(0);
  });

  it('for a frame, or not, as the policy says', async () => {
    const host = rig.startHost();
    await rig.startDmm();
    const [a, b, c] = [host.add(), host.add(), host.add()];
    await host.want(a);
    await rig.has(a);
    await host.want(b, 'frame');
    await rig.has(b);
    await rig.setPolicy({ onFrame: false });
    await host.want(a, 'frame');
    await waiting(1);
    // It comes later, but is a reason to switch.
    await host.want(c);
    await rig.has(c);
    await host.leave(c);
    await rig.has(a);
    expect(host.turns).toEqual([a, b, c, a].map(({ vmId }) => vmId));
  });

  it('by the slice of a new policy as soon as it is in force', async () => {
    const host = rig.startHost();
    await rig.startDmm();
    await rig.setPolicy({ sliceMs: 10_000 });
    const [a, b] = [host.add(), host.add()];
    await host.want(a);
    await rig.has(a);
    await host.want(b);
    await waiting(1);
    expect(host.holder).toBe(a);
    await rig.setPolicy({ sliceMs: 1 });
    await rig.has(b);
  });

  it('without those whose machines are gone, whether it heard of that or not', async () => {
    const host = rig.startHost();
    await rig.startDmm();
    await rig.setPolicy({ sliceMs: 10_000 });
    const [a, b, c, d] = [host.add(), host.add(), host.add(), host.add()];
    for (const guest of [a, b, c, d]) await host.want(guest);
    await rig.has(a);
    host.guests.delete(b.vmId);
    await host.leave(c);
    await host.leave(a);
    await rig.has(d);
    expect(host.turns).toEqual([a.vmId, d.vmId]);
    await waiting(0);
  });

  it('and loses no wish when switches fail, without trying all the time', async () => {
    const host = rig.startHost();
    await rig.startDmm();
    const guest = host.add();
    let tries = 0;
    host.obstacle = () => {
      if (++tries < 4) throw new V3Error('DEVICE_NOT_REUSABLE', 'not now');
    };
    const begin = performance.now();
    await host.want(guest);
    await rig.has(guest);
    expect(tries).toBe(4);
    expect(performance.now() - begin).toBeGreaterThanOrEqual(100 + 200 + 400);
    expect(await rig.metric('switches_failed_total')).toBe(3);
  });

  it('also with a new machine whose wish came before the release of the old one', async () => {
    const host = rig.startHost();
    await rig.startDmm();
    const [a, b] = [host.add({ greedy: true }), host.add()];
    await rig.setPolicy({ sliceMs: 10_000 });
    await host.want(a);
    await rig.has(a);
    await host.want(b);
    await waiting(1);
    await bus().call(dmmCalls.release, host.name, host.sharer(b));
    await rig.setPolicy({ sliceMs: 1 });
    await rig.has(b);
  });

  it('with nobody whose epoch is over', async () => {
    const old = rig.startHost();
    await rig.startDmm();
    const [guest, other] = [old.add(), old.add()];
    await old.want(guest);
    await rig.has(guest);
    await rig.setPolicy({ sliceMs: 10_000 });
    await old.want(other);
    await waiting(1);
    const target = rig.startHost('ne2000', `${rig.name}-new`);
    const moved = target.add({ ...guest, epoch: 2 });
    await target.want(moved);
    await rig.has(moved);
    // What it had at the old host is free, whatever that host believes.
    await rig.has(other, old);
    await old.acquire(guest);
    expect(old.refused).toMatchObject([
      { code: 'DEVICE_IN_USE', message: expect.stringContaining(`epoch 1 of VM ${guest.vmId} is over`) },
    ]);
    await expect(
      bus().call(dmmCalls.violation, old.name, {
        ...old.sharer(guest),
        denied: { register: 'TSAD0', direction: 'read', address: 0, length: 1 },
      }),
    ).rejects.toMatchObject({ code: 'DEVICE_IN_USE' });
    await bus().call(dmmCalls.release, target.name, { ...target.sharer(moved), epoch: 1 });
    await until(async () => (await rig.hooks()).length > 0);
    expect(await rig.metric('stale_epochs_total', {})).toBe(3);
  });

  const bus = () => rig.bus;
});
