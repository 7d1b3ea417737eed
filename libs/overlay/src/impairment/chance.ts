/** Answers true with its probability, by a sequence of its own. */
export type Chance = () => boolean;

/**
 * A uniform sequence from 0 to less than 1 (mulberry32) for one purpose of one seed. Each purpose has its own, so
 * that a second impairment does not change what the first one does to the same frames.
 */
export function uniform(seed: number, purpose: string): () => number {
  // FNV-1a spreads the purpose over 32 bits.
  let state = 0x811c9dc5;
  for (const character of purpose) state = Math.imul(state ^ character.charCodeAt(0), 0x01000193);
  state ^= Math.imul(seed, 0x9e3779b1);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** Draws only where there is something to decide. */
export function chance(percent: number, seed: number, purpose: string): Chance {
  if (percent <= 0) return () => false;
  const draw = uniform(seed, purpose);
  return () => draw() * 100 < percent;
}
