import { checksumOf, findIpPacket, pseudoHeaderSum, sumWords } from '@v3vee/wire';
import { BROADCAST, ethernetFrame, MAC_A, MAC_B } from '../ethernet/testing';
import { Rtl8139Driver, RX_BUFFERS, RX_RING, RING, TX_RING } from './testing';

const TCP = 6;
const UDP = 17;

function started(cpcr?: number): Rtl8139Driver {
  const driver = new Rtl8139Driver('C+');
  driver.startPlus(0x0a, cpcr);
  return driver;
}

/** An IPv4 packet with zero checksums. */
function ipFrame(protocol: number, payload: number, to = MAC_B): Uint8Array<ArrayBuffer> {
  const header = protocol === TCP ? 20 : 8;
  const frame = ethernetFrame(to, 14 + 20 + header + payload, 0);
  const view = new DataView(frame.buffer);
  view.setUint16(12, 0x0800);
  frame[14] = 0x45;
  view.setUint16(16, 20 + header + payload);
  view.setUint16(18, 77);
  frame[22] = 64;
  frame[23] = protocol;
  frame.set([10, 0, 0, 1, 10, 0, 0, 2], 26);
  view.setUint16(34, 1000);
  view.setUint16(36, 80);
  if (protocol === TCP) {
    view.setUint32(38, 5000);
    frame[46] = 0x50;
    frame[47] = 0x18;
  } else view.setUint16(38, 8 + payload);
  for (let i = 0; i < payload; i++) frame[34 + header + i] = i * 7;
  return frame;
}

/** Sums over IP header and transport, 0 each when right. */
function sums(frame: Uint8Array): [number, number] {
  const packet = findIpPacket(frame, 0)!;
  const length = packet.end - packet.payload;
  return [
    checksumOf(sumWords(frame, packet.start, packet.payload)),
    checksumOf(sumWords(frame, packet.payload, packet.end, pseudoHeaderSum(frame, packet, length))),
  ];
}

