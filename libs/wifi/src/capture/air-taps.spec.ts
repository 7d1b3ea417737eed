import type { AirPlace } from '@v3vee/contracts';
import { CapturePublisher, decodeBatch, nanoseconds } from '@v3vee/overlay';
import {
  enhancedPacket,
  interfaceDescription,
  pcapngBlocks,
  PcapngSplitter,
  RADIOTAP_LINK_TYPE,
  readInterface,
  readPacket,
  readRadiotap,
  sectionHeader,
} from '@v3vee/wire';
import { Air } from '../air';
import { Ear } from '../air/testing/ear';
import { dataFrame } from '../air/testing/frames';
import { TurnedClock } from '../air/testing/turned-clock';
import { AirTaps } from './air-taps';

const A = '02:00:00:00:00:0a';
const B = '02:00:00:00:00:0b';
const C = '02:00:00:00:00:0c';
const ALL = 'ff:ff:ff:ff:ff:ff';

function world() {
  const clock = new TurnedClock();
  const air = new Air({ clock });
  const [a, b, c] = [new Ear('alpha/radio0', A), new Ear('ap/home', B), new Ear('alpha/radio1', C)];
  for (const ear of [a, b, c]) air.join(ear);
  air.setSnr(a.id, b.id, 40);
  air.setSnr(a.id, c.id, 60);
  air.setSnr(b.id, c.id, 20);
  const send = (from: Ear, to: string, bytes = 100, rate = 540) => {
    const frame = dataFrame(to, from.address, bytes);
    air.transmit(from, { frame, freq: 5180, rates: [{ rate, tries: 3 }] }, () => undefined);
    clock.turn(20);
    return frame;
  };
  const capture = (place: Partial<AirPlace>, filter = '', snapLength = 66_000) => {
    const batches: Uint8Array[] = [];
    const publisher = new CapturePublisher(batch => batches.push(batch) > 0);
    const request = { place: { antennas: [a.id], address: null, ...place }, filter, snapLength };
    const leave = new AirTaps(air, clock).feed(request, publisher);
    const frames = () => {
      publisher.stop();
      return batches.flatMap(decodeBatch).map(({ bytes, ...rest }) => {
        const radio = readRadiotap(bytes);
        return { ...rest, bytes, radio, frame: bytes.subarray(radio.length) };
      });
    };
    return { frames, publisher, leave };
  };
  return { air, clock, a, b, c, send, capture };
}

it('captures what an antenna sends and hears, as radiotap tells it', () => {
  const { air, a, b, send, capture, clock } = world();
  const { frames } = capture({});
  const [sent, heard, group] = [send(a, B), send(b, A), send(a, ALL)];
  const known = { flags: 0, rate: 540, freq: 5180, antenna: 0 };
  expect(frames()).toMatchObject([
    { direction: 'out', frame: sent, radio: { ...known, txPower: 20, txFlags: 0, retries: 0 } },
    {
      direction: 'in',
      frame: heard,
      radio: { ...known, signal: air.noiseFloor + 40, noise: air.noiseFloor },
    },
    { direction: 'out', frame: group, radio: { ...known, txPower: 20, txFlags: 8, retries: 0 } },
  ]);
  const [first, second, third] = frames();
  expect([first!.radio.signal, second!.radio.txFlags]).toEqual([undefined, undefined]);
  expect(first!.length).toBe(first!.bytes.length);
  // What the clock was turned by between them.
  const gap = Number(third!.radio.timestamp! - first!.radio.timestamp!);
  expect(gap).toBeGreaterThan(39_900);
  expect(Math.abs(Number(third!.time - first!.time) / 1_000 - gap)).toBeLessThan(100);
  expect(Number(nanoseconds() - first!.time) / 1e9).toBeLessThan(60);
  expect(Number(first!.radio.timestamp!) / 1_000).toBeLessThan(clock.now());
});

it('tells of a frame that fails only where it was sent, with its retries', () => {
  const { air, a, b, send, capture } = world();
  air.setSnr(a.id, b.id, 1);
  const [sender, receiver] = [capture({}), capture({ antennas: [b.id] })];
  send(a, B);
  expect(sender.frames()).toMatchObject([{ radio: { txFlags: 1, retries: 2 } }]);
  expect(receiver.frames()).toEqual([]);
});

