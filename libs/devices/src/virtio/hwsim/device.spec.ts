import {
  decodeToGuest,
  encodeMacUse,
  encodeReceived,
  encodeTransmitted,
  encodeTxStatus,
  parseMac,
} from '@v3vee/wire';
import { DeviceFault } from '../../platform';
import { VIRTIO_F_EVENT_IDX } from '../features';
import { TestDriver, TestLine, testMemory, type TestBuffer } from '../testing';
import { VirtioTransport } from '../transport/transport';
import { VirtioHwsim } from './device';

const TX = 0;
const RX = 1;
/** As Linux's driver has them: NLMSG_GOODSIZE without the socket buffer's own. */
const LINUX_BUFFER = 3840;
const radio = parseMac('42:00:00:00:00:00');
const address = parseMac('02:56:4d:00:00:01');

function plug(memory = testMemory()) {
  const batches: Uint8Array[][] = [];
  const device = new VirtioHwsim({ transmit: messages => void batches.push(messages) });
  const line = new TestLine();
  const transport = new VirtioTransport('virtio-hwsim', device, memory, line);
  const driver = new TestDriver(transport, memory);
  return { memory, device, transport, driver, line, batches };
}

function started(features: number[] = []) {
  const kit = plug(testMemory(4 << 20));
  kit.driver.start(features, [TX, RX]);
  return kit;
}

const frame = (cookie: number, length = 60) =>
  encodeTransmitted({
    radio,
    frame: new Uint8Array(length).fill(cookie),
    flags: 1,
    cookie: BigInt(cookie),
    freq: 2412,
    rates: [{ index: 0, count: 1 }],
  });
const status = (cookie: number) =>
  encodeTxStatus({ radio, flags: 1, cookie: BigInt(cookie), signal: -40, rates: [], acked: true });
const received = (value: number, length = 100) =>
  encodeReceived({ radio, frame: new Uint8Array(length).fill(value), rate: 0, signal: -50, freq: 2412 });
const use = (kind: 'addMac' | 'delMac', last = 1) =>
  encodeMacUse({ kind, radio, address: Uint8Array.of(...address.subarray(0, 5), last) });

/** Sends as Linux does: the descriptor is all of the buffer, whatever the message takes of it. */
function send(driver: TestDriver, ...messages: Uint8Array[]): void {
  for (const message of messages) {
    const buffer = new Uint8Array(LINUX_BUFFER).fill(0xee);
    buffer.set(message);
    driver.offer(TX, [driver.readable(buffer)]);
  }
  driver.kick(TX);
}

/** Offers the only buffer that Linux's driver has. */
function receiveBuffer(driver: TestDriver, length = LINUX_BUFFER): TestBuffer {
  const buffer = driver.writable(length);
  driver.offer(RX, [buffer]);
  driver.kick(RX);
  return buffer;
}

describe('what the guest sends', () => {
  it('comes in one go, without what lies behind it in the buffer', () => {
    const { driver, batches, device, line } = started();
    send(driver, use('addMac'), frame(1), frame(2, 1500));
    expect(batches).toEqual([[use('addMac'), frame(1), frame(2, 1500)]]);
    for (const message of batches[0]!) expect(message.buffer.byteLength).toBe(message.length);
    expect(driver.used(TX).map(({ written }) => written)).toEqual([0, 0, 0]);
    expect(line.raised).toBe(1);
    expect(device.metrics()).toMatchObject({ txFrames: 2, unanswered: 2, addressesInUse: 1 });
  });

  it('may lie in pieces, even its length', () => {
    const { driver, batches } = started();
    const message = frame(3);
    const cuts = [0, 1, 3, 17, message.length];
    driver.offer(
      TX,
      cuts.slice(1).map((end, i) => driver.readable(message.subarray(cuts[i], end))),
    );
    driver.kick(TX);
    expect(batches).toEqual([[message]]);
  });

  it.each([
    ['shorter than a header', frame(1).subarray(0, 19)],
    ['shorter than it says', frame(1).subarray(0, 60)],
    ['of no length', new Uint8Array(64)],
    ['absurdly long', Uint8Array.of(0, 0, 1, 0, ...new Uint8Array(70_000))],
    ['what only a host sends', status(1)],
    ['an address that is cut', use('addMac').fill(3, 32, 33)],
  ])('is dropped and counted when it is %s', (_, message) => {
    const { driver, batches, device } = started();
    driver.offer(TX, [driver.readable(message)]);
    driver.kick(TX);
    expect(batches).toEqual([]);
    expect(driver.used(TX)).toHaveLength(1);
    expect(device.metrics()).toMatchObject({ txDroppedInvalid: 1, txFrames: 0, unanswered: 0 });
  });
});