describe('transmission', () => {
  it('sends what several descriptors hold, pads it, and gives the descriptors back', () => {
    const driver = started();
    const frame = ethernetFrame(MAC_B, 50);
    const status = driver.sendPlus([frame.subarray(0, 14), frame.subarray(14, 20), frame.subarray(20)]);
    const padded = new Uint8Array(60);
    padded.set(frame);
    expect(driver.wire.sent).toEqual([padded]);
    expect(status).toBe(0x1000001e);
    expect(driver.isr()).toBe(0x84);
  });

  it('goes round the ring', () => {
    const driver = started();
    const frames = Array.from({ length: 5 * RING + 3 }, (_, i) => ethernetFrame(MAC_B, 60 + i, i));
    for (const frame of frames) driver.sendPlus([frame]);
    expect(driver.wire.sent).toEqual(frames);
  });

  it.each([
    [TCP, 0x50000],
    [UDP, 0x60000],
  ])('fills in the checksums of protocol %i', (protocol, opts1) => {
    const driver = started();
    driver.sendPlus([ipFrame(protocol, 101)], opts1);
    expect(sums(driver.wire.sent[0]!)).toEqual([0, 0]);
  });

  it('leaves checksums alone that it is not asked for', () => {
    const driver = started();
    const frame = ipFrame(TCP, 101);
    driver.sendPlus([frame]);
    driver.sendPlus([ipFrame(TCP, 101)], 0x20000); // UDP's, in a TCP packet
    expect(driver.wire.sent).toEqual([frame, frame]);
  });

  it('cuts a large send into segments', () => {
    const driver = started();
    const frame = ipFrame(TCP, 4000);
    const status = driver.sendPlus([frame.subarray(0, 54), frame.subarray(54)], 0x08000000 | (1460 << 16));
    expect(status & 0x80800000).toBe(0);
    expect(driver.wire.sent.map(sent => sent.length)).toEqual([1514, 1514, 1134]);
    expect(driver.wire.sent.map(sums)).toEqual([
      [0, 0],
      [0, 0],
      [0, 0],
    ]);
    const payload = driver.wire.sent.flatMap(sent => [...sent.subarray(54)]);
    expect(payload).toEqual([...frame.subarray(54)]);
    const sequences = driver.wire.sent.map(sent => new DataView(sent.buffer, sent.byteOffset).getUint32(38));
    expect(sequences).toEqual([5000, 6460, 7920]);
  });

  it.each([
    ['of a segment size of 0', ipFrame(TCP, 4000), 0x08000000],
    ['of no TCP', ipFrame(UDP, 3000), 0x08000000 | (1460 << 16)],
    ['of no IP', ethernetFrame(MAC_B, 3000), 0x08000000 | (1460 << 16)],
  ])('refuses a large send %s', (_, frame, opts1) => {
    const driver = started();
    expect(driver.sendPlus([frame], opts1) & 0x80800000).toBe(0x00800000);
    expect(driver.wire.sent).toEqual([]);
    expect(driver.isr() & 0x08).toBe(0x08);
  });

  it('adds a VLAN tag', () => {
    const driver = started();
    const frame = ethernetFrame(MAC_B, 100);
    driver.sendPlus([frame], 0, 0x20000 | 0x2a30); // bytes swapped: priority 1, VLAN 0x02a
    const [sent] = driver.wire.sent;
    expect([...sent!.subarray(12, 16)]).toEqual([0x81, 0x00, 0x30, 0x2a]);
    expect([...sent!.subarray(16)]).toEqual([...frame.subarray(12)]);
  });

  it('waits for the rest of a packet, and says when there is no more', () => {
    const driver = started();
    driver.descriptor(TX_RING, 0, 0xa0000000 | 60, 0, 0x30000);
    driver.out(0xd9, 1, 0x40);
    expect([driver.wire.sent.length, driver.isr()]).toEqual([0, 0x80]);
    driver.descriptor(TX_RING, 1, 0x90000000 | 60, 0, 0x30000);
    driver.out(0xd9, 1, 0x40);
    expect(driver.wire.sent.length).toBe(1);
  });

  it('refuses a packet without a first descriptor, and a chain without an end', () => {
    const driver = started();
    driver.descriptor(TX_RING, 0, 0x90000000 | 60, 0, 0x30000);
    driver.out(0xd9, 1, 0x40);
    expect(driver.memory.view().getUint32(TX_RING, true) & 0x80800000).toBe(0x00800000);
    for (let i = 0; i < RING; i++) driver.descriptor(TX_RING, i, 0xe0000000 | 60, 0, 0x30000);
    driver.out(0xd9, 1, 0x40);
    driver.card.poll();
    expect(driver.wire.sent).toEqual([]);
  });

  it('sends a bounded part of a long ring at once, the rest when time goes on', () => {
    const driver = started();
    const ring = 0x70000;
    driver.out(0x20, 4, ring);
    for (let i = 0; i < 64; i++) {
      driver.memory.bytes().set(ipFrame(TCP, 2000), 0x30000);
      driver.descriptor(ring, i, 0xb8000000 | (200 << 16) | 2054, 0, 0x30000);
    }
    driver.out(0xd9, 1, 0x40);
    const first = driver.wire.sent.length;
    expect(first).toBeLessThan(80);
    for (let i = 0; i < 20; i++) driver.card.poll();
    expect(driver.wire.sent.length).toBe(640);
  });

  it('interrupts when software asks for it', () => {
    const driver = started();
    driver.out(0xd9, 1, 0x01);
    expect(driver.isr()).toBe(0x100);
  });
});

