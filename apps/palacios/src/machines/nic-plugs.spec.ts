import { defaultNicSettings, impairment, type NicSettings } from '@v3vee/contracts';
import { Taps, type Port } from '@v3vee/overlay';
import { NicPlugs } from './nic-plugs';

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
};

function setUp(settings: NicSettings = defaultNicSettings) {
  const taps = new Taps();
  const ports = new Set<Port>();
  const sent: Uint8Array[] = [];
  const transmitted: Uint8Array[][] = [];
  const forwarded: { host: string; port: Port; frames: Uint8Array[] }[] = [];
  const barriers: (() => void)[] = [];
  let transmit: ((nic: number, frames: Uint8Array[]) => void) | undefined;
  const plugs = new NicPlugs(
    {
      attach: async port => void ports.add(port),
      detach: async port => void ports.delete(port),
      transmit: (_, frames) => void transmitted.push([...frames]),
      forward: (host, port, frames) => void forwarded.push({ host, port, frames: [...frames] }),
      taps,
    },
    { id: 'vm', epoch: 3, nics: [{ ...nic, settings }] },
    {
      sendFrames: (_, frames) => void sent.push(...frames),
      onFrames: listener => {
        transmit = listener;
        return () => (transmit = undefined);
      },
      caughtUp: () => new Promise<void>(resolve => barriers.push(resolve)),
    },
  );
  const port = () => [...ports][0] as Port;
  return {
    plugs,
    tap: taps.at(nic.vni, { type: 'interface', mac: nic.mac }),
    ports,
    port,
    sent,
    transmitted,
    forwarded,
    barriers,
    fromGuest: (index: number, frames: Uint8Array[]) => transmit?.(index, frames),
  };
}

describe('the plugs of a VM', () => {
  it('pass frames both ways while they are plugged in', async () => {
    const { plugs, ports, port, sent, transmitted, fromGuest } = setUp();
    await plugs.plug();
    expect(port()).toMatchObject({
      vni: 7,
      place: { type: 'interface', mac: nic.mac },
      vmId: 'vm',
      epoch: 3,
    });
    const frame = Uint8Array.of(1, 2, 3);
    port().deliver([frame]);
    expect(sent).toEqual([frame]);
    fromGuest(0, [frame]);
    fromGuest(9, [frame]);
    expect(transmitted).toEqual([[frame]]);
    await plugs.unplug();
    fromGuest(0, [frame]);
    expect([ports.size, transmitted.length]).toEqual([0, 1]);
  });

  it('keep frames for a guest that moves, which reach it if it stays', async () => {
    const { plugs, port, sent, forwarded } = setUp();
    await plugs.plug();
    plugs.hold();
    const frames = [1, 2, 3].map(octet => Uint8Array.of(octet));
    port().deliver(frames.slice(0, 2));
    expect(sent).toEqual([]);
    plugs.release();
    port().deliver(frames.slice(2));
    expect([sent, forwarded]).toEqual([frames, []]);
  });

  it('… or go where it went, and those that come later too; not more than can be kept', async () => {
    const { plugs, port, sent, forwarded } = setUp();
    await plugs.plug();
    plugs.hold();
    const big = new Uint8Array(1 << 20);
    for (let i = 0; i < 6; i++) port().deliver([big]);
    expect(plugs.drops()[0]).toMatchObject({ 'receive-congested': 2 });
    plugs.forward('beta');
    port().deliver([Uint8Array.of(7)]);
    expect(forwarded.map(({ host, frames }) => [host, frames.length])).toEqual(Array(5).fill(['beta', 1]));
    expect(forwarded.at(-1)).toMatchObject({ port: port(), frames: [Uint8Array.of(7)] });
    expect(sent).toEqual([]);
  });

  it('are another epoch’s when they are told, without being away', async () => {
    const { plugs, ports, port, sent, transmitted, fromGuest } = setUp();
    await plugs.plug();
    await plugs.renew(5);
    expect([...ports].map(({ place }) => place)).toEqual([{ type: 'interface', mac: nic.mac }]);
    expect(port()).toMatchObject({ vmId: 'vm', epoch: 5 });
    port().deliver([Uint8Array.of(1)]);
    fromGuest(0, [Uint8Array.of(2)]);
    expect([sent.length, transmitted.length]).toEqual([1, 1]);
    await plugs.unplug();
    expect(ports.size).toBe(0);
  });

  it('drop and count what a thread that stands still is sent, until it goes on', async () => {
    const { plugs, port, sent, barriers } = setUp();
    await plugs.plug();
    const big = new Uint8Array(1 << 20);
    for (let i = 0; i < 20; i++) port().deliver([big]);
    expect([sent.length, plugs.drops()[0]!['receive-congested'], barriers.length]).toEqual([16, 4, 1]);
    barriers[0]!();
    await new Promise(resolve => setImmediate(resolve));
    port().deliver([big]);
    expect([sent.length, plugs.drops()[0]!['receive-congested'], barriers.length]).toEqual([17, 4, 2]);
  });

  it('impair both directions as the definition says, and differently from when they are told', async () => {
    const { plugs, port, sent, transmitted, fromGuest } = setUp({
      ...defaultNicSettings,
      impairment: impairment.parse({ lossPercent: 100 }),
    });
    await plugs.plug();
    const frame = new Uint8Array(64);
    port().deliver([frame]);
    fromGuest(0, [frame, frame]);
    expect([sent.length, transmitted.length]).toEqual([0, 0]);
    expect(plugs.drops()[0]).toMatchObject({ 'receive-impaired': 1, 'transmit-impaired': 2 });
    plugs.impair(0, null);
    plugs.impair(7, null);
    port().deliver([frame]);
    fromGuest(0, [frame]);
    expect([sent.length, transmitted.length]).toEqual([1, 1]);
  });

  it('show captures what the guest sends before it is impaired, and what reaches it after', async () => {
    const { plugs, port, tap, fromGuest } = setUp({
      ...defaultNicSettings,
      impairment: impairment.parse({ lossPercent: 100 }),
    });
    const seen: string[] = [];
    tap.watch({ see: (frames, direction) => void seen.push(`${direction} ${frames.length}`) });
    await plugs.plug();
    const frame = new Uint8Array(64);
    fromGuest(0, [frame, frame]);
    port().deliver([frame]);
    expect(seen).toEqual(['out 2']);
    plugs.impair(0, null);
    port().deliver([frame]);
    expect(seen).toEqual(['out 2', 'in 1']);
  });
});
