import { frameCheckSequence } from '../ethernet/fcs';
import { BROADCAST, ethernetFrame, MAC_A, MAC_B, MULTICAST } from '../ethernet/testing';
import { multicastBit } from '../ethernet/address-filter';
import { DeviceFault } from '../platform';
import { TestLine } from '../virtio/testing';
import { Ne2000 } from './device';
import { Ne2000Driver, RX_START, RX_STOP, START, TX_PAGE } from './testing';

function started(rcr?: number): Ne2000Driver {
  const driver = new Ne2000Driver();
  driver.start(rcr);
  return driver;
}

describe('probe', () => {
  it('is a Realtek 8029 with 32 ports', () => {
    const { card } = new Ne2000Driver();
    const view = new DataView(card.config.buffer);
    expect([view.getUint16(0, true), view.getUint16(2, true)]).toEqual([0x10ec, 0x8029]);
    expect(card.bars).toEqual([{ kind: 'io', size: 32 }]);
    card.write(0, 1, 0x21);
    expect([card.read(0x0a, 1), card.read(0x0b, 1)]).toEqual([0x50, 0x43]);
    card.write(0, 1, 0xe1);
    expect([card.read(0x0e, 1), card.read(0x0f, 1)]).toEqual([0x29, 0x80]);
  });

  it('shows its address in the PROM, by bytes from words, and marks a 16-bit card', () => {
    const driver = started();
    expect(driver.prom()).toEqual([...MAC_A]);
    expect([...driver.readMemory(0, 32)].slice(28)).toEqual([0x57, 0x57, 0x57, 0x57]);
    expect([...driver.readMemory(0, 4)]).toEqual([0x02, 0x02, 0, 0]);
  });

  it('clears a tally counter when it is read', () => {
    const driver = started(0x20 | 0x04);
    driver.card.receive(ethernetFrame(BROADCAST));
    expect(driver.in(0x0f)).toBe(1);
    expect(driver.in(0x0f)).toBe(0);
  });

  it('resets by its reset port, and says so until it is started', () => {
    const driver = started();
    driver.in(0x1f);
    expect(driver.in(0x00)).toBe(0x21);
    driver.out(0x07, 0xff);
    expect(driver.isr()).toBe(0x80);
    driver.out(0x00, START);
    expect(driver.isr()).toBe(0);
  });

  it('writes CONFIG3 on page 3 only when that is allowed', () => {
    const { card } = started();
    card.write(0, 1, 0xe0);
    card.write(6, 1, 0x40);
    expect(card.read(6, 1)).toBe(0);
    card.write(1, 1, 0xc0);
    card.write(6, 1, 0x40);
    expect(card.read(6, 1)).toBe(0x40);
  });
});

describe('remote DMA', () => {
  it.each([
    [1, 0x48],
    [1, 0x49],
    [2, 0x48],
    [2, 0x49],
    [4, 0x48],
    [4, 0x49],
  ])('by accesses of %i bytes with DCR %i', (size, dcr) => {
    const driver = started();
    driver.out(0x0e, dcr);
    const words = (dcr & 1) === 1;
    const accesses = words && size === 1 ? 8 : 16 / size;
    driver.remote(0x4100, 16, 0x12);
    for (let i = 0; i < accesses; i++) driver.out(0x10, 0x10 + i, size);
    expect(driver.isr() & 0x40).toBe(0x40);
    driver.out(0x07, 0x40);
    driver.remote(0x4100, 16, 0x0a);
    for (let i = 0; i < accesses; i++) expect(driver.in(0x10, size)).toBe(0x10 + i);
    expect(driver.isr() & 0x40).toBe(0x40);
    expect(driver.in(0x00) & 0x38).toBe(0x20);
    expect(driver.in(0x08) | (driver.in(0x09) << 8)).toBe(0x4110);
  });

  it('wraps in the receive ring', () => {
    const driver = started();
    driver.writeMemory((RX_STOP << 8) - 2, Uint8Array.of(1, 2, 3, 4));
    expect([...driver.readMemory(RX_START << 8, 2)]).toEqual([3, 4]);
  });

  it('is over at once when there is nothing to move', () => {
    const driver = started();
    driver.remote(0x4000, 0, 0x0a);
    expect(driver.isr() & 0x40).toBe(0x40);
  });

  it('reads ones when no transfer is under way', () => {
    const driver = started();
    expect(driver.in(0x10, 4)).toBe(0xffffffff);
    driver.out(0x10, 0x1234, 2);
    expect(driver.isr()).toBe(0);
  });

  it('sends the next packet of the ring and moves BNRY behind it', () => {
    const driver = started();
    driver.card.receive(ethernetFrame(BROADCAST, 80));
    driver.out(0x03, RX_START);
    driver.out(0x00, 0x1a);
    const bytes = Array.from({ length: 42 }, () => driver.in(0x10, 2));
    expect(bytes[1]! & 0xff).toBe(84);
    expect(driver.in(0x03)).toBe(RX_START + 1);
    expect(driver.isr() & 0x40).toBe(0x40);
  });
});

