import { DeviceFault } from '../../platform';
import { TestDriver, TestLine, testMemory } from '../testing';
import { VirtioTransport } from '../transport/transport';
import { VirtioNet } from './device';
import { MAX_TABLE } from './filter';
import { NetFeature } from './header';

const OWN = [2, 0, 0, 0, 0, 1];
const OTHER = [2, 0, 0, 0, 0, 2];
const THIRD = [2, 0, 0, 0, 0, 3];
const GROUP = [1, 0, 0x5e, 0, 0, 1];
const OTHER_GROUP = [1, 0, 0x5e, 0, 0, 2];
const BROADCAST = [255, 255, 255, 255, 255, 255];
const CONTROL = 2;
const OK = 0;
const ERR = 1;

function plug(features: number[] = Object.values(NetFeature)) {
  const memory = testMemory();
  const line = new TestLine();
  const sent: Uint8Array[] = [];
  const net = new VirtioNet({
    mac: Uint8Array.from(OWN),
    mtu: 1500,
    transmit: frames => void sent.push(...frames),
  });
  const transport = new VirtioTransport('virtio-net0', net, memory, line);
  const driver = new TestDriver(transport, memory);
  driver.start(features, [0, 1, CONTROL]);
  for (let i = 0; i < 128; i++) driver.offer(0, [driver.writable(2048)]);
  /** The device's answer to a command in parts. */
  const command = (...parts: number[][]): number => {
    const ack = driver.writable(1);
    memory.bytes()[ack.address] = 77;
    driver.offer(CONTROL, [...parts.map(part => driver.readable(Uint8Array.from(part))), ack]);
    driver.kick(CONTROL);
    return driver.bytes(ack)[0]!;
  };
  /** Whether a frame to `mac` reaches the guest. */
  const hears = (mac: number[], vlan?: number): boolean => {
    const frame = new Uint8Array(12 + 60);
    frame.set(mac, 12);
    frame.set(vlan === undefined ? [8, 0] : [0x81, 0, vlan >> 8, vlan & 0xff], 24);
    driver.used(0);
    net.receive([frame]);
    return driver.used(0).length === 1;
  };
  return { memory, line, sent, net, transport, driver, command, hears };
}

const le32 = (value: number) => [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, value >>> 24];
const table = (...macs: number[][]) => [...le32(macs.length), ...macs.flat()];
const macsFrom = (first: number, count: number) =>
  Array.from({ length: count }, (_, i) => [first, 9, 9, 9, i >> 8, i & 0xff]);

describe('before the driver sets anything', () => {
  it('takes frames to its own address and broadcasts, and counts what it filters', () => {
    const { hears, net } = plug();
    expect([OWN, BROADCAST, OTHER, GROUP].map(mac => hears(mac))).toEqual([true, true, false, false]);
    expect(net.metrics()).toMatchObject({ rxFiltered: 2, rxPackets: 2 });
  });

  it('takes everything if the driver could not ask for more', () => {
    const { hears } = plug([NetFeature.mac]);
    expect([OWN, BROADCAST, OTHER, GROUP].map(mac => hears(mac))).toEqual([true, true, true, true]);
  });
});

