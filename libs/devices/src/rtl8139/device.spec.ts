import { multicastBit } from '../ethernet/address-filter';
import { frameCheckSequence } from '../ethernet/fcs';
import { BROADCAST, ethernetFrame, MAC_A, MAC_B, MULTICAST } from '../ethernet/testing';
import { DeviceFault } from '../platform';
import { Rtl8139Driver, RX_BUFFER, TX_BUFFERS } from './testing';

function started(accept?: number, options?: { length?: number; noWrap?: boolean }): Rtl8139Driver {
  const driver = new Rtl8139Driver('C');
  driver.start(accept, options);
  return driver;
}

describe('probe', () => {
  it.each([
    ['C', 0x10, 0x74000000],
    ['C+', 0x20, 0x74800000],
  ] as const)('an 8139%s says so in PCI revision and TCR', (model, revision, version) => {
    const { card } = new Rtl8139Driver(model);
    expect(card.config[8]).toBe(revision);
    expect((card.read(0x40, 4) & 0x7cc00000) >>> 0).toBe(version);
    expect(card.bars.map(({ kind }) => kind)).toEqual(['io', 'memory']);
  });

  it('has its address in the EEPROM, where an 8-bit address finds none', () => {
    const driver = new Rtl8139Driver('C');
    expect(driver.readEeprom(0, 8)).not.toBe(0x8129);
    expect(driver.readEeprom(0)).toBe(0x8129);
    const words = [7, 8, 9].map(word => driver.readEeprom(word));
    expect(words.flatMap(word => [word & 0xff, word >> 8])).toEqual([...MAC_A]);
  });

  it('writes its EEPROM, and loads the address registers from it', () => {
    const driver = new Rtl8139Driver('C');
    driver.writeEeprom(7, 0x1234);
    expect(driver.readEeprom(7)).toBe(0x1234);
    expect(driver.in(0, 2)).toBe(0x0002);
    driver.out(0x50, 1, 0x40);
    expect(driver.in(0, 2)).toBe(0x1234);
    expect(driver.in(0x50, 1)).toBe(0);
  });

  it('locks its configuration', () => {
    const driver = new Rtl8139Driver('C');
    driver.out(0x00, 4, 0x04030202);
    driver.out(0x52, 1, 0x20);
    driver.out(0x62, 2, 0x1000);
    expect([driver.in(0, 1), driver.in(0x52, 1), driver.in(0x62, 2)]).toEqual([2, 0x0c, 0x3100]);
    driver.out(0x50, 1, 0xc0);
    driver.out(0x00, 4, 0x04030202);
    driver.out(0x52, 1, 0x20);
    driver.out(0x62, 2, 0x1000);
    expect([driver.in(0, 4), driver.in(0x52, 1), driver.in(0x62, 2)]).toEqual([0x04030202, 0x2c, 0x1000]);
  });

  it('resets: the address stays, the rest starts anew', () => {
    const driver = started();
    driver.card.receive(ethernetFrame(BROADCAST));
    driver.out(0x37, 1, 0x10);
    expect(driver.in(0x37, 1)).toBe(0x01);
    expect([driver.isr(), driver.in(0x3c, 2), driver.in(0x44, 4)]).toEqual([0, 0, 0]);
    expect([driver.in(0x38, 2), driver.in(0x3a, 2)]).toEqual([0xfff0, 0]);
    expect(driver.in(0x10, 4)).toBe(0x2000);
    expect(driver.in(0x00, 4)).toBe(0x00000002);
    expect(driver.line.up).toBe(false);
  });

  it('tells of its link', () => {
    const driver = started();
    expect([driver.in(0x64, 2) & 0x24, driver.in(0x68, 2), driver.in(0x58, 1)]).toEqual([0x24, 0x45e1, 0]);
    driver.card.setLink(false);
    expect(driver.isr()).toBe(0x20);
    expect([driver.in(0x64, 2) & 0x24, driver.in(0x68, 2), driver.in(0x58, 1)]).toEqual([0, 0, 4]);
    expect(driver.send(ethernetFrame(MAC_B)) >>> 31).toBe(1);
    expect(driver.wire.sent).toEqual([]);
  });

  it('counts PCI clocks, and interrupts at the count asked for', () => {
    const driver = started();
    driver.out(0x48, 4, 1);
    driver.out(0x54, 4, 66_000);
    driver.time += 1.5;
    driver.card.poll();
    expect([driver.in(0x48, 4), driver.isr()]).toEqual([49_500, 0]);
    driver.time += 1;
    driver.card.poll();
    expect(driver.isr()).toBe(0x4000);
    driver.acknowledge();
    driver.card.poll();
    expect(driver.isr()).toBe(0);
  });
});