describe('what the guest gets', () => {
  it('waits, in order, for the one buffer that Linux has', () => {
    const { driver, device, line } = started([VIRTIO_F_EVENT_IDX]);
    device.receive([received(1), status(2), received(3)]);
    const kinds: string[] = [];
    for (let i = 0; i < 3; i++) {
      driver.wantInterrupt(RX);
      const before = driver.rings.get(RX)!.availIndex;
      const buffer = driver.writable(LINUX_BUFFER);
      driver.offer(RX, [buffer]);
      driver.kickIfWanted(RX, before);
      const [element] = driver.used(RX);
      kinds.push(decodeToGuest(driver.bytes(buffer, element!.written)).kind);
      driver.readIsr();
    }
    expect(kinds).toEqual(['received', 'txStatus', 'received']);
    expect(line.raised).toBe(3);
    expect(device.metrics()).toMatchObject({ rxFrames: 2, statuses: 1, rxBacklogFrames: 0 });
  });

  it('needs no notification while nothing waits', () => {
    const { driver, transport, device } = started();
    receiveBuffer(driver);
    const { notifications } = transport.metrics();
    device.receive([received(1)]);
    driver.used(RX);
    const buffer = driver.writable(LINUX_BUFFER);
    driver.offer(RX, [buffer]);
    driver.kickIfWanted(RX, driver.rings.get(RX)!.availIndex - 1);
    expect(transport.metrics().notifications).toBe(notifications);
    device.receive([received(2)]);
    expect(driver.used(RX)).toEqual([{ id: 1, written: received(2).length }]);
  });

  it('is dropped when it does not fit into the buffer, which the next one takes', () => {
    const { driver, device } = started();
    const buffer = receiveBuffer(driver, 500);
    device.receive([received(1, 1000), received(2)]);
    const [element] = driver.used(RX);
    expect(driver.bytes(buffer, element!.written)).toEqual(received(2));
    expect(device.metrics()).toMatchObject({ rxDroppedSize: 1, rxFrames: 1 });
  });

  it('is dropped when it is no message, or the driver does not run', () => {
    const { device } = started();
    device.receive([new Uint8Array(19), new Uint8Array(20_000)]);
    expect(device.metrics()).toMatchObject({ rxDroppedSize: 2, rxBacklogFrames: 0 });
    const idle = plug();
    idle.device.receive([received(1)]);
    expect(idle.device.metrics()).toMatchObject({ rxDroppedDown: 1 });
  });

  it('is bounded, but never at the cost of what became of its own frames', () => {
    const { driver, device } = started();
    send(driver, ...Array.from({ length: 200 }, (_, i) => frame(i)));
    device.receive(Array.from({ length: 1000 }, () => received(1)));
    device.receive(Array.from({ length: 200 }, (_, i) => status(i)));
    expect(device.metrics()).toMatchObject({
      rxDroppedFull: 1000 - 256,
      statusesDropped: 0,
      unanswered: 0,
      rxBacklogFrames: 256 + 200,
    });
    device.receive(Array.from({ length: 1000 }, (_, i) => status(i)));
    expect(device.metrics()).toMatchObject({ statusesDropped: 1000 - 512 + 200, rxBacklogFrames: 256 + 512 });
  });

  it('is bounded in bytes', () => {
    const { device } = started();
    device.receive(Array.from({ length: 200 }, () => received(1, 5000)));
    expect(device.metrics().rxBacklogBytes).toBeLessThanOrEqual(512 << 10);
    expect(device.metrics().rxDroppedFull).toBeGreaterThan(90);
  });

  it('must have room', () => {
    const { driver, device } = started();
    driver.offer(RX, [driver.writable(0)]);
    expect(() => device.receive([received(1)])).toThrow(DeviceFault);
  });
});