describe('transmission', () => {
  it('puts the frame on the wire and interrupts', () => {
    const driver = started();
    const frame = ethernetFrame(MAC_B, 301);
    driver.send(frame);
    expect(driver.wire.sent).toEqual([frame]);
    expect(driver.isr()).toBe(0x02);
    expect(driver.in(0x04)).toBe(0x03);
    expect(driver.in(0x00) & 0x04).toBe(0);
    expect(driver.line.up).toBe(true);
    driver.out(0x07, 0x02);
    expect(driver.line.up).toBe(false);
  });

  it.each([0, 13, 1519, 0xffff])('aborts a frame of %i bytes', length => {
    const driver = started();
    driver.out(0x05, length & 0xff);
    driver.out(0x06, length >> 8);
    driver.out(0x00, 0x26);
    expect(driver.wire.sent).toEqual([]);
    expect(driver.isr()).toBe(0x08);
    expect(driver.in(0x04)).toBe(0x08);
  });

  it('sends no check sequence of its own when told so, and only a right one of the driver', () => {
    const driver = started();
    driver.out(0x0d, 0x01);
    const frame = ethernetFrame(MAC_B);
    const whole = new Uint8Array(64);
    whole.set(frame);
    new DataView(whole.buffer).setUint32(60, frameCheckSequence(frame), true);
    driver.send(whole);
    whole[63]! ^= 1;
    driver.send(whole);
    expect(driver.wire.sent).toEqual([frame]);
    expect(driver.card.metrics().txDropped).toBe(1);
  });

  it.each([
    [0x02, 0x53],
    [0x04, 0x43],
    [0x06, 0x03],
  ])('loops back in mode %i: nothing on the wire, the end in the FIFO', (tcr, tsr) => {
    const driver = started(0x1f);
    driver.out(0x0d, tcr);
    const frame = ethernetFrame(MAC_A, 70);
    driver.send(frame);
    expect(driver.wire.sent).toEqual([]);
    expect([driver.in(0x04), driver.in(0x0c), driver.isr()]).toEqual([tsr, 0x02, 0x02]);
    const fifo = Array.from({ length: 8 }, () => driver.in(0x06));
    const fcs = frameCheckSequence(frame);
    const trailer = [0, 8, 16, 24].map(shift => (fcs >>> shift) & 0xff);
    expect(fifo).toEqual([frame[69], ...trailer, 74, 0, 0]);
    driver.card.receive(ethernetFrame(MAC_A));
    expect(driver.current()).toBe(RX_START);
  });
});

describe('reception', () => {
  it('stores frame and check sequence behind a header, and interrupts', () => {
    const driver = started();
    const frame = ethernetFrame(MAC_A, 300);
    driver.card.receive(frame);
    expect(driver.line.up).toBe(true);
    expect(driver.isr()).toBe(0x01);
    expect(driver.current()).toBe(RX_START + 2);
    const [status, next, low, high] = driver.readMemory(RX_START << 8, 4);
    expect([status, next, low! | (high! << 8)]).toEqual([0x01, RX_START + 2, 304]);
    expect(driver.take()).toMatchObject({ frame });
    expect(driver.take()).toBeUndefined();
  });

  it.each([
    ['its own address', MAC_A, 0x00, true],
    ['another address', MAC_B, 0x0f, false],
    ['another address, promiscuous', MAC_B, 0x10, true],
    ['broadcast', BROADCAST, 0x04, true],
    ['broadcast, not wanted', BROADCAST, 0x18, false],
    ['a group outside of the filter', MULTICAST, 0x08, false],
    ['a group, without the filter', MULTICAST, 0x14, false],
  ])('filters: %s', (_, to, rcr, taken) => {
    const driver = started(rcr);
    driver.card.receive(ethernetFrame(to));
    expect(driver.take() !== undefined).toBe(taken);
  });

  it('takes the groups of the filter, marked as such', () => {
    const driver = started(0x08);
    const bit = multicastBit(MULTICAST);
    driver.out(0x00, 0x62);
    driver.out(0x08 + (bit >> 3), 1 << (bit & 7));
    driver.out(0x00, START);
    driver.card.receive(ethernetFrame(MULTICAST));
    expect(driver.take()!.status).toBe(0x21);
  });

  it('takes runts only when told so', () => {
    const driver = started(0x00);
    driver.card.receive(ethernetFrame(MAC_A, 40));
    expect(driver.take()).toBeUndefined();
    driver.out(0x0c, 0x02);
    driver.card.receive(ethernetFrame(MAC_A, 40));
    expect(driver.take()!.frame.length).toBe(40);
  });

  it('only counts in monitor mode', () => {
    const driver = started(0x24);
    driver.card.receive(ethernetFrame(BROADCAST));
    expect(driver.take()).toBeUndefined();
    expect(driver.in(0x0c) & 0x40).toBe(0x40);
    expect(driver.in(0x0f)).toBe(1);
  });

  it('takes nothing when stopped or without a cable', () => {
    const driver = started();
    driver.card.setLink(false);
    driver.card.receive(ethernetFrame(BROADCAST));
    driver.send(ethernetFrame(MAC_B));
    expect(driver.wire.sent).toEqual([]);
    driver.card.setLink(true);
    driver.out(0x00, 0x21);
    driver.card.receive(ethernetFrame(BROADCAST));
    driver.out(0x00, START);
    expect(driver.take()).toBeUndefined();
    expect(driver.card.metrics().rxDroppedDown).toBe(2);
  });

  it('warns of overwriting, loses no earlier frame, and goes on when there is room', () => {
    const driver = started();
    const frames = Array.from({ length: 10 }, (_, i) => ethernetFrame(MAC_A, 1500, i));
    for (const frame of frames) driver.card.receive(frame);
    expect(driver.card.ready()).toBe(false);
    expect(driver.isr() & 0x11).toBe(0x11);
    const got: Uint8Array[] = [];
    for (let taken = driver.take(); taken; taken = driver.take()) got.push(taken.frame);
    expect(got).toEqual(frames.slice(0, got.length));
    expect(got.length).toBe(8);
    expect(driver.in(0x0f)).toBe(2);
    expect(driver.card.ready()).toBe(true);
    for (let round = 0; round < 100; round++) {
      const frame = ethernetFrame(MAC_A, 60 + 13 * round, round);
      driver.card.receive(frame);
      expect(Buffer.compare(driver.take()!.frame, frame)).toBe(0);
    }
  });

  it('asks for an interrupt when a tally counter is half full, and stops it at its end', () => {
    const driver = started(0x24);
    for (let i = 0; i < 127; i++) driver.card.receive(ethernetFrame(BROADCAST));
    expect(driver.isr() & 0x20).toBe(0);
    for (let i = 0; i < 100; i++) driver.card.receive(ethernetFrame(BROADCAST));
    expect(driver.isr() & 0x20).toBe(0x20);
    expect(driver.in(0x0f)).toBe(0xc0);
  });
});

