import { dmmCalls, subjectFor, type IoAccess } from '@v3vee/contracts';
import { modelOf } from '@v3vee/device-models';
import { DmmViolationRepository } from '@v3vee/store';
import { DmmRig, until } from './testing/dmm-rig.fixture';
import type { ScriptedGuest } from './testing/scripted-host.fixture';

const write = (offset: number, size: IoAccess['size'], value: number): IoAccess => ({
  ...{ direction: 'write', offset, size, value, page: 0 },
});
/** NE2000: PSTART, which the model wants to know. */
const ringAt = (page: number) => write(0x01, 1, page);

describe('exits', () => {
  let rig: DmmRig;
  beforeAll(async () => {
    rig = await DmmRig.start();
  });
  afterAll(() => rig?.stop());
  beforeEach(() => rig.beginTest());
  afterEach(() => rig.endTest());

  /** A guest that has the card, as the DMM knows. */
  const holding = async (more: Partial<ScriptedGuest> = {}) => {
    await rig.startDmm();
    const added = await rig.addVm(more);
    await rig.host.want(added.guest);
    await until(async () => (await rig.hooks()).length > 0);
    return added;
  };

  it('are answered with what changed, and once each', async () => {
    rig.startHost();
    const { guest } = await holding();
    const first = await rig.exit(guest, 1, ringAt(0x4c));
    expect(first).toMatchObject({ verdict: 'proceed', reason: '', state: { pstart: 0x4c }, windows: [] });
    expect(first.hooks).toEqual(modelOf('ne2000').hooks(first.state));
    expect(await rig.exit(guest, 1, ringAt(0x4c))).toEqual(first);
    const known = { state: first.state };
    expect(await rig.exit(guest, 7, ringAt(0x4c), known)).toEqual({ verdict: 'proceed', reason: '' });
    await expect(rig.exit(guest, 6, ringAt(0x4c), known)).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      message: `exit 6 of this guest at ${rig.name}/eth0 came after exit 7, which was answered`,
    });
    const device = `${rig.name}/eth0`;
    expect(await rig.metric('exits_total', { device, verdict: 'proceed' })).toBe(2);
    expect(await rig.metric('stale_exits_total')).toBe(1);
    // A state that is not the one we told is answered with all that follows from it.
    const other = { state: { ...known.state, tbcr: 9 } };
    expect(await rig.exit(guest, 8, ringAt(0x4c), other)).toMatchObject({ state: { pstart: 0x4c, tbcr: 9 } });
  });

  it('of a guest that was started anew count from 1 again', async () => {
    const host = rig.startHost();
    const { guest } = await holding();
    await rig.exit(guest, 50, ringAt(0x4c));
    await host.acquire(guest);
    expect(await rig.exit(guest, 1, ringAt(0x4d))).toMatchObject({ state: { pstart: 0x4d } });
  });

  it('of an emulated card are all accesses, before and after', async () => {
    const host = rig.startHost();
    const { guest } = await holding({ access: 'emulated' });
    const all = ['read', 'write'].map(direction => ({ direction, offset: 0, length: 32, class: 'exit' }));
    expect(host.switches[0]!.request.hooks).toMatchObject(all);
    expect((await rig.exit(guest, 1, ringAt(0x4c))).hooks).toMatchObject(all);
    expect(await rig.hooks()).toMatchObject(all);
  });

  it('that lead beyond the guest’s memory are denied and written down; the VM stops if it shall', async () => {
    const host = rig.startHost('rtl8139');
    const { guest, vm } = await holding();
    const address = guest.memorySize - 100;
    // CR: transmitter on; TSAD0: just below the end of memory; TSD0: 1000 bytes from there.
    const on = await rig.exit(guest, 1, write(0x37, 1, 0x04));
    const { state } = await rig.exit(guest, 2, write(0x20, 4, address), { state: on.state });
    const send = (sequence: number) => rig.exit(guest, sequence, write(0x10, 4, 1_000), { state });
    const reason =
      `${vm} had ${rig.name}/eth0 read 1000 bytes of memory at 0x3ffff9c (register TSAD0), ` +
      'which are not its own';
    expect(await send(3)).toEqual({ verdict: 'deny', reason });
    await rig.setPolicy({ onViolation: 'stop' });
    expect(await send(4)).toEqual({ verdict: 'stop', reason });
    expect(await send(4)).toEqual({ verdict: 'stop', reason });
    const denied = { register: 'RDSAR', direction: 'write', address: 2 ** 40, length: 64 } as const;
    expect(
      await rig.bus.call(dmmCalls.violation, host.name, { ...host.sharer(guest), denied }),
    ).toMatchObject({
      verdict: 'stop',
      reason: expect.stringContaining('at 0x10000000000 (register RDSAR)'),
    });
    const device = `${rig.name}/eth0`;
    const rows = () => new DmmViolationRepository(rig.source).list({ limit: 10, device });
    await until(async () => (await rows()).length >= 3);
    const { vmId } = guest;
    const sent = { register: 'TSAD0', direction: 'read', address, length: 1_000, vm, vmId };
    const found = (await rows()).sort((x, y) => x.action.localeCompare(y.action) || y.address - x.address);
    expect(found).toMatchObject([
      { ...sent, action: 'deny' },
      { ...denied, action: 'stop' },
      { ...sent, action: 'stop' },
    ]);
    expect(await rig.metric('violations_total', { device, verdict: 'deny' })).toBe(1);
    expect(await rig.metric('violations_total', { device, verdict: 'stop' })).toBe(2);
  });

  it('that make no sense are refused, and harm nobody', async () => {
    rig.startHost();
    const { guest } = await holding();
    const hostile = JSON.parse('{"__proto__": {"pstart": 1}, "constructor": 1}') as object;
    const refusals: [string, IoAccess, number, object][] = [
      ['INVALID_REQUEST', ringAt(1), 1, { state: { pstart: 'x' } }],
      ['INVALID_REQUEST', ringAt(1), 1, { state: [] }],
      ['INVALID_REQUEST', ringAt(1), 1, { state: hostile }],
      ['INVALID_REQUEST', write(0x1f, 2, 0), 1, {}],
      ['INVALID_REQUEST', write(0x01, 1, 0x1ff), 1, {}],
      ['INVALID_REQUEST', { ...ringAt(1), offset: 256 }, 1, {}],
      ['INVALID_REQUEST', ringAt(1), 0, {}],
      ['INVALID_REQUEST', ringAt(1), 1, { mode: 'passthrough' }],
      ['INVALID_REQUEST', ringAt(1), 1, { memorySize: -1 }],
      ['DEVICE_MISMATCH', ringAt(1), 1, { model: 'rtl8139' }],
    ];
    for (const [code, access, sequence, more] of refusals) {
      await expect(rig.exit(guest, sequence, access, more)).rejects.toMatchObject({ code });
    }
    const { epoch, vmId } = guest;
    await expect(rig.bus.call(dmmCalls.release, 'ALPHA', { nic: 'eth0', epoch, vmId })).rejects.toMatchObject(
      { code: 'INVALID_REQUEST' },
    );
    for (const junk of ['', '{', '[]', 'null', '"x"', '{"host":{}}', '\0', '9'.repeat(10_000)]) {
      for (const { subject } of Object.values(dmmCalls)) {
        rig.bus.publishRaw(subjectFor({ subject }, rig.host.name), new TextEncoder().encode(junk));
      }
    }
    expect(await rig.exit(guest, 1, ringAt(0x4c))).toMatchObject({
      verdict: 'proceed',
      state: { pstart: 0x4c },
    });
  });
});
