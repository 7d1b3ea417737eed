import { randomUUID } from 'node:crypto';
import { Bus, type Stoppable } from '@v3vee/bus';
import { captureCalls, rawSubjects } from '@v3vee/contracts';
import { RestartableNats, until } from '../testing/nats';
import { decodeBatch, type CapturedFrame } from './batch';
import { Capture } from './capture';
import { compileFilter } from './filter';
import { packets } from './filter/testing/packets';
import { CapturePublisher } from './publisher';
import { MAX_CAPTURES, serveCaptures } from './serve-captures';
import { Taps } from './taps';

const superFrame = (ethernet: Uint8Array, header: number[] = []) => {
  const frame = new Uint8Array(12 + ethernet.length);
  frame.set(header);
  frame.set(ethernet, 12);
  return frame;
};
const plain = (frames: CapturedFrame[]) => frames.map(({ time: _, ...rest }) => rest);

describe('a tap', () => {
  it('is watched while somebody watches it, and is the same when its NIC comes back', () => {
    const taps = new Taps();
    const tap = taps.at(7, { type: 'interface', mac: '02:00:00:00:00:01' });
    expect(taps.at(7, { type: 'interface', mac: '02:00:00:00:00:01' })).toBe(tap);
    expect(taps.at(8, { type: 'interface', mac: '02:00:00:00:00:01' })).not.toBe(tap);
    expect(taps.at(7, { type: 'edge', link: 1 })).not.toBe(taps.at(7, { type: 'edge', link: 2 }));
    const seen: string[] = [];
    const watcher = {
      see: (frames: readonly Uint8Array[], way: string) => void seen.push(`${way} ${frames.length}`),
    };
    expect(tap.isWatched).toBe(false);
    tap.watch(watcher);
    tap.see([packets.ping], 'out');
    tap.leave(watcher);
    expect([seen, tap.isWatched]).toEqual([['out 1'], false]);
  });
});

describe('a capture', () => {
  function setUp(filter = '', snapLength = 66_000, connected = true) {
    const batches: Uint8Array[] = [];
    const clock = { now: 5_000 };
    const publish = (batch: Uint8Array) => {
      if (connected) batches.push(batch);
      return connected;
    };
    const publisher = new CapturePublisher(publish, () => clock.now);
    const capture = new Capture({ filter: compileFilter(filter), snapLength, to: publisher });
    return { capture, publisher, clock, batches, frames: () => batches.flatMap(decodeBatch) };
  }

  it('keeps what its filter selects, cut to its snap length, with direction and time', () => {
    const { capture, publisher, frames } = setUp('icmp', 20);
    const before = BigInt(Date.now() - 1_000) * 1_000_000n;
    capture.see([superFrame(packets.arpRequest), superFrame(packets.ping)], 'out');
    capture.see([superFrame(packets.pong), new Uint8Array(12), new Uint8Array(3)], 'in');
    publisher.stop();
    expect(plain(frames())).toEqual([
      { direction: 'out', length: packets.ping.length, bytes: packets.ping.subarray(0, 20) },
      { direction: 'in', length: packets.pong.length, bytes: packets.pong.subarray(0, 20) },
    ]);
    for (const { time } of frames()) expect(time > before && time < before + 60_000_000_000n).toBe(true);
    expect([publisher.captured, publisher.dropped]).toEqual([2, 0]);
  });

  it('completes a checksum that was left to the receiver, and leaves the frame alone', () => {
    const { capture, publisher, frames } = setUp();
    // The checksum field holds the pseudo header's sum, as a driver leaves it: 10.0.0.1, 10.0.0.2, 6, 20 octets.
    const frame = superFrame(packets.web, [1, 0, 0, 0, 0, 0, 34, 0, 16, 0]);
    frame.set([0x14, 0x1d], 12 + 34 + 16);
    const before = frame.slice();
    capture.see([frame], 'out');
    publisher.stop();
    expect(frame).toEqual(before);
    const [captured] = frames();
    expect(
      onesComplementSum([...captured!.bytes.subarray(26, 34), 0, 6, 0, 20, ...captured!.bytes.subarray(34)]),
    ).toBe(0xffff);
  });

  it('keeps a super-frame as one frame', () => {
    const { capture, publisher, frames } = setUp('tcp');
    const big = new Uint8Array(54 + 60_000);
    big.set(packets.web);
    capture.see([superFrame(big, [1, 1, 54, 0, 0xb4, 5, 34, 0, 16, 0])], 'in');
    publisher.stop();
    expect(frames().map(({ length, bytes }) => [length, bytes.length])).toEqual([[60_054, 60_054]]);
  });

  it('sends batches that fit a message, and drops and counts what is too much at once', () => {
    const { capture, publisher, clock, batches, frames } = setUp();
    const big = superFrame(new Uint8Array(65_000).fill(1));
    for (let i = 0; i < 200; i++) capture.see([big], 'out');
    // 8 MiB at once, then 64 KiB in a millisecond.
    expect(publisher.dropped).toBe(200 - 129);
    clock.now += 10;
    for (let i = 0; i < 20; i++) capture.see([big], 'out');
    publisher.stop();
    expect(Math.max(...batches.map(batch => batch.length))).toBeLessThan(512 * 1024);
    expect([frames().length, publisher.captured, publisher.dropped]).toEqual([139, 139, 81]);
  });

  it('counts what the bus could not take', () => {
    const { capture, publisher } = setUp('', 100, false);
    capture.see([superFrame(packets.ping)], 'out');
    publisher.stop();
    expect([publisher.captured, publisher.dropped]).toEqual([0, 1]);
  });
});