describe('transmission', () => {
  it('sends from the four descriptors in turn', () => {
    const driver = started();
    const frames = Array.from({ length: 9 }, (_, i) => ethernetFrame(MAC_B, 60 + 100 * i, i));
    for (const frame of frames) expect(driver.send(frame)).toBe(0x8a000 | frame.length);
    expect(driver.wire.sent).toEqual(frames);
    expect(driver.isr()).toBe(0x04);
    expect(driver.line.up).toBe(true);
    driver.acknowledge();
    expect(driver.line.up).toBe(false);
    expect(driver.in(0x60, 2)).toBe(0xf00f);
  });

  it('waits for a descriptor that is skipped, and for the transmitter', () => {
    const driver = started();
    driver.out(0x14, 4, 60);
    expect([driver.wire.sent.length, driver.in(0x14, 4)]).toEqual([0, 60]);
    driver.out(0x10, 4, 60);
    expect(driver.wire.sent.length).toBe(2);
    driver.out(0x37, 1, 0x08);
    driver.out(0x18, 4, 60);
    expect(driver.wire.sent.length).toBe(2);
  });

  it('is started by the byte with the OWN bit alone', () => {
    const driver = started();
    driver.out(0x10, 1, 60);
    expect(driver.wire.sent.length).toBe(0);
    driver.out(0x11, 1, 0);
    expect(driver.wire.sent.length).toBe(1);
  });

  it.each([13, 1519, 1793, 8191])('aborts %i bytes', length => {
    const driver = started();
    driver.out(0x10, 4, length);
    expect(driver.in(0x10, 4)).toBe((0x40002000 | length) >>> 0);
    expect(driver.isr()).toBe(0x08);
    expect(driver.wire.sent).toEqual([]);
  });

  it('loops back to itself', () => {
    const driver = started();
    driver.out(0x40, 4, 0x03060600);
    const frame = ethernetFrame(MAC_A, 100);
    driver.send(frame);
    driver.card.receive(ethernetFrame(MAC_A));
    expect(driver.wire.sent).toEqual([]);
    expect(driver.take()!.frame).toEqual(frame);
    expect(driver.take()).toBeUndefined();
    expect(driver.isr()).toBe(0x05);
  });
});

describe('reception', () => {
  it('stores status, length, frame and check sequence', () => {
    const driver = started();
    const frame = ethernetFrame(MAC_A, 61);
    driver.card.receive(frame);
    expect([driver.isr(), driver.line.up, driver.in(0x37, 1)]).toEqual([0x01, true, 0x0c]);
    expect(driver.in(0x3a, 2)).toBe(72);
    const view = driver.memory.view();
    expect(view.getUint32(RX_BUFFER + 4 + 61, true)).toBe(frameCheckSequence(frame));
    expect(driver.take()).toEqual({ status: 0x4001, frame });
    expect(driver.in(0x37, 1)).toBe(0x0d);
  });

  it.each([
    ['its own address', MAC_A, 0x02, 0x4001],
    ['its own address, not wanted', MAC_A, 0x0c, undefined],
    ['another address', MAC_B, 0x0e, undefined],
    ['another address, promiscuous', MAC_B, 0x01, 0x4001],
    ['broadcast', BROADCAST, 0x08, 0x2001],
    ['broadcast, not wanted', BROADCAST, 0x07, undefined],
    ['a group outside of the filter', MULTICAST, 0x04, undefined],
  ])('filters: %s', (_, to, accept, status) => {
    const driver = started(accept);
    driver.card.receive(ethernetFrame(to));
    expect(driver.take()?.status).toBe(status);
  });

  it('takes the groups of the filter', () => {
    const driver = started(0x04);
    const bit = multicastBit(MULTICAST);
    driver.out(0x08 + 4 * (bit >> 5), 4, (1 << (bit & 31)) >>> 0);
    driver.card.receive(ethernetFrame(MULTICAST));
    expect(driver.take()!.status).toBe(0x8001);
  });

  it.each([0, 1, 2, 3])('goes round a buffer of length %i, wrapping or running over its end', length => {
    for (const noWrap of [false, true]) {
      const driver = started(0x02, { length, noWrap });
      const bytes = 8192 << length;
      for (let i = 0; i < 200; i++) {
        const frame = ethernetFrame(MAC_A, 60 + ((i * 37) % 1450), i);
        driver.card.receive(frame);
        expect(Buffer.compare(driver.take(bytes)!.frame, frame)).toBe(0);
      }
      const end = RX_BUFFER + bytes;
      const spilled = driver.memory
        .bytes()
        .subarray(end, end + 2000)
        .some(byte => byte !== 0);
      expect(spilled).toBe(noWrap && length < 3);
    }
  });

  it('loses no frame when the buffer is full, but the ones that come then', () => {
    const driver = started(0x02, { length: 0 });
    const frames = Array.from({ length: 10 }, (_, i) => ethernetFrame(MAC_A, 1000, i));
    for (const frame of frames) driver.card.receive(frame);
    expect(driver.card.ready()).toBe(false);
    expect(driver.isr() & 0x10).toBe(0x10);
    const got: Uint8Array[] = [];
    for (let taken = driver.take(8192); taken; taken = driver.take(8192)) got.push(taken.frame);
    expect(got).toEqual(frames.slice(0, 8));
    expect(driver.in(0x4c, 4)).toBe(2);
    driver.out(0x4c, 4, 0);
    expect(driver.in(0x4c, 4)).toBe(0);
    expect(driver.card.ready()).toBe(true);
  });

  it('starts anew when the receiver is switched off and on', () => {
    const driver = started();
    driver.card.receive(ethernetFrame(MAC_A));
    driver.out(0x37, 1, 0x04);
    driver.card.receive(ethernetFrame(MAC_A));
    driver.out(0x37, 1, 0x0c);
    expect([driver.in(0x37, 1) & 1, driver.in(0x38, 2), driver.in(0x3a, 2)]).toEqual([1, 0xfff0, 0]);
  });
});

