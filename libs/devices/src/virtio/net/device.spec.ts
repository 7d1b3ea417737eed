import { DeviceFault } from '../../platform';
import { VIRTIO_F_EVENT_IDX, VIRTIO_F_INDIRECT_DESC } from '../features';
import { TestDriver, TestLine, testMemory } from '../testing';
import { VirtioTransport } from '../transport/transport';
import { VirtioNet } from './device';
import { NetFeature } from './header';

const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const RX = 0;
const TX = 1;
const ALL = [...Object.values(NetFeature), VIRTIO_F_INDIRECT_DESC];

function plug(features: number[] = ALL) {
  const memory = testMemory(4 << 20);
  const line = new TestLine();
  const sent: Uint8Array[] = [];
  const net = new VirtioNet({
    mac: MAC,
    mtu: 1500,
    transmit: frames => void sent.push(...frames),
  });
  const transport = new VirtioTransport('virtio-net0', net, memory, line);
  const driver = new TestDriver(transport, memory);
  driver.start(features, [RX, TX]);
  return { memory, line, net, transport, driver, sent };
}

/** A virtio header and an Ethernet frame of `length` bytes to this card, with a pattern in it. */
function frame(
  length: number,
  header: Partial<Record<'flags' | 'gso' | 'gsoSize' | 'csumStart' | 'csumOffset', number>> = {},
) {
  const bytes = new Uint8Array(12 + length);
  for (let i = 12; i < bytes.length; i++) bytes[i] = (i * 7) & 0xff;
  bytes.set(MAC.subarray(0, length), 12);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, header.flags ?? 0);
  view.setUint8(1, header.gso ?? 0);
  view.setUint16(4, header.gsoSize ?? 0, true);
  view.setUint16(6, header.csumStart ?? 0, true);
  view.setUint16(8, header.csumOffset ?? 0, true);
  return bytes;
}

const TSO = { flags: 1, gso: 1, gsoSize: 1448, csumStart: 34, csumOffset: 16 };

describe('transmission', () => {
  it.each([false, true])('sends a frame in several buffers (indirect: %s)', indirect => {
    const { driver, sent, line } = plug();
    const data = frame(1500);
    const parts = [data.subarray(0, 12), data.subarray(12, 100), data.subarray(100)];
    const head = driver.offer(
      TX,
      parts.map(part => driver.readable(part)),
      indirect,
    );
    driver.kick(TX);
    expect(sent).toEqual([data]);
    expect(driver.used(TX)).toEqual([{ id: head, written: 0 }]);
    expect(line.raised).toBe(1);
  });

  it('passes a super-frame through with its header', () => {
    const { driver, sent, net } = plug();
    const data = frame(60000, TSO);
    driver.offer(TX, [driver.readable(data)]);
    driver.kick(TX);
    expect(sent).toEqual([data]);
    expect(net.metrics()).toMatchObject({
      txPackets: 1,
      txBytes: 60000,
      txSuperFrames: 1,
      txChecksumOffloaded: 1,
    });
  });

  it('strips what a sender may not say', () => {
    const { driver, sent } = plug();
    const data = frame(60, { flags: 0xff & ~1, gsoSize: 9, csumStart: 9, csumOffset: 9 });
    data[2] = 9; // hdr_len
    data[10] = 9; // num_buffers
    driver.offer(TX, [driver.readable(data)]);
    driver.kick(TX);
    expect(sent[0]!.subarray(0, 12)).toEqual(new Uint8Array(12));
  });

  it.each([
    ['shorter than an Ethernet header', frame(13), 'txDroppedSize'],
    ['longer than a super-frame', frame(70000), 'txDroppedSize'],
    ['whose checksum lies outside', frame(60, { flags: 1, csumStart: 60 }), 'txDroppedInvalid'],
    ['with segmentation but no segment size', frame(3000, { ...TSO, gsoSize: 0 }), 'txDroppedInvalid'],
    ['with segments of a few bytes', frame(3000, { ...TSO, gsoSize: 47 }), 'txDroppedInvalid'],
    ["with segments whose checksum is not TCP's", frame(3000, { ...TSO, csumOffset: 6 }), 'txDroppedInvalid'],
    ['whose TCP header lies outside', frame(60, { ...TSO, csumStart: 41 }), 'txDroppedInvalid'],
    ['whose checksum lies in the Ethernet header', frame(60, { flags: 1, csumStart: 2 }), 'txDroppedInvalid'],
    ['of an unknown segmentation type', frame(3000, { ...TSO, gso: 3 }), 'txDroppedInvalid'],
  ])('drops and counts a frame %s', (_, data, counter) => {
    const { driver, sent, net } = plug();
    driver.offer(TX, [driver.readable(data)]);
    driver.kick(TX);
    expect(sent).toEqual([]);
    expect(driver.used(TX)).toHaveLength(1);
    expect(net.metrics()[counter]).toBe(1);
  });

  it('refuses an offload that was not negotiated', () => {
    const { driver, sent, net } = plug([]);
    driver.offer(TX, [driver.readable(frame(3000, TSO))]);
    driver.kick(TX);
    expect(sent).toEqual([]);
    expect(net.metrics()).toMatchObject({ txDroppedInvalid: 1 });
  });

  it('does not interrupt a driver that asked for silence', () => {
    const { driver, line, memory } = plug([]);
    memory.view().setUint16(driver.rings.get(TX)!.avail, 1, true); // NO_INTERRUPT
    driver.offer(TX, [driver.readable(frame(60))]);
    driver.kick(TX);
    expect(driver.used(TX)).toHaveLength(1);
    expect(line.raised).toBe(0);
  });

  it('interrupts only when the event index is passed', () => {
    const { driver, line, memory } = plug([VIRTIO_F_EVENT_IDX]);
    const ring = driver.rings.get(TX)!;
    const usedEvent = ring.avail + 4 + 2 * ring.size;
    memory.view().setUint16(usedEvent, 1, true); // after the second one
    for (const expected of [0, 1, 1]) {
      driver.offer(TX, [driver.readable(frame(60))]);
      driver.kick(TX);
      expect(line.raised).toBe(expected);
    }
  });

  it('sends nothing while the link is down', () => {
    const { driver, sent, net } = plug();
    net.configure({ linkUp: false });
    driver.offer(TX, [driver.readable(frame(60))]);
    driver.kick(TX);
    expect(sent).toEqual([]);
    expect(net.metrics()).toMatchObject({ txDroppedDown: 1, txPackets: 0 });
    expect(driver.used(TX)).toHaveLength(1);
  });
});