describe('frames of which nobody says what became of them', () => {
  const flood = (driver: TestDriver) => {
    for (let i = 0; i < 5; i++) send(driver, ...Array.from({ length: 120 }, (_, n) => frame(n)));
  };

  it('are held back beyond 512, until some are answered', () => {
    const { driver, device, batches } = started();
    flood(driver);
    const sent = () => batches.flat().length;
    expect(sent()).toBe(512);
    expect(driver.used(TX)).toHaveLength(512);
    device.receive([status(0), status(1)]);
    expect([sent(), driver.used(TX).length]).toEqual([514, 2]);
    expect(device.metrics()).toMatchObject({ unanswered: 512, txForgiven: 0 });
  });

  it('are forgiven after a second', () => {
    const { driver, device, batches } = started();
    flood(driver);
    expect([device.poll(5000), device.poll(5999)]).toEqual([false, false]);
    expect(device.poll(6000)).toBe(true);
    expect(batches.flat()).toHaveLength(600);
    expect(device.metrics()).toMatchObject({ txForgiven: 512, unanswered: 88 });
    expect(device.poll(9000)).toBe(false);
  });
});

describe('addresses in use', () => {
  it('are counted: a scan uses the same one again', () => {
    const { driver, device, batches } = started();
    send(driver, use('addMac'), use('addMac'), use('delMac'));
    expect(batches.flat()).toHaveLength(3);
    batches.length = 0;
    device.announce();
    expect(batches).toEqual([[use('addMac')]]);
    send(driver, use('delMac'), use('delMac'));
    expect(batches.slice(1)).toEqual([[use('delMac')]]);
    expect(device.metrics()).toMatchObject({ usesRefused: 1, addressesInUse: 0 });
  });

  it('are at most 64', () => {
    const { driver, device, batches } = started();
    send(driver, ...Array.from({ length: 70 }, (_, i) => use('addMac', i)));
    expect(batches.flat()).toHaveLength(64);
    expect(device.metrics()).toMatchObject({ usesRefused: 6, addressesInUse: 64 });
  });

  it('end with a reset', () => {
    const { driver, transport, batches } = started();
    send(driver, use('addMac'), use('addMac', 2));
    batches.length = 0;
    driver.setStatus(0);
    transport.reset();
    expect(batches).toEqual([[use('delMac'), use('delMac', 2)]]);
  });
});

describe('a saved state', () => {
  it('goes on bit for bit: what waits, what is unanswered, which addresses are in use', () => {
    const { driver, transport, device, memory } = started([VIRTIO_F_EVENT_IDX]);
    send(driver, use('addMac'), use('addMac'), frame(1), frame(2));
    device.receive([received(7), status(1)]);
    const state = structuredClone(transport.save());
    const copy = plug(memory);
    copy.transport.restore(state);
    expect(copy.transport.save()).toEqual(state);
    expect(copy.batches).toEqual([[use('addMac'), use('addMac')]]);
    expect(copy.device.metrics()).toMatchObject({ unanswered: 1, rxBacklogFrames: 2 });
    const moved = driver.moved(copy.transport, memory);
    const buffer = receiveBuffer(moved);
    expect(moved.bytes(buffer, moved.used(RX)[0]!.written)).toEqual(received(7));
    send(moved, frame(9));
    expect(copy.batches.at(-1)).toEqual([frame(9)]);
  });

  it('of another moment ends the uses of this one', () => {
    const { driver, transport, batches } = started();
    send(driver, use('addMac', 1));
    const state = structuredClone(transport.save());
    send(driver, use('delMac', 1), use('addMac', 2));
    batches.length = 0;
    transport.restore(state);
    expect(batches).toEqual([[use('delMac', 2)], [use('addMac', 1)]]);
  });

  it.each([
    [undefined],
    [{ version: 2, backlog: [], uses: [], unanswered: 0 }],
    [{ version: 1, backlog: ['x'], uses: [], unanswered: 0 }],
    [{ version: 1, backlog: [], uses: [{ radio }], unanswered: 0 }],
    [{ version: 1, backlog: [], uses: [], unanswered: -1 }],
  ])('such as %p is refused, and nothing changes', state => {
    const { driver, transport, batches } = started();
    send(driver, use('addMac'));
    expect(() => transport.restore({ ...transport.save(), device: state })).toThrow(DeviceFault);
    expect(batches).toHaveLength(1);
  });
});