describe('DMA', () => {
  it.each([
    [
      'a transmit buffer',
      'TSAD0',
      (d: Rtl8139Driver) => {
        d.out(0x20, 4, d.memory.size - 32);
        d.send(ethernetFrame(MAC_B));
      },
      0x4008 << 1,
    ],
    [
      'a receive buffer',
      'RBSTART',
      (d: Rtl8139Driver) => {
        d.out(0x30, 4, d.memory.size - 32);
        d.card.receive(ethernetFrame(MAC_A));
      },
      0x8000,
    ],
  ])('outside of memory is denied before it happens: %s', (_, register, act) => {
    const driver = started();
    const before = driver.memory.bytes().slice();
    driver.memory.written.length = 0;
    act(driver);
    expect(driver.violations).toMatchObject([{ device: 'rtl8139-0', register }]);
    expect(driver.isr() & 0x8000).toBe(0x8000);
    expect(driver.wire.sent).toEqual([]);
    expect(driver.memory.written).toEqual([]);
    if (register === 'RBSTART') expect(driver.memory.bytes()).toEqual(before);
    expect(driver.take()).toBeUndefined();
  });

  it('stops the VM when nobody wants to know', () => {
    const driver = new Rtl8139Driver('C', { onDmaViolation: undefined });
    driver.start();
    driver.out(0x20, 4, 0xfffff000);
    expect(() => driver.send(ethernetFrame(MAC_B))).toThrow(
      'rtl8139-0: DMA read of 60 bytes at 0xfffff000 from TSAD0: outside of guest memory',
    );
    const state = structuredClone(driver.card.save());
    expect(() => driver.card.restore(state)).not.toThrow();
  });

  it('asks a guard', () => {
    const asked: string[] = [];
    const guard = ({
      register,
      direction,
      address,
      length,
    }: Parameters<NonNullable<import('../pci/bus-master').BusMasterOptions['guard']>>[0]) => {
      asked.push(`${direction} ${register} ${address} ${length}`);
      return direction === 'write';
    };
    const driver = new Rtl8139Driver('C', { guard });
    driver.start();
    expect(driver.send(ethernetFrame(MAC_B)) & 0x40000000).toBe(0x40000000);
    expect(asked).toEqual([`read TSAD0 ${TX_BUFFERS} 60`]);
    driver.card.receive(ethernetFrame(MAC_A));
    expect(driver.take()).toBeDefined();
    expect(driver.violations.length).toBe(1);
  });

  it('needs the bus master bit, without which nothing is reported', () => {
    const driver = started();
    driver.card.setBusMaster(false);
    driver.send(ethernetFrame(MAC_B));
    driver.card.receive(ethernetFrame(MAC_A));
    expect([driver.wire.sent.length, driver.violations.length, driver.card.metrics().dmaDisabled]).toEqual([
      0, 0, 2,
    ]);
  });
});

describe('access', () => {
  it('of any width at any address shows the same bytes', () => {
    const driver = started();
    driver.card.receive(ethernetFrame(MAC_A));
    const bytes = Array.from({ length: 256 }, (_, at) => driver.in(at, 1));
    for (const size of [2, 4]) {
      for (let at = 0; at + size <= 256; at++) {
        const expected = bytes.slice(at, at + size).reduceRight((value, byte) => value * 256 + byte, 0);
        expect(driver.in(at, size)).toBe(expected);
      }
    }
  });

  it('writes only the bytes that it carries', () => {
    const driver = started();
    for (const size of [1, 2, 4]) {
      for (let at = 0x84; at + size <= 0xd0; at++) {
        const before = Array.from({ length: 0x54 }, (_, i) => driver.in(0x80 + i, 1));
        const value = (0x9e3779b1 * (at + size)) >>> 0;
        driver.out(at, size, value % 2 ** (8 * size));
        for (let i = 0; i < size; i++) before[at - 0x80 + i] = (value >>> (8 * i)) & 0xff;
        expect(Array.from({ length: 0x54 }, (_, i) => driver.in(0x80 + i, 1))).toEqual(before);
      }
    }
  });

  it('past the last register is a fault', () => {
    const { card } = started();
    expect(() => card.read(0xfe, 4)).toThrow(DeviceFault);
    expect(() => card.write(0xff, 2, 0)).toThrow('runs past the last register');
  });

  it('a C has no registers of the C+', () => {
    const driver = started();
    driver.out(0xe0, 2, 3);
    driver.out(0xd9, 1, 0x40);
    expect(driver.in(0xe0, 4)).toBe(0);
  });
});
