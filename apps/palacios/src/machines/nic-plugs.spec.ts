import { NicPlugs } from './nic-plugs';

type Port = Parameters<ConstructorParameters<typeof NicPlugs>[0]['attach']>[0];

const nic = { index: 0, networkId: 'n', network: 'lan', vni: 7, mac: '02:00:00:00:00:01', ip: null };

function setUp() {
  const ports = new Set<Port>();
  const sent: Uint8Array[] = [];
  const transmitted: Uint8Array[][] = [];
  const barriers: (() => void)[] = [];
  let transmit: ((nic: number, frames: Uint8Array[]) => void) | undefined;
  const plugs = new NicPlugs(
    {
      attach: async port => void ports.add(port),
      detach: async port => void ports.delete(port),
      transmit: (_, frames) => void transmitted.push([...frames]),
    },
    { id: 'vm', epoch: 3, nics: [nic] },
    {
      sendFrames: (_, frames) => void sent.push(...frames),
      onFrames: listener => {
        transmit = listener;
        return () => (transmit = undefined);
      },
      telemetry: () => new Promise<void>(resolve => barriers.push(resolve)),
    },
  );
  const port = () => [...ports][0] as Port;
  return {
    plugs,
    ports,
    port,
    sent,
    transmitted,
    barriers,
    fromGuest: (index: number, frames: Uint8Array[]) => transmit?.(index, frames),
  };
}

describe('the plugs of a VM', () => {
  it('pass frames both ways while they are plugged in', async () => {
    const { plugs, ports, port, sent, transmitted, fromGuest } = setUp();
    await plugs.plug();
    expect(port()).toMatchObject({ vni: 7, mac: nic.mac, vmId: 'vm', epoch: 3 });
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

  it('give the guest copies: a group frame has other receivers too', async () => {
    const { plugs, port, sent } = setUp();
    await plugs.plug();
    const frame = new Uint8Array(64);
    port().deliver([frame]);
    structuredClone(sent[0], { transfer: [sent[0]!.buffer as ArrayBuffer] });
    expect(frame.length).toBe(64);
  });

  it('drop and count what a thread that stands still is sent, until it goes on', async () => {
    const { plugs, port, sent, barriers } = setUp();
    await plugs.plug();
    const big = new Uint8Array(1 << 20);
    for (let i = 0; i < 20; i++) port().deliver([big]);
    expect([sent.length, plugs.dropped[0], barriers.length]).toEqual([16, 4, 1]);
    barriers[0]!();
    await new Promise(resolve => setImmediate(resolve));
    port().deliver([big]);
    expect([sent.length, plugs.dropped[0], barriers.length]).toEqual([17, 4, 2]);
  });
});
