import { impairment, type Impairment } from '@v3vee/contracts';
import { segmentSuperFrame } from '@v3vee/wire';
import type { LineClock } from './delay-queue';
import { Line } from './line';

/** Time that passes when the test says so. */
class Clock implements LineClock {
  time = 1_000;
  private timers: { at: number; action: () => void }[] = [];
  now = () => this.time;
  after = (milliseconds: number, action: () => void) => {
    const timer = { at: this.time + milliseconds, action };
    this.timers.push(timer);
    return () => void (this.timers = this.timers.filter(each => each !== timer));
  };
  pass(milliseconds: number): void {
    const end = this.time + milliseconds;
    for (;;) {
      const next = this.timers.sort((a, b) => a.at - b.at)[0];
      if (!next || next.at > end) break;
      this.timers.shift();
      this.time = Math.max(this.time, next.at);
      next.action();
    }
    this.time = end;
  }
  get pending(): number {
    return this.timers.length;
  }
}

function setUp(settings: Partial<Impairment> | null, name = 'out') {
  const clock = new Clock();
  const out: { at: number; frame: Uint8Array }[] = [];
  const bursts: number[] = [];
  const line = new Line(
    name,
    frames => {
      bursts.push(frames.length);
      for (const frame of frames) out.push({ at: clock.time - 1_000, frame });
    },
    clock,
  );
  line.impair(settings && impairment.parse(settings));
  return { clock, line, out, bursts, ids: () => out.map(({ frame }) => idOf(frame)) };
}

/** A super-frame that asks for nothing, 64 bytes of Ethernet. */
function numbered(id: number, ethernetBytes = 64): Uint8Array {
  const frame = new Uint8Array(12 + ethernetBytes);
  frame.fill(2, 12, 24);
  new DataView(frame.buffer).setUint32(28, id);
  return frame;
}
const idOf = (frame: Uint8Array) => new DataView(frame.buffer, frame.byteOffset).getUint32(28);
const range = (count: number) => Array.from({ length: count }, (_, i) => i);

/** TCP over IPv4 as a guest hands it over: `segments` × `size` bytes, checksums left to the card. */
function tcp(segments: number, size: number): Uint8Array {
  const payload = segments * size;
  const frame = new Uint8Array(12 + 54 + payload);
  const view = new DataView(frame.buffer);
  frame.set([1, segments > 1 ? 1 : 0]);
  view.setUint16(2, 54, true);
  view.setUint16(4, segments > 1 ? size : 0, true);
  view.setUint16(6, 34, true);
  view.setUint16(8, 16, true);
  frame.fill(2, 12, 24);
  view.setUint16(24, 0x0800);
  frame.set([0x45, 0], 26);
  view.setUint16(28, 40 + payload);
  frame.set([0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2], 30);
  view.setUint16(46, 80);
  frame[46 + 12] = 0x50;
  frame[46 + 13] = 0x10;
  frame.fill(0xab, 66);
  return frame;
}

describe('a line without impairment', () => {
  it('hands on the very burst it got, at once', () => {
    const seen: Uint8Array[][] = [];
    const line = new Line('in', frames => seen.push(frames));
    const burst = [numbered(1), numbered(2)];
    line.send(burst);
    line.impair(impairment.parse({}));
    line.send(burst);
    expect(seen[0]).toBe(burst);
    expect(seen[1]).toBe(burst);
  });
});

