import { completeChecksum, superFrameFromWire } from './checksum-offload';
import { ipBytesOnWire, MAX_SEGMENTS, segmentCount, segmentSuperFrame } from './segmentation';
import { MAX_SUPER_FRAME_BYTES, superFrameProblem } from './super-frame';
import { packet, read, superFrame, type PacketShape } from './testing/packets';
import { generator, type Random } from './testing/random';

const bytesOf = (random: Random, length: number) => Uint8Array.from({ length }, () => random(256));
const frames = (result: Uint8Array[] | string): Uint8Array[] => {
  if (typeof result === 'string') throw new Error(result);
  return result;
};
const pick = <T>(random: Random, ...choices: T[]): T => choices[random(choices.length)]!;

function anyTcp(random: Random, payloadBytes: number): PacketShape {
  const version = pick(random, 4, 6) as 4 | 6;
  return {
    version,
    protocol: 'tcp',
    payload: bytesOf(random, payloadBytes),
    tags: random(3),
    options: random(2) * (version === 4 ? 4 * (1 + random(10)) : 8 * (1 + random(3))),
    tcpOptions: 4 * random(11),
    sequence: pick(random, 1, 0xffff_ff00, random(0xffff_ffff)),
    identification: pick(random, 5, 0xffff, random(0x1_0000)),
    flags: 0x10 | (random(2) * 0x80) | (random(2) * 0x08) | (random(2) * 0x01) | (random(2) * 0x40),
  };
}

describe('segmentation', () => {
  it('cuts what reassembles to the original, with every checksum right', () => {
    const random = generator(1);
    for (let round = 0; round < 200; round++) {
      const shape = anyTcp(random, random(round % 20 === 0 ? 60_000 : 6_000));
      const size = 40 + random(round % 20 === 0 ? 9_000 : 1_600);
      const whole = superFrame(shape, size, random(2) === 1);
      const before = whole.slice();
      const segments = frames(segmentSuperFrame(whole));
      expect(whole).toEqual(before);
      expect(segments.length).toBe(segmentCount(whole));
      const parts = segments.map(read);
      expect(Buffer.concat(parts.map(part => part.payload)).equals(shape.payload)).toBe(true);
      expect(Math.max(...parts.map(part => part.ipBytes))).toBe(ipBytesOnWire(whole));
      parts.forEach((part, i) => {
        const [isFirst, isLast] = [i === 0, i === parts.length - 1];
        expect(part.payload.length).toBe(isLast ? shape.payload.length - i * size : size);
        expect(part.sequence).toBe((shape.sequence! + i * size) >>> 0);
        if (shape.version === 4) expect(part.identification).toBe((shape.identification! + i) & 0xffff);
        const kept = shape.flags! & ((isFirst ? 0xff : 0x7f) & (isLast ? 0xff : 0xf6));
        expect(part.flags).toBe(kept);
        expect(part.tags.length).toBe(shape.tags);
      });
    }
  });

  it('cuts into super-frames that ask for nothing, with the same Ethernet frames in them', () => {
    const random = generator(2);
    for (const size of [100, 777, 5_000]) {
      const whole = superFrame(anyTcp(random, 3_001), size);
      const plain = frames(segmentSuperFrame(whole));
      const again = frames(segmentSuperFrame(whole, { superFrames: true }));
      expect(again.map(frame => frame.slice(0, 12))).toEqual(again.map(() => new Uint8Array(12)));
      expect(again.map(frame => Buffer.from(frame.subarray(12)))).toEqual(
        plain.map(frame => Buffer.from(frame)),
      );
    }
  });

  it('finishes the checksum of a frame that needs no cutting', () => {
    const random = generator(3);
    for (let round = 0; round < 300; round++) {
      const shape: PacketShape = {
        ...anyTcp(random, random(1_500)),
        protocol: pick(random, 'tcp', 'udp'),
        tcpOptions: 0,
      };
      const whole = superFrame(shape);
      const before = whole.slice();
      const [frame, ...others] = frames(segmentSuperFrame(whole));
      expect(others).toEqual([]);
      expect(Buffer.from(read(frame!).payload).equals(shape.payload)).toBe(true);
      expect(whole).toEqual(before);
    }
  });

  it('never sends 0 as the checksum of a UDP packet, which would mean none', () => {
    const shape: PacketShape = { version: 4, protocol: 'udp', payload: new Uint8Array(2) };
    const partial = read(packet(shape).frame).transport;
    // The payload that makes the sum 0xffff: what the checksum would have been.
    shape.payload = partial.slice(6, 8);
    const [frame] = frames(segmentSuperFrame(superFrame(shape)));
    expect([...read(frame!).transport.subarray(6, 8)]).toEqual([255, 255]);
  });

  it('copies nothing of a frame that asks for nothing', () => {
    const frame = new Uint8Array(100);
    expect(frames(segmentSuperFrame(frame, { superFrames: true }))[0]).toBe(frame);
    expect(frames(segmentSuperFrame(frame))[0]!.buffer).toBe(frame.buffer);
    expect(completeChecksum(frame)).toBe(frame);
  });

  const tcp: PacketShape = { version: 4, protocol: 'tcp', payload: new Uint8Array(4_000) };
  const changed = (at: number, value: number, shape = tcp) => {
    const frame = superFrame(shape, 1_000);
    frame[at] = value;
    return frame;
  };
  it.each<[string, Uint8Array, string]>([
    ['nothing', new Uint8Array(0), 'malformed'],
    ['another version than the type says', changed(1, 4), 'malformed'],
    ['UDP segments', changed(1, 5), 'unsupported'],
    ['a checksum elsewhere', changed(6, 30), 'malformed'],
    ['a length beyond the frame', changed(12 + 14 + 2, 0xff), 'malformed'],
    ['an IP header of 16 bytes', changed(12 + 14, 0x44), 'malformed'],
    ['a TCP header of 16 bytes', changed(12 + 34 + 12, 0x40), 'malformed'],
    [
      'a TCP header beyond the packet',
      changed(12 + 34 + 12, 0xf0, { ...tcp, payload: new Uint8Array(8) }),
      'malformed',
    ],
    ['a fragment', changed(12 + 14 + 6, 0x20), 'unsupported'],
    ['UDP in a TCP type', changed(12 + 14 + 9, 17), 'unsupported'],
    ['SYN', changed(12 + 34 + 13, 0x02), 'unsupported'],
    ['an urgent pointer', changed(12 + 34 + 13, 0x30), 'unsupported'],
    ['a routing header', changed(12 + 14 + 6, 43, { ...tcp, version: 6, options: 8 }), 'unsupported'],
    ['more segments than there can be', superFrame(tcp, 1), 'too-many'],
    ['three tags', superFrame({ ...tcp, tags: 3 }, 1_000), 'malformed'],
  ])('refuses %s', (_, frame, problem) => {
    expect(segmentSuperFrame(frame)).toBe(problem);
  });

  it('stays within its bounds whatever a guest sends', () => {
    const seed = 4;
    const random = generator(seed);
    for (let round = 0; round < 3_000; round++) {
      const frame = superFrame(anyTcp(random, random(300)), 1 + random(100), random(2) === 1);
      const cut = random(4) === 0 ? frame.slice(0, random(frame.length)) : frame;
      for (let hits = 1 + random(4); hits > 0; hits--) cut[random(Math.min(cut.length, 130))] = random(256);
      const count = segmentCount(cut);
      expect(count >= 1 && count <= MAX_SEGMENTS && Number.isInteger(count)).toBe(true);
      const result = segmentSuperFrame(cut, { superFrames: random(2) === 1 });
      if (typeof result === 'string') continue;
      expect(superFrameProblem(cut)).toBeUndefined();
      const total = result.reduce((sum, segment) => sum + segment.length, 0);
      expect(total).toBeLessThanOrEqual(cut.length + result.length * 600);
      expect(ipBytesOnWire(cut)).toBeLessThanOrEqual(cut.length);
    }
    const largest = new Uint8Array(MAX_SUPER_FRAME_BYTES + 1);
    expect(segmentSuperFrame(largest)).toBe('malformed');
  });
});