describe('a command', () => {
  it.each([
    ['promiscuous', 0, { other: true, group: true }],
    ['all multicast', 1, { group: true }],
    ['all unicast', 2, { other: true }],
    ['no multicast', 3, {}],
    ['no unicast', 4, { own: false }],
    ['no broadcast', 5, { broadcast: false }],
  ])('sets and clears %s', (_, code, change) => {
    const { command, hears } = plug();
    const now = () => ({
      own: hears(OWN),
      broadcast: hears(BROADCAST),
      other: hears(OTHER),
      group: hears(GROUP),
    });
    const usual = { own: true, broadcast: true, other: false, group: false };
    expect(command([0, code], [1])).toBe(OK);
    expect(now()).toEqual({ ...usual, ...change });
    expect(command([0, code], [0])).toBe(OK);
    expect(now()).toEqual(usual);
  });

  it('sets both tables, as Linux sends them', () => {
    const { command, hears } = plug();
    expect(command([1, 0], table(OTHER), table(GROUP))).toBe(OK);
    expect([OWN, OTHER, THIRD, GROUP, OTHER_GROUP].map(mac => hears(mac))).toEqual([
      true,
      true,
      false,
      true,
      false,
    ]);
    expect(command([1, 0], table(), table())).toBe(OK);
    expect([OWN, OTHER, GROUP].map(mac => hears(mac))).toEqual([true, false, false]);
  });

  it('with more addresses than a table holds lets all of that kind pass', () => {
    const { command, hears } = plug();
    expect(command([1, 0], table(...macsFrom(6, MAX_TABLE + 1)), table(GROUP))).toBe(OK);
    expect([OTHER, GROUP, OTHER_GROUP].map(mac => hears(mac))).toEqual([true, true, false]);
    expect(command([1, 0], table(), table(...macsFrom(7, MAX_TABLE + 1)))).toBe(OK);
    expect([OTHER, OTHER_GROUP].map(mac => hears(mac))).toEqual([false, true]);
  });

  it('sets the address until the next reset, which the configuration shows', () => {
    const { command, hears, transport, driver } = plug();
    expect(command([1, 1], OTHER)).toBe(OK);
    expect([OWN, OTHER].map(mac => hears(mac))).toEqual([false, true]);
    expect(OWN.map((_, i) => transport.read(0x80 + i, 1))).toEqual(OTHER);
    driver.setStatus(0);
    expect(OWN.map((_, i) => transport.read(0x80 + i, 1))).toEqual(OWN);
  });

  it('adds and deletes VLANs; others are filtered', () => {
    const { command, hears } = plug();
    expect([hears(OWN), hears(OWN, 5)]).toEqual([true, false]);
    expect(command([2, 0], [5, 0])).toBe(OK);
    expect(command([2, 0], [0xff, 0x0f])).toBe(OK);
    expect([5, 0xfff, 6].map(vlan => hears(OWN, vlan))).toEqual([true, true, false]);
    expect(command([2, 1], [5, 0])).toBe(OK);
    expect([5, 0xfff].map(vlan => hears(OWN, vlan))).toEqual([false, true]);
    expect(command([0, 0], [1])).toBe(OK);
    expect(hears(OWN, 5)).toBe(true);
  });

  it.each([
    ['of no class', [9, 0], []],
    ['of no kind', [0, 6], [1]],
    ['without a value', [0, 0], []],
    ['with two values', [0, 0], [1, 1]],
    ['with a value that is neither on nor off', [0, 0], [2]],
    ['of half a header', [0], []],
    ['that is empty', [], []],
    ['with a table that is cut off', [1, 0], [...le32(1), 2, 0, 0]],
    ['with one table', [1, 0], table(OTHER)],
    ['with something behind its tables', [1, 0], [...table(), ...table(), 1]],
    ['with a table of absurd length', [1, 0], [...le32(0xffffffff), ...table()]],
    ['with half an address', [1, 1], [2, 0, 0]],
    ['with the address of a group', [1, 1], GROUP],
    ['with the address of nobody', [1, 1], [0, 0, 0, 0, 0, 0]],
    ['with a VLAN that cannot be', [2, 0], [0, 0x10]],
    ['with half a VLAN', [2, 0], [5]],
    ['of no VLAN kind', [2, 2], [5, 0]],
    ['that acknowledges with data', [3, 0], [1]],
    ['that is longer than any', [1, 0], Array.from({ length: 70_000 }, () => 0)],
  ])('%s is refused and changes nothing', (_, header, data) => {
    const { command, hears, transport, net } = plug();
    const before = transport.save();
    expect(command(header, data)).toBe(ERR);
    expect(net.metrics()).toMatchObject({ controlCommands: 1, controlRefused: 1 });
    expect(transport.save().device).toEqual(before.device);
    expect([OWN, OTHER, GROUP].map(mac => hears(mac))).toEqual([true, false, false]);
  });

  it('of a feature that was not negotiated is refused', () => {
    const { command } = plug([NetFeature.ctrlVq]);
    const commands: number[][][] = [
      [[0, 0], [1]],
      [[0, 2], [1]],
      [[1, 0], table(), table()],
      [[1, 1], OTHER],
      [
        [2, 0],
        [5, 0],
      ],
      [[3, 0]],
    ];
    expect(commands.map(parts => command(...parts))).toEqual(commands.map(() => ERR));
  });

  it('without room for the answer stops the VM', () => {
    const { driver } = plug();
    driver.offer(CONTROL, [driver.readable(Uint8Array.of(0, 0, 1))]);
    expect(() => driver.kick(CONTROL)).toThrow(DeviceFault);
  });
});

