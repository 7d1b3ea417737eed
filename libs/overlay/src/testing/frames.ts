import { parseMac } from '@v3vee/wire';

/** mulberry32: a seeded generator, so that a failing run can be run again. Answers a whole number below `below`. */
export type Random = (below: number) => number;
export function generator(seed: number): Random {
  return below => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** `macOf(5)` → 02:00:00:00:00:05. */
export const macOf = (n: number): string =>
  `02:00:00:00:${(n >> 8).toString(16).padStart(2, '0')}:${(n & 255).toString(16).padStart(2, '0')}`;

/** A VM's id made of a number. */
export const vmOf = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

/** A super-frame that asks for no offload and carries `id`, to tell it apart. */
export function frameTo(destination: string, source: string, id = 0, length = 64): Uint8Array {
  const frame = new Uint8Array(Math.max(length, 30));
  frame.set(parseMac(destination), 12);
  frame.set(parseMac(source), 18);
  new DataView(frame.buffer).setUint32(26, id);
  return frame;
}

export const idOf = (frame: Uint8Array): number => new DataView(frame.buffer, frame.byteOffset).getUint32(26);
