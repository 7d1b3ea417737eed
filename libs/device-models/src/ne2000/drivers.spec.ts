// eslint-disable-next-line @nx/enforce-module-boundaries -- the cards' test kit is no part of what the library offers
import { BROADCAST, ethernetFrame, MAC_A, MAC_B } from '../../../devices/src/ethernet/testing';
import { SharedCard } from './shared-card.fixture';

/** What Linux's driver sees, and what leaves the card, when another guest has it in between. */

it('two drivers each find their own address, and their own card', () => {
  const card = new SharedCard();
  expect([card.a.mac, card.b.mac]).toEqual([[...MAC_A], [...MAC_B]]);
  const frames = [60, 61, 999, 1514].map((length, i) => ethernetFrame(MAC_B, length, i));
  for (const frame of frames) {
    card.a.send(frame);
    card.elsewhere();
    card.serve();
  }
  // the driver rounds up to words in the card, not on the wire
  expect(card.sent).toEqual(frames);
  expect(card.a.transmitted).toEqual([3, 3, 3, 3]);
});

it('a receive ring that is half full keeps its frames, and goes on being filled', () => {
  const card = new SharedCard();
  const frames: Uint8Array[] = [];
  for (let round = 0; round < 12; round++) {
    for (let i = 0; i < 4; i++)
      frames.push(card.receive(60 + ((round * 97 + i * 331) % 1455), 4 * round + i));
    card.elsewhere();
    expect(card.lineUp).toBe(true);
    frames.push(card.receive(300, round));
    card.serve();
    expect(card.lineUp).toBe(false);
  }
  expect(card.a.received.length).toBe(frames.length);
  card.a.received.forEach((frame, i) => expect(Buffer.compare(frame, frames[i]!)).toBe(0));
});

it('a transmission that was set up before a switch sends the right bytes after it', () => {
  const card = new SharedCard();
  const [first, second] = [ethernetFrame(MAC_B, 1234, 1), ethernetFrame(MAC_B, 77, 2)];
  // the interrupt of the first frame sets up the second: the switch comes before its last access
  card.a.send(first);
  card.a.send(second);
  const trigger = card.a.trigger.bind(card.a);
  card.a.trigger = () => {
    card.elsewhere();
    trigger();
  };
  card.serve();
  expect(card.sent).toEqual([first, second]);
});

it('TBCR survives, though PAR is written at the same offsets in between', () => {
  const card = new SharedCard();
  const frame = ethernetFrame(MAC_B, 0x155, 7);
  const { ports } = card.a;
  card.a.upload(0x40, frame);
  for (const [offset, value] of [
    [0x05, 0x55],
    [0x06, 0x01],
    [0x00, 0x60],
    [0x05, 0],
    [0x06, 0x0a],
  ] as const) {
    ports.write(offset, 1, value);
  }
  card.elsewhere();
  ports.write(0x00, 1, 0x26);
  expect(card.sent).toEqual([frame]);
});

it('an interrupt that was pending or acknowledged in part comes as it would have', () => {
  const card = new SharedCard();
  const { ports } = card.a;
  card.receive(100, 1);
  card.a.send(ethernetFrame(MAC_B));
  expect(ports.read(0x07, 1)).toBe(0x03);
  ports.write(0x07, 1, 0x01);
  card.elsewhere();
  expect([ports.read(0x07, 1), card.lineUp]).toEqual([0x02, true]);
  ports.write(0x0f, 1, 0);
  expect(card.lineUp).toBe(false);
  card.elsewhere();
  expect([ports.read(0x07, 1), card.lineUp]).toEqual([0x02, false]);
  ports.write(0x0f, 1, 0x3f);
  expect(card.lineUp).toBe(true);
  card.receive(100, 2);
  card.elsewhere();
  expect(ports.read(0x07, 1)).toBe(0x03);
  ports.write(0x07, 1, 0x03);
  expect([ports.read(0x07, 1), card.lineUp]).toEqual([0, false]);
});

it('the receive status is of the last frame', () => {
  const card = new SharedCard();
  const { ports } = card.a;
  card.deliver(ethernetFrame(BROADCAST));
  expect(ports.read(0x0c, 1)).toBe(0x21);
  card.elsewhere();
  expect(ports.read(0x0c, 1)).toBe(0x21);
  ports.write(0x07, 1, 0x01); // from now on, it tells of nothing that the guest could still want to know
  card.elsewhere();
  card.receive(60, 2);
  expect(ports.read(0x0c, 1)).toBe(0x01);
});