it('a batch that is cut short anywhere is refused', () => {
  let batch = new Uint8Array(0);
  const publisher = new CapturePublisher(bytes => {
    batch = bytes as Uint8Array<ArrayBuffer>;
    return true;
  });
  const capture = new Capture({ filter: () => true, snapLength: 100, to: publisher });
  capture.see([superFrame(packets.ping), superFrame(packets.dns)], 'in');
  publisher.stop();
  const whole = [20 + packets.ping.length, batch.length];
  for (let cut = 1; cut < batch.length; cut++) {
    if (!whole.includes(cut)) expect(() => decodeBatch(batch.subarray(0, cut))).toThrow('cut short');
  }
  new DataView(batch.buffer).setUint32(16, 0xffff_ffff, true);
  expect(() => decodeBatch(batch)).toThrow('cut short at offset 0');
});

describe('captures on the bus', () => {
  let nats: RestartableNats;
  let bus: Bus;
  let taps: Taps;
  let server: Stoppable;
  const place = { vni: 7, place: { type: 'interface', mac: '02:00:00:00:00:01' } } as const;
  const tap = () => taps.at(place.vni, place.place);
  const start = (id: string, more: object = {}) =>
    bus.call(captureCalls.start, 'alpha', { id, place, filter: '', snapLength: 66_000, ...more });

  beforeAll(async () => {
    nats = await RestartableNats.start();
    bus = await Bus.connect({ url: nats.url, name: 'test' });
  });
  afterAll(async () => {
    await bus.close();
    await nats.stop();
  });
  beforeEach(() => {
    taps = new Taps();
    server = serveCaptures({ bus, host: 'alpha', taps });
  });
  afterEach(() => server.stop());

  it('publish what passes their place until they are stopped', async () => {
    const id = randomUUID();
    const seen: CapturedFrame[] = [];
    const subscription = bus.subscribeRaw(rawSubjects.capture('*', id), batch =>
      seen.push(...decodeBatch(batch.slice())),
    );
    await start(id, { filter: 'icmp' });
    tap().see([superFrame(packets.ping), superFrame(packets.dns)], 'out');
    taps.core.see([superFrame(packets.pong)], 'in');
    await until(() => seen.length > 0);
    expect(plain(seen)).toEqual([{ direction: 'out', length: packets.ping.length, bytes: packets.ping }]);
    expect(await bus.call(captureCalls.renew, 'alpha', { id })).toEqual({ captured: 1, dropped: 0 });
    await bus.call(captureCalls.stop, 'alpha', { id });
    await bus.call(captureCalls.stop, 'alpha', { id });
    expect(tap().isWatched).toBe(false);
    await expect(bus.call(captureCalls.renew, 'alpha', { id })).rejects.toMatchObject({
      code: 'CAPTURE_POINT_NOT_FOUND',
    });
    subscription.stop();
  });

  it('end when nobody renews them', async () => {
    server.stop();
    server = serveCaptures({ bus, host: 'alpha', taps, lifeMs: 100 });
    await start(randomUUID(), { place: null });
    await until(() => !taps.core.isWatched);
  });

  it('are refused with a filter that is none, and when there are too many', async () => {
    await expect(start(randomUUID(), { filter: 'icmp and' })).rejects.toMatchObject({
      code: 'CAPTURE_FILTER_INVALID',
      fields: [{ path: 'filter', column: 9 }],
    });
    const ids = Array.from({ length: MAX_CAPTURES }, () => randomUUID());
    for (const id of ids) await start(id);
    await expect(start(randomUUID())).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    // The same again takes the place of itself.
    await start(ids[0]!);
    server.stop();
    expect(tap().isWatched).toBe(false);
  });
});

function onesComplementSum(octets: number[]): number {
  let sum = 0;
  for (let i = 0; i < octets.length; i += 2) sum += octets[i]! * 256 + (octets[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}