describe('reception', () => {
  it('fills one buffer and says so in the header', () => {
    const { driver, net, line, memory } = plug();
    const buffer = driver.writable(2048);
    driver.offer(RX, [buffer]);
    const data = frame(1000);
    net.receive([data.slice()]);
    data[10] = 1;
    expect(driver.bytes(buffer, data.length)).toEqual(data);
    expect(driver.used(RX)).toEqual([{ id: 0, written: data.length }]);
    expect(line.raised).toBe(1);
    expect(memory.written).toEqual([[buffer.address, buffer.address + data.length]]);
  });

  it('spreads a super-frame over several buffers', () => {
    const { driver, net } = plug();
    const buffers = Array.from({ length: 41 }, () => driver.writable(1526));
    for (const buffer of buffers) driver.offer(RX, [buffer]);
    const data = frame(60000, TSO);
    net.receive([data.slice()]);
    const used = driver.used(RX);
    const expected = Math.ceil(data.length / 1526);
    expect(used).toHaveLength(expected);
    expect(used.reduce((sum, { written }) => sum + written, 0)).toBe(data.length);
    data[10] = expected;
    expect(Buffer.concat(used.map(({ written }, i) => driver.bytes(buffers[i]!, written)))).toEqual(
      Buffer.from(data),
    );
  });

  it('is notified of the next buffer when those that are there are too few for a super-frame', () => {
    const { driver, net } = plug([...ALL, VIRTIO_F_EVENT_IDX]);
    for (let i = 0; i < 2; i++) driver.offer(RX, [driver.writable(1526)]);
    net.receive([frame(5000, TSO)]);
    for (let i = 0; i < 2; i++) {
      expect(driver.used(RX)).toEqual([]);
      const before = driver.rings.get(RX)!.availIndex;
      driver.offer(RX, [driver.writable(1526)]);
      driver.kickIfWanted(RX, before);
    }
    expect(driver.used(RX)).toHaveLength(4);
  });

  it('drops a frame that all buffers of a full ring cannot hold, and goes on', () => {
    const { driver, net } = plug();
    for (let i = 0; i < 256; i++) driver.offer(RX, [driver.writable(128)]);
    net.receive([frame(60000, TSO), frame(100)]);
    expect(driver.used(RX)).toHaveLength(1);
    expect(net.metrics()).toMatchObject({ rxPackets: 1, rxDroppedSize: 1, rxBacklogFrames: 0 });
  });

  it('passes no frame beyond the MTU, unless it is a super-frame', () => {
    const { driver, net } = plug();
    for (let i = 0; i < 8; i++) driver.offer(RX, [driver.writable(1526)]);
    net.receive([frame(1518), frame(1519), frame(1600, TSO)]);
    expect(net.metrics()).toMatchObject({ rxPackets: 2, rxDroppedSize: 1 });
  });

  it('keeps frames until the guest has buffers, in order, and asks for a notification', () => {
    const { driver, net } = plug();
    net.receive([frame(100), frame(200)]);
    expect(driver.used(RX)).toEqual([]);
    expect(net.metrics()).toMatchObject({ rxStalls: 1, rxBacklogFrames: 2 });
    const small = [driver.writable(64), driver.writable(64)];
    for (const buffer of small) driver.offer(RX, [buffer]);
    driver.kick(RX);
    expect(driver.used(RX)).toHaveLength(2);
    driver.offer(RX, [driver.writable(4096)]);
    driver.kick(RX);
    expect(driver.used(RX)).toEqual([{ id: 2, written: 212 }]);
    expect(net.metrics()).toMatchObject({ rxPackets: 2, rxBacklogFrames: 0, rxBacklogBytes: 0 });
  });

  it('bounds what waits', () => {
    const { net } = plug();
    net.receive(Array.from({ length: 5000 }, () => frame(60)));
    net.receive(Array.from({ length: 80 }, () => frame(65000, TSO)));
    const { rxBacklogFrames, rxBacklogBytes, rxDroppedFull } = net.metrics();
    expect(rxBacklogFrames).toBeLessThanOrEqual(4096);
    expect(rxBacklogBytes).toBeLessThanOrEqual(4 << 20);
    expect(rxDroppedFull! + rxBacklogFrames!).toBe(5080);
  });

  it.each([
    ['too short', frame(10), 'rxDroppedSize'],
    ['too long', frame(70000), 'rxDroppedSize'],
    ['with an offload the driver lacks', frame(3000, TSO), 'rxDroppedOffload'],
  ])('drops and counts a frame that is %s', (_, data, counter) => {
    const { driver, net } = plug([]);
    driver.offer(RX, [driver.writable(2048)]);
    net.receive([data]);
    expect(net.metrics()[counter]).toBe(1);
    expect(driver.used(RX)).toEqual([]);
  });

  it('drops what does not fit one buffer when buffers cannot be merged', () => {
    const { driver, net } = plug([]);
    driver.offer(RX, [driver.writable(100)]);
    net.receive([frame(1000), frame(50)]);
    expect(driver.used(RX)).toEqual([{ id: 0, written: 62 }]);
    expect(net.metrics()).toMatchObject({ rxPackets: 1, rxDroppedSize: 1 });
  });

  it('drops frames before the driver runs', () => {
    const { net, driver } = plug();
    driver.setStatus(0);
    net.receive([frame(60)]);
    expect(net.metrics()).toMatchObject({ rxDroppedDown: 1, rxBacklogFrames: 0 });
  });

  it('stops the VM at a receive buffer of no length', () => {
    const { driver, net } = plug();
    driver.offer(RX, [{ address: 0x1000, length: 0, writable: true }]);
    expect(() => net.receive([frame(60)])).toThrow(DeviceFault);
  });
});

it('saves the frames that wait and delivers them after a restore', () => {
  const { transport, net, driver, memory } = plug();
  net.receive([frame(300)]);
  const state = structuredClone(transport.save());
  const copy = new VirtioNet({ mac: Uint8Array.of(2, 0, 0, 0, 0, 7), mtu: 1500, transmit: () => {} });
  const restored = new VirtioTransport('virtio-net0', copy, memory, new TestLine());
  restored.restore(state);
  expect(restored.save()).toEqual(state);
  const buffer = driver.writable(2048);
  driver.offer(RX, [buffer]);
  restored.write(0x44, 2, RX);
  expect(driver.bytes(buffer, 312).subarray(12)).toEqual(frame(300).subarray(12));
});

it.each([[undefined], [{ version: 3 }], [{ version: 2 }], [{ version: 1, mac: new Uint8Array(5) }]])(
  'refuses the state %p',
  state => {
    const { transport } = plug();
    expect(() => transport.restore({ ...transport.save(), device: state })).toThrow(DeviceFault);
  },
);
