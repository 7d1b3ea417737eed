import { frameTo, generator, macOf } from '../testing/frames';
import { LoopGuard, LOOP_MEMORY_MS } from './loop-guard';

const frame = (id: number, length = 64) => frameTo(macOf(2), macOf(1), id, length);

describe('the loop guard', () => {
  it('knows a frame again by its Ethernet bytes and network, for its time', () => {
    let now = 0;
    const guard = new LoopGuard(() => now);
    expect(guard.seen(1, frame(1), 12)).toBe(false);
    const otherHeader = frame(1);
    otherHeader[0] = 2;
    expect(guard.seen(1, otherHeader, 12)).toBe(true);
    expect(guard.seen(2, frame(1), 12)).toBe(false);
    expect(guard.seen(1, frame(2), 12)).toBe(false);
    expect(guard.seen(1, frame(1, 65), 12)).toBe(false);
    now = LOOP_MEMORY_MS - 1;
    expect(guard.seen(1, frame(1), 12)).toBe(true);
    now = LOOP_MEMORY_MS;
    expect(guard.seen(1, frame(1), 12)).toBe(false);
    expect(guard.seen(1, frame(1), 12)).toBe(true);
  });

  it('tells frames apart that differ in any one bit', () => {
    const guard = new LoopGuard(() => 0);
    const bytes = frame(7, 70);
    expect(guard.seen(1, bytes, 12)).toBe(false);
    for (let bit = 12 * 8; bit < bytes.length * 8; bit++) {
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      expect(guard.seen(1, bytes, 12)).toBe(false);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
    }
    expect(guard.seen(1, bytes, 12)).toBe(true);
  });

  it('never takes one of 200,000 different frames for another, and then knows the last ones', () => {
    const guard = new LoopGuard(() => 0);
    const random = generator(1);
    const frames = 200_000;
    const bytes = frame(0, 30);
    const show = (id: number) => {
      new DataView(bytes.buffer).setUint32(26, id);
      return guard.seen(1, bytes, 12);
    };
    let mistaken = 0;
    for (let id = 0; id < frames; id++) if (show(id)) mistaken++;
    expect(mistaken).toBe(0);
    let known = 0;
    for (let n = 0; n < 1_000; n++) if (show(frames - 1 - random(1_000))) known++;
    expect(known).toBeGreaterThan(900);
  });

  it('ends a ring of three switches that would pass a broadcast on for ever', () => {
    const guards = [new LoopGuard(), new LoopGuard(), new LoopGuard()];
    let passed = 0;
    const pass = (at: number, bytes: Uint8Array) => {
      if (guards[at]!.seen(1, bytes, 12)) return;
      passed++;
      pass((at + 1) % 3, bytes);
      pass((at + 2) % 3, bytes);
    };
    for (let id = 0; id < 100; id++) pass(id % 3, frame(id));
    expect(passed).toBe(300);
  });
});