describe('a frame from a wire', () => {
  it('asks for nothing when its checksum is whole', () => {
    for (const protocol of ['tcp', 'udp', 'icmp'] as const) {
      const { frame } = packet({ version: 6, protocol, payload: new Uint8Array(100).fill(3) });
      const whole = superFrameFromWire(frame, 1500);
      expect(whole.slice(0, 12)).toEqual(new Uint8Array(12));
      expect(Buffer.from(whole.subarray(12)).equals(frame)).toBe(true);
    }
    expect(superFrameFromWire(new Uint8Array(14), 1500)).toEqual(new Uint8Array(26));
  });

  it('asks for what a kernel on this machine left to its hardware', () => {
    const random = generator(5);
    for (let round = 0; round < 200; round++) {
      const shape = {
        ...anyTcp(random, random(9_000)),
        protocol: pick(random, 'tcp', 'udp') as 'tcp' | 'udp',
      };
      if (shape.protocol === 'udp') shape.tcpOptions = 0;
      const { frame } = packet(shape, 'partial');
      const whole = superFrameFromWire(frame, 1450);
      expect(superFrameProblem(whole)).toBeUndefined();
      const parts = frames(segmentSuperFrame(whole)).map(read);
      expect(Buffer.concat(parts.map(part => part.payload)).equals(shape.payload)).toBe(true);
      if (shape.protocol === 'tcp')
        expect(Math.max(...parts.map(part => part.ipBytes))).toBeLessThanOrEqual(1450);
    }
  });

  it('loses nothing where a whole checksum looks like an unfinished one', () => {
    // The payload is such that the sum over the segment without the pseudo header is 0xffff less twice that sum.
    const shape: PacketShape = { version: 4, protocol: 'udp', payload: new Uint8Array(2) };
    let found = 0;
    for (let value = 0; value < 0x1_0000 && !found; value++) {
      shape.payload = Uint8Array.of(value >> 8, value);
      const { frame } = packet(shape);
      const whole = superFrameFromWire(frame, 1500);
      if (whole[0] === 0) continue;
      found++;
      expect(Buffer.from(frames(segmentSuperFrame(whole))[0]!).equals(frame)).toBe(true);
    }
    expect(found).toBe(1);
  });
});