describe('loss', () => {
  it('takes exactly the same frames for the same seed', () => {
    const run = (seed: number, name = 'out') => {
      const { line, ids } = setUp({ lossPercent: 10, seed }, name);
      for (const id of range(1_000)) line.send([numbered(id)]);
      return { left: ids(), lost: line.counters.lost };
    };
    const first = run(7);
    expect(first.lost).toBe(1_000 - first.left.length);
    expect(first.lost).toBe(96);
    expect(run(7)).toEqual(first);
    expect(run(8).left).not.toEqual(first.left);
    expect(run(7, 'in').left).not.toEqual(first.left);
  });

  it('does not change when something else is set too', () => {
    const left = (more: Partial<Impairment>) => {
      const { line, ids, clock } = setUp({ lossPercent: 20, seed: 3, ...more });
      for (const id of range(200)) line.send([numbered(id)]);
      clock.pass(1_000);
      return new Set(ids());
    };
    expect(left({ duplicatePercent: 50, jitterMs: 5, delayMs: 10, reorderPercent: 30 })).toEqual(left({}));
  });

  it('is that of the segments of a super-frame, and leaves the others whole', () => {
    const { line, out } = setUp({ lossPercent: 10, seed: 1 });
    const frame = tcp(40, 1_000);
    line.send([frame]);
    const segments = segmentSuperFrame(frame, { superFrames: true }) as Uint8Array[];
    const left = out.map(({ frame: segment }) =>
      segments.findIndex(each => Buffer.compare(each, segment) === 0),
    );
    expect([out.length, line.counters.lost]).toEqual([37, 3]);
    expect(left).not.toContain(-1);
    expect(left).toEqual([...left].sort((a, b) => a - b));
  });

  it('passes a super-frame as it is when none of its segments is lost', () => {
    const { line, out } = setUp({ lossPercent: 0.001 });
    const frame = tcp(40, 1_000);
    line.send([frame]);
    expect(out.map(each => each.frame)).toEqual([frame]);
  });

  it('of everything leaves nothing', () => {
    const { line, out } = setUp({ lossPercent: 100 });
    line.send(range(50).map(id => numbered(id)));
    expect([out.length, line.counters.lost]).toEqual([0, 50]);
  });
});

describe('duplication', () => {
  it('sends the second right after the first', () => {
    const { line, ids, out } = setUp({ duplicatePercent: 100 });
    line.send([numbered(1), numbered(2)]);
    expect(new Set(out.map(({ frame }) => frame.buffer)).size).toBe(4);
    expect(ids()).toEqual([1, 1, 2, 2]);
    expect(line.counters.duplicated).toBe(2);
  });
});

describe('corruption', () => {
  it('inverts one bit of the Ethernet frame, in a copy', () => {
    const { line, out } = setUp({ corruptPercent: 100, seed: 5 });
    const frames = range(200).map(id => numbered(id));
    const before = frames.map(frame => frame.slice());
    line.send(frames);
    expect(frames).toEqual(before);
    for (const [i, { frame }] of out.entries()) {
      expect(frame.subarray(0, 12)).toEqual(new Uint8Array(12));
      expect(differingBits(frame, before[i]!)).toBe(1);
    }
    expect(line.counters.corrupted).toBe(200);
  });

  it('completes a checksum first that was left to the receiver', () => {
    const { line, out } = setUp({ corruptPercent: 100, seed: 5 });
    const frame = tcp(1, 500);
    line.send([frame]);
    const [complete] = segmentSuperFrame(frame, { superFrames: true }) as Uint8Array[];
    expect(out[0]!.frame.subarray(0, 12)).toEqual(new Uint8Array(12));
    expect(differingBits(out[0]!.frame, complete!)).toBe(1);
  });

  it('does not let a receiver trust a checksum that was verified before', () => {
    const { line, out } = setUp({ corruptPercent: 100 });
    const frame = numbered(1);
    frame[0] = 2;
    line.send([frame]);
    expect(out[0]!.frame[0]).toBe(0);
  });

  it('damages one segment of a super-frame that cannot be cut, as of any other frame', () => {
    const { line, out } = setUp({ corruptPercent: 100 });
    const frame = tcp(3, 100);
    frame[26] = 0x65; // version 6 where the header says 4
    line.send([frame]);
    expect([out.length, differingBits(out[0]!.frame, frame)]).toEqual([1, 1]);
  });
});

