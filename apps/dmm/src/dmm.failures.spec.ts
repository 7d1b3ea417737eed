import { randomUUID } from 'node:crypto';
import { modelOf } from '@v3vee/device-models';
import { DmmRig, until } from './testing/dmm-rig.fixture';

describe('after a failure', () => {
  let rig: DmmRig;
  beforeAll(async () => {
    rig = await DmmRig.start();
  });
  afterAll(() => rig?.stop());
  beforeEach(() => rig.beginTest());
  afterEach(() => rig.endTest());

  describe('a DMM', () => {
    it('that was killed in the middle of a switch: the next one learns who has the card and who waits', async () => {
      const host = rig.startHost();
      await rig.startDmm();
      const guests = [1, 2, 3].map(() => host.add({ greedy: true }));
      const [a, b, c] = guests;
      await host.want(a!);
      await rig.has(a!);
      let go: () => void = () => undefined;
      const gate = new Promise<void>(resolve => (go = resolve));
      let held = 0;
      host.obstacle = () => {
        held++;
        return gate;
      };
      await host.want(b!);
      await host.want(c!);
      await until(() => held === 1);
      await rig.killDmm();
      await rig.startDmm();
      const before = host.switches.length;
      host.obstacle = () => undefined;
      go();
      await until(() => guests.every(guest => rig.turnsOf(guest) >= 4));
      const turns = host.turns.slice(before);
      // Nobody was given the card twice before the others had it.
      for (let n = 3; n < turns.length; n++) expect(new Set(turns.slice(n - 2, n + 1)).size).toBe(3);
    });

    it('that was killed: the next one serves the longest waiting first', async () => {
      const host = rig.startHost();
      await rig.startDmm();
      await rig.setPolicy({ sliceMs: 10_000 });
      const [a, b, c] = [host.add(), host.add(), host.add()];
      await host.want(a);
      await rig.has(a);
      await host.want(b);
      await host.want(c);
      await rig.killDmm();
      // The order in which wishes are repeated means nothing.
      host.guests.delete(b.vmId);
      host.guests.set(b.vmId, b);
      await rig.startDmm();
      await until(async () => (await rig.metric('waiting')) === 2);
      await host.leave(a);
      await rig.has(b);
      await host.leave(b);
      await rig.has(c);
    });
  });

  it('of the DMM, the next one knows the hooked I/O list of who has the card, before its next exit', async () => {
    const model = modelOf('rtl8139');
    const host = rig.startHost('rtl8139');
    await rig.startDmm();
    const guest = host.add();
    await host.want(guest);
    await rig.has(guest);
    const access = { direction: 'write', offset: 0x37, size: 1, value: 4, page: 0 } as const;
    const { state } = await rig.exit(guest, 1, access);
    guest.state = state!;
    const hooks = model.hooks(model.checkState(state));
    expect(await rig.hooks()).toEqual(hooks);
    await rig.killDmm();
    await rig.startDmm();
    expect(await rig.hooks()).toEqual(hooks);
    // What it was told is no better than what an exit tells: the state is compared, and news are told.
    const again = await rig.exit(guest, 2, access);
    expect(again).toMatchObject({ verdict: 'proceed', hooks: model.hooks(again.state) });
  });

  it('of NATS, wishes that were made meanwhile are heard of', async () => {
    const host = rig.startHost();
    await rig.startDmm();
    const [a, b] = [host.add(), host.add()];
    await host.want(a);
    await rig.has(a);
    await rig.restartNats(() => {
      // As one whose message got lost on the way.
      b.wish = { why: 'access', since: performance.now() };
    });
    await until(() => {
      host.beat();
      return host.holder === b;
    });
  });

  describe('a host', () => {
    it('that was started anew has given its cards to nobody', async () => {
      const host = rig.startHost();
      await rig.startDmm();
      await rig.setPolicy({ sliceMs: 10_000 });
      const [a, b] = [host.add(), host.add()];
      host.beat();
      await host.want(a);
      await rig.has(a);
      host.holder = undefined;
      host.guests.clear();
      host.incarnation = randomUUID();
      const again = host.add({ vmId: b.vmId });
      host.beat();
      await host.want(again);
      await rig.has(again);
    });

    it('that was started anew in the middle of a switch is not waited for', async () => {
      const host = rig.startHost();
      await rig.startDmm();
      host.beat();
      let stuck = 0;
      host.obstacle = () => {
        stuck++;
        return new Promise<void>(() => undefined);
      };
      await host.want(host.add());
      await until(() => stuck === 1);
      host.stop();
      const again = rig.startHost();
      const guest = again.add();
      await again.want(guest);
      again.beat();
      await rig.has(guest);
    });

    it('that took a card from its guest on its own is believed', async () => {
      const host = rig.startHost();
      await rig.startDmm();
      const guest = host.add();
      await host.want(guest);
      await until(async () => (await rig.hooks()).length > 0);
      host.holder = undefined;
      await host.want(guest);
      await rig.has(guest);
      expect(rig.turnsOf(guest)).toBe(2);
    });

    it('that does not answer keeps no other from being served', async () => {
      await rig.declareHost('mute');
      const mute = rig.startHost('ne2000', 'mute');
      mute.isMute = true;
      const host = rig.startHost('ne2000', 'other');
      await rig.startDmm();
      await mute.want(mute.add());
      const guest = host.add();
      await host.want(guest);
      await rig.has(guest);
    });
  });
});