it('captures at several antennas at once, and tells them apart', () => {
  const { air, a, b, c, send, capture } = world();
  const { frames } = capture({ antennas: [a.id, c.id] });
  send(b, ALL, 100, 60);
  expect(frames()).toMatchObject([
    { direction: 'in', radio: { antenna: 0, signal: air.noiseFloor + 40 } },
    { direction: 'in', radio: { antenna: 1, signal: air.noiseFloor + 20 } },
  ]);
});

it('captures of one station only what it sends and is sent', () => {
  const { a, b, send, capture } = world();
  const { frames } = capture({ address: A });
  send(a, B);
  send(b, A);
  send(b, ALL);
  send(b, C);
  expect(frames().map(({ direction }) => direction)).toEqual(['out', 'in']);
});

it('filters, cuts to the snap length, ends, and does not change what passes', () => {
  const { a, b, send, capture } = world();
  const { frames, publisher, leave } = capture({}, `wlan ta ${A}`, 40);
  const before = send(b, A).slice();
  const sent = send(a, B);
  expect(frames()).toMatchObject([{ direction: 'out', frame: sent.subarray(0, frames()[0]!.frame.length) }]);
  expect(frames()[0]!.bytes.length).toBe(40);
  expect(frames()[0]!.length).toBeGreaterThan(140);
  expect(a.received[0]!.frame).toEqual(before);
  leave();
  send(a, B);
  publisher.stop();
  expect(publisher.captured).toBe(1);
});

it('drops what is more than a reader can take, and the air does not wait', () => {
  const { clock, air, a, b } = world();
  const batches: Uint8Array[] = [];
  let now = 0;
  const publisher = new CapturePublisher(
    batch => batches.push(batch) > 0,
    () => now,
  );
  const place = { antennas: [a.id], address: null };
  new AirTaps(air, clock).feed({ place, filter: '', snapLength: 66_000 }, publisher);
  const frame = dataFrame(B, A, 2_200);
  for (let i = 0; i < 4_000; i++) {
    air.transmit(a, { frame, freq: 5180, rates: [{ rate: 540, tries: 1 }] }, () => undefined);
    clock.turn(1);
  }
  clock.turn(10);
  publisher.stop();
  expect(b.received.length).toBe(4_000);
  expect(publisher.dropped).toBeGreaterThan(0);
  expect(publisher.captured + publisher.dropped).toBe(4_000);
  expect(batches.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(9 << 20);
  now = 1_000;
  expect(publisher.admits(2_200)).toBe(true);
});

it('refuses a place that is none on the air, and a filter of Ethernet', () => {
  const { air, capture } = world();
  const publisher = new CapturePublisher(() => true);
  for (const place of [null, { vni: 7, place: { type: 'edge' as const, link: 1 } }]) {
    expect(() => new AirTaps(air).feed({ place, filter: '', snapLength: 100 }, publisher)).toThrow(
      expect.objectContaining({ code: 'CAPTURE_POINT_NOT_FOUND' }),
    );
  }
  expect(() => capture({}, 'tcp port 80')).toThrow(
    expect.objectContaining({ code: 'CAPTURE_FILTER_INVALID' }),
  );
});

it('is a file that says what its packets begin with', () => {
  const { a, b, send, capture } = world();
  const { frames } = capture({});
  const [sent, heard] = [send(a, B), send(b, A)];
  const file = [
    sectionHeader({ application: 'v3 capture' }),
    interfaceDescription({ name: 'wlan:alpha', linkType: RADIOTAP_LINK_TYPE, snapLength: 66_000 }),
    ...frames().map(({ time, direction, length, bytes }) =>
      enhancedPacket({ interfaceId: 0, time, direction, length, bytes }),
    ),
  ];
  const blocks = new PcapngSplitter().push(Buffer.concat(file));
  expect(readInterface(blocks[1]!)).toMatchObject({ name: 'wlan:alpha', linkType: 127 });
  const packets = blocks.filter(({ type }) => type === pcapngBlocks.ENHANCED_PACKET).map(readPacket);
  expect(packets.map(({ direction }) => direction)).toEqual(['out', 'in']);
  const read = packets.map(({ bytes }) => Uint8Array.from(bytes.subarray(readRadiotap(bytes).length)));
  expect(read).toEqual([sent, heard]);
});