describe('delay', () => {
  it('keeps every frame for its time, with one timer', () => {
    const { line, out, clock, bursts } = setUp({ delayMs: 50 });
    line.send([numbered(1), numbered(2)]);
    clock.pass(10);
    line.send([numbered(3)]);
    expect([out.length, clock.pending]).toEqual([0, 1]);
    clock.pass(100);
    expect(out.map(({ at, frame }) => [at, idOf(frame)])).toEqual([
      [50, 1],
      [50, 2],
      [60, 3],
    ]);
    expect([bursts, clock.pending]).toEqual([[2, 1], 0]);
  });

  it('keeps copies: who sent them may reuse the buffers', () => {
    const { line, ids, clock } = setUp({ delayMs: 5 });
    const frame = numbered(9);
    line.send([frame]);
    frame.fill(0);
    clock.pass(5);
    expect(ids()).toEqual([9]);
  });

  it('with jitter lies within both bounds, and reorders', () => {
    const { line, out, clock, ids } = setUp({ delayMs: 20, jitterMs: 10 });
    line.send(range(300).map(id => numbered(id)));
    clock.pass(100);
    const times = out.map(({ at }) => at);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect([Math.min(...times) >= 10, Math.max(...times) <= 30, Math.max(...times) > 28]).toEqual([
      true,
      true,
      true,
    ]);
    expect(ids()).not.toEqual(range(300));
    expect([...ids()].sort((a, b) => a - b)).toEqual(range(300));
  });

  it('is overtaken by what is reordered', () => {
    const { line, out, clock } = setUp({ delayMs: 20, reorderPercent: 25, seed: 2 });
    line.send(range(100).map(id => numbered(id)));
    const early = out.length;
    expect(early).toBe(line.counters.reordered);
    expect(early).toBe(23);
    clock.pass(20);
    expect(out.length).toBe(100);
  });

  it('drops and counts what would fill the memory', () => {
    const { line, out, clock } = setUp({ delayMs: 1_000 });
    for (const id of range(40)) line.send([numbered(id, 1 << 20)]);
    clock.pass(1_000);
    expect([out.length, line.counters.overflowed]).toEqual([31, 9]);
  });
});

describe('a rate', () => {
  it('is that of the wire: preamble, gap and check sequence take time too', () => {
    const { line, out, clock } = setUp({ rateKbit: 8_000 });
    line.send(range(5).map(id => numbered(id, 976)));
    clock.pass(100);
    expect(out.map(({ at }) => at)).toEqual([1, 2, 3, 4, 5]);
  });

  it('counts a super-frame as its segments', () => {
    const { line, out, clock } = setUp({ rateKbit: 8_000 });
    line.send([tcp(10, 922), numbered(1, 976)]);
    clock.pass(100);
    expect(out.map(({ at }) => at)).toEqual([10, 11]);
  });

  it('saves nothing up while the line is idle', () => {
    const { line, out, clock } = setUp({ rateKbit: 8_000 });
    clock.pass(500);
    line.send([numbered(1, 976), numbered(2, 976)]);
    clock.pass(10);
    expect(out.map(({ at }) => at)).toEqual([501, 502]);
  });

  it('drops and counts what would wait behind a thousand full frames', () => {
    const { line, out, clock } = setUp({ rateKbit: 100_000 });
    line.send(range(1_200).map(id => numbered(id, 1_514)));
    clock.pass(10_000);
    expect([out.length, line.counters.overflowed]).toEqual([1_000, 200]);
  });

  it('comes before the delay', () => {
    const { line, out, clock } = setUp({ rateKbit: 8_000, delayMs: 10 });
    line.send([numbered(1, 976), numbered(2, 976)]);
    clock.pass(50);
    expect(out.map(({ at }) => at)).toEqual([11, 12]);
  });
});

describe('a change', () => {
  it('lets go what waits, in order, before what comes then', () => {
    const { line, ids, clock } = setUp({ delayMs: 50 });
    line.send([numbered(1), numbered(2)]);
    line.impair(null);
    line.send([numbered(3)]);
    expect([ids(), clock.pending]).toEqual([[1, 2, 3], 0]);
  });

  it('to the same goes on where it was', () => {
    const { line, ids } = setUp({ lossPercent: 30, seed: 4 });
    const other = setUp({ lossPercent: 30, seed: 4 });
    for (const id of range(100)) {
      line.send([numbered(id)]);
      line.impair(impairment.parse({ lossPercent: 30, seed: 4 }));
      other.line.send([numbered(id)]);
    }
    expect(ids()).toEqual(other.ids());
  });

  it('is the end of everything when the line stops', () => {
    const { line, out, clock } = setUp({ delayMs: 50 });
    line.send([numbered(1)]);
    line.stop();
    clock.pass(100);
    expect([out.length, clock.pending]).toEqual([0, 0]);
  });
});

function differingBits(a: Uint8Array, b: Uint8Array): number {
  expect(a.length).toBe(b.length);
  let bits = 0;
  for (const [i, octet] of a.entries()) for (let x = octet ^ b[i]!; x > 0; x >>= 1) bits += x & 1;
  return bits;
}