it('announces: the driver is asked, acknowledges, and is asked no more', () => {
  const { net, command, transport, driver, line } = plug();
  const status = () => transport.read(0x86, 2);
  driver.readIsr();
  net.announce();
  expect([status(), line.up, driver.readIsr()]).toEqual([3, true, 2]);
  expect(command([3, 0])).toBe(OK);
  expect(status()).toBe(1);
  expect(command([3, 1])).toBe(ERR);
});

it('does not ask a driver to announce that could not say that it did', () => {
  const { net, line, transport } = plug([NetFeature.status]);
  net.announce();
  expect([transport.read(0x86, 2), line.up]).toEqual([1, false]);
});

it('keeps filters and address over save and restore, unless it becomes another NIC', () => {
  const { command, transport, memory } = plug();
  command([1, 0], table(THIRD), table(GROUP));
  command([1, 1], OTHER);
  const state = structuredClone(transport.save());
  const revive = (mac: number[]) => {
    const net = new VirtioNet({ mac: Uint8Array.from(OWN), mtu: 1500, transmit: () => {} });
    const copy = new VirtioTransport('virtio-net0', net, memory, new TestLine());
    copy.restore(state);
    net.setMac(Uint8Array.from(mac));
    return { net, copy, shown: OWN.map((_, i) => copy.read(0x80 + i, 1)) };
  };
  const same = revive(OWN);
  expect(same.shown).toEqual(OTHER);
  expect(same.copy.save()).toEqual(state);
  expect(revive(THIRD).shown).toEqual(THIRD);
});

it('reads a state of version 1, whose driver knows nothing of filters', () => {
  const { transport, memory } = plug([NetFeature.mac, NetFeature.mrgRxbuf]);
  const { queues, device, ...rest } = transport.save();
  const { mac, link, accepted, backlog } = device as unknown as Record<string, unknown>;
  const old = { ...rest, queues: queues.slice(0, 2), device: { version: 1, mac, link, accepted, backlog } };
  const net = new VirtioNet({ mac: Uint8Array.from(OWN), mtu: 1500, transmit: () => {} });
  const copy = new VirtioTransport('virtio-net0', net, memory, new TestLine());
  copy.restore(structuredClone(old));
  const frame = new Uint8Array(12 + 60);
  frame.set(OTHER, 12);
  net.receive([frame]);
  expect(net.metrics()).toMatchObject({ rxPackets: 1, rxFiltered: 0 });
});

describe('the spoof guard', () => {
  const from = (mac: number[]) => {
    const frame = new Uint8Array(12 + 60);
    frame.set(mac, 18);
    return frame;
  };

  it('drops frames from another address, also from one that the driver chose', () => {
    const { net, driver, sent, command } = plug();
    command([1, 1], OTHER);
    for (const guard of [false, true]) {
      net.configure({ spoofGuard: guard });
      for (const mac of [OWN, OTHER, THIRD]) driver.offer(1, [driver.readable(from(mac))]);
      driver.kick(1);
    }
    expect(sent.map(frame => [...frame.subarray(18, 24)])).toEqual([OWN, OTHER, THIRD, OWN]);
    expect(net.metrics()).toMatchObject({ txSpoofed: 2, txPackets: 4 });
    expect(driver.used(1)).toHaveLength(6);
  });
});

it.each([
  ['segmentation without checksum', [NetFeature.hostTso4], false],
  ['filters without a control queue', [NetFeature.ctrlRx], false],
  ['ECN without segmentation', [NetFeature.csum, NetFeature.hostEcn], false],
  ['all', Object.values(NetFeature), true],
  ['nothing', [], true],
])('negotiates %s: %p → %p', (_, features, accepted) => {
  const memory = testMemory();
  const net = new VirtioNet({ mac: Uint8Array.from(OWN), mtu: 1500, transmit: () => {} });
  const driver = new TestDriver(new VirtioTransport('virtio-net0', net, memory, new TestLine()), memory);
  driver.setStatus(1 | 2);
  driver.writeFeatures([...features, 32]);
  driver.setStatus(1 | 2 | 8);
  expect((driver.status() & 8) !== 0).toBe(accepted);
});