describe('reception', () => {
  it('fills one descriptor, and goes round the ring', () => {
    const driver = started();
    for (let i = 0; i < 3 * RING + 1; i++) {
      const frame = ethernetFrame(i % 2 ? MAC_A : BROADCAST, 60 + i, i);
      driver.card.receive(frame);
      const taken = driver.takePlus()!;
      expect(taken.frame).toEqual(frame);
      expect(taken.opts1 & 0x3f000000).toBe(i % 2 ? 0x32000000 : 0x31000000);
    }
    expect(driver.isr()).toBe(0x01);
  });

  it('spreads a frame over several descriptors', () => {
    const driver = started();
    for (let i = 0; i < 3; i++) driver.giveReceive(i, 64);
    const frame = ethernetFrame(MAC_A, 150, 9);
    driver.card.receive(frame);
    const view = driver.memory.view();
    expect([0, 1, 2].map(i => view.getUint32(RX_RING + 16 * i, true))).toEqual([
      0x20000040, 0x00000040, 0x1200009a,
    ]);
    expect([...driver.memory.bytes().subarray(RX_BUFFERS, RX_BUFFERS + 64)]).toEqual([
      ...frame.subarray(0, 64),
    ]);
  });

  it('ends its search in empty descriptors, also where the ring ends before the current one', () => {
    const driver = started();
    for (let i = 0; i < 3; i++) driver.card.receive(ethernetFrame(MAC_A));
    for (let i = 0; i < RING; i++) {
      driver.descriptor(RX_RING, i, i % 2 ? 0xc0000000 : 0x80000000, 0, RX_BUFFERS);
    }
    driver.card.receive(ethernetFrame(MAC_A));
    expect(driver.in(0x4c, 4)).toBe(1);
  });

  it('says when it has no descriptor', () => {
    const driver = started();
    for (let i = 0; i < RING; i++) driver.card.receive(ethernetFrame(MAC_A));
    expect(driver.card.ready()).toBe(false);
    driver.card.receive(ethernetFrame(MAC_A));
    expect(driver.isr()).toBe(0x11);
    expect(driver.in(0x4c, 4)).toBe(1);
  });

  it.each([
    [TCP, 0x10000, 0x2000],
    [UDP, 0x20000, 0x4000],
  ])('verifies checksums of protocol %i', (protocol, expected, failed) => {
    const driver = started();
    const other = new Rtl8139Driver('C+');
    other.startPlus();
    other.sendPlus([ipFrame(protocol, 300, MAC_A)], 0x70000);
    const [frame] = other.wire.sent;
    driver.card.receive(frame!);
    expect(driver.takePlus()!.opts1 & 0x3e000).toBe(expected);
    frame![200]! ^= 1;
    driver.card.receive(frame!);
    expect(driver.takePlus()!.opts1 & 0x3e000).toBe(expected | failed);
    frame![24]! ^= 1;
    driver.card.receive(frame!);
    expect(driver.takePlus()!.opts1 & 0x8000).toBe(0x8000);
  });

  it('takes VLAN tags out only when asked to', () => {
    const tagged = ethernetFrame(MAC_A, 104);
    tagged.set([0x81, 0x00, 0x30, 0x2a, 0x88, 0xb5], 12);
    const driver = started();
    driver.card.receive(tagged);
    const taken = driver.takePlus()!;
    expect([taken.opts2, taken.frame.length, taken.frame[12]]).toEqual([0x12a30, 100, 0x88]);
    const plain = started(0x23);
    plain.card.receive(tagged);
    expect(plain.takePlus()).toMatchObject({ opts2: 0, frame: tagged });
  });
});

describe('DMA', () => {
  it.each([
    [
      'a transmit ring',
      (d: Rtl8139Driver) => {
        d.out(0x24, 4, 1);
        d.out(0xd9, 1, 0x40);
      },
      'TNPDS',
    ],
    [
      'a high priority ring',
      (d: Rtl8139Driver) => {
        d.out(0x28, 4, 0xffff0000);
        d.out(0xd9, 1, 0x80);
      },
      'THPDS',
    ],
    [
      'a transmit buffer',
      (d: Rtl8139Driver) => {
        d.descriptor(TX_RING, 0, 0xb0000000 | 60, 0, 2 ** 40);
        d.out(0xd9, 1, 0x40);
      },
      'TNPDS buffer',
    ],
    [
      'a receive ring',
      (d: Rtl8139Driver) => {
        d.out(0xe4, 4, 0xf0000000);
        d.card.receive(ethernetFrame(MAC_A));
      },
      'RDSAR',
    ],
    [
      'a receive buffer',
      (d: Rtl8139Driver) => {
        d.descriptor(RX_RING, 0, 0x80000600, 0, d.memory.size - 8);
        d.card.receive(ethernetFrame(MAC_A));
      },
      'RDSAR buffer',
    ],
    [
      'the statistics',
      (d: Rtl8139Driver) => {
        d.out(0x14, 4, 0xffffffff);
        d.out(0x10, 4, 0x48);
      },
      'DTCCR',
    ],
  ])('outside of memory is denied: %s', (_, act, register) => {
    const driver = started();
    driver.memory.written.length = 0;
    act(driver);
    expect(driver.violations[0]).toMatchObject({ register });
    expect(driver.isr() & 0x8000).toBe(0x8000);
    expect(driver.wire.sent).toEqual([]);
    for (const [from, to] of driver.memory.written) expect(to - from).toBe(4); // a descriptor given back
  });

  it('dumps the statistics', () => {
    const driver = started();
    driver.sendPlus([ethernetFrame(MAC_B)]);
    driver.card.receive(ethernetFrame(MAC_A));
    driver.card.receive(ethernetFrame(BROADCAST));
    driver.out(0x14, 4, 0);
    driver.out(0x10, 4, 0x60008);
    expect(driver.in(0x10, 4)).toBe(0x60000);
    const view = driver.memory.view();
    expect([0, 8, 40, 48].map(at => Number(view.getBigUint64(0x60000 + at, true)))).toEqual([1, 2, 1, 1]);
  });
});