describe('access', () => {
  it('reaches several registers with one access', () => {
    const driver = started();
    driver.out(0x01, 0x46504c4b, 4);
    driver.out(0x00, 0xa2);
    expect(driver.in(0x01, 2)).toBe(0x4c4b);
    driver.out(0x00, START);
    expect(driver.in(0x03)).toBe(0x50);
  });

  it.each([
    [0x0e, 4],
    [0x16, 4],
    [0x17, 2],
    [0x1e, 4],
  ])('faults where registers, data port and reset port are straddled: 0x%s', (offset, size) => {
    const { card } = started();
    expect(() => card.read(offset, size)).toThrow(DeviceFault);
    expect(() => card.write(offset, size, 0)).toThrow('straddles');
  });
});

describe('saved state', () => {
  it('goes on where it was', () => {
    const driver = started();
    driver.card.receive(ethernetFrame(MAC_A, 200));
    driver.remote(RX_START << 8, 100, 0x0a);
    driver.in(0x10, 4);
    const state = structuredClone(driver.card.save());
    const line = new TestLine();
    const copy = new Ne2000('other', { mac: MAC_B, line: driver.wire }, line);
    copy.restore(state);
    expect(copy.save()).toEqual(state);
    expect(line.up).toBe(true);
    expect(copy.read(0x10, 4)).toBe(driver.in(0x10, 4));
  });

  it.each([
    ['nothing', () => undefined],
    ['another version', (state: object) => ({ ...state, version: 2 })],
    ['another device', (state: object) => ({ ...state, model: 'rtl8139C' })],
    ['other packet memory', (state: object) => ({ ...state, ram: new Uint8Array(32768) })],
    [
      'a register that is none',
      (state: { registers: object }) => ({ ...state, registers: { ...state.registers, curr: 256 } }),
    ],
    ['a register too few', (state: { registers: object }) => ({ ...state, registers: {} })],
    [
      'a transmission under way',
      (state: { registers: object }) => ({ ...state, registers: { ...state.registers, cr: 0x26 } }),
    ],
  ])('refuses %s', (_, change) => {
    const { card } = started();
    const before = card.save();
    expect(() => card.restore(change(card.save()))).toThrow('saved state refused');
    expect(card.save()).toEqual(before);
  });

  it('has packet memory of 32 KiB if asked', () => {
    const driver = new Ne2000Driver(MAC_A, 32);
    driver.start();
    driver.out(0x02, 0xc0);
    driver.writeMemory(0xbf00, Uint8Array.of(7, 8));
    expect([...driver.readMemory(0xbf00, 2)]).toEqual([7, 8]);
    expect([...driver.readMemory(0xc000, 2)]).toEqual([0xff, 0xff]);
    expect(driver.card.save().ram.length).toBe(32768);
    expect(TX_PAGE << 8).toBe(0x4000);
  });
});