describe('a forced switch in the middle of a remote DMA', () => {
  it.each([60, 1000, 1001, 1514])('write of %i bytes: nothing is lost', length => {
    const card = new SharedCard();
    const frame = ethernetFrame(MAC_B, length, 0x5c);
    let forced = 0;
    card.a.upload(0x40, frame, left => {
      if (left > 20 && left % 100 > 3) return;
      if (card.reusable !== true) forced++;
      card.elsewhere();
    });
    expect(forced).toBeGreaterThan(3);
    expect(Buffer.compare(card.a.download(0x4000, length), frame)).toBe(0);
  });

  it.each([59, 1000, 1001])('read of %i bytes: nothing is lost', length => {
    const card = new SharedCard();
    const data = Uint8Array.from({ length: 1024 }, (_, i) => i * 7);
    card.a.upload(0x70, data);
    let forced = 0;
    const got = card.a.download(0x7000, length, left => {
      if (left > 20 && left % 100 > 3) return;
      if (card.reusable !== true) forced++;
      card.elsewhere();
    });
    expect(forced).toBeGreaterThan(3);
    expect(Buffer.compare(got, data.subarray(0, length))).toBe(0);
  });

  it.each([
    ['as it was', () => {}, 0x4d],
    ['BNRY written meanwhile', (card: SharedCard) => card.a.ports.write(0x03, 1, 0x60), 0x4d],
    [
      'RBCR written to 0 meanwhile',
      (card: SharedCard) => [0x0a, 0x0b].forEach(at => card.a.ports.write(at, 1, 0)),
      0x4d,
    ],
  ])('"send packet", %s: BNRY moves where it would have', (_, change, end) => {
    const card = new SharedCard();
    const { ports } = card.a;
    const frame = card.receive(80, 9);
    ports.write(0x03, 1, 0x4c);
    ports.write(0x00, 1, 0x1a);
    ports.read(0x10, 4); // the header
    change(card);
    const [cr, boundary] = [ports.read(0x00, 1), ports.read(0x03, 1)];
    card.elsewhere();
    expect([ports.read(0x00, 1), ports.read(0x03, 1)]).toEqual([cr, boundary]);
    expect(card.reusable).toBe('a remote DMA is under way');
    let second = ports.read(0x10, 4);
    if (second === 0xffffffff) {
      ports.write(0x0a, 1, 80); // there was nothing to go
      second = ports.read(0x10, 4);
    }
    expect(second).toBe(new DataView(frame.buffer).getUint32(0, true));
    while (!(ports.read(0x00, 1) & 0x20)) ports.read(0x10, 4);
    expect(ports.read(0x03, 1)).toBe(end);
  });

  it('between the count and the command: the count is kept, whatever it is', () => {
    for (const count of [0, 1, 2, 59, 60, 0xffff]) {
      const card = new SharedCard();
      const { ports } = card.a;
      ports.write(0x0a, 1, count & 0xff);
      ports.write(0x0b, 1, count >> 8);
      ports.write(0x0e, 1, 0x48); // bytes
      card.elsewhere();
      ports.write(0x00, 1, 0x0a);
      let moved = 0;
      for (; !(ports.read(0x00, 1) & 0x20); moved++) ports.read(0x10, 1);
      expect(moved).toBe(count);
    }
  });
});

describe('the steady state', () => {
  const share = (card: SharedCard, work: () => void) => {
    const before = { ...card.counts };
    work();
    const [open, shadow, exit] = (['open', 'shadow', 'exit'] as const).map(
      kind => card.counts[kind] - before[kind],
    );
    return { all: open! + shadow! + exit!, shadow: shadow!, exit: exit! };
  };

  it.each([
    ['pings', 98, 98, 98],
    ['transmission in bulk', 1514, 66, 16],
    ['reception in bulk', 66, 1514, 16],
  ])('needs the VMM for at most 1 access in 30: %s', (_, sent, received) => {
    const card = new SharedCard();
    const { all, shadow, exit } = share(card, () => {
      for (let i = 0; i < 100; i++) {
        card.receive(received, i);
        card.serve();
        card.a.send(ethernetFrame(MAC_B, sent, i));
        card.serve();
      }
    });
    expect(card.a.received.length).toBe(100);
    expect(card.sent.length).toBe(100);
    expect(exit).toBe(0);
    expect(shadow).toBe(200);
    expect(all / (shadow + exit)).toBeGreaterThan(30);
  });
});
