/** mulberry32: seeded, so that a failing run can be run again. Answers a whole number below `below`. */
export type Random = (below: number) => number;
export function generator(seed: number): Random {
  return below => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}
