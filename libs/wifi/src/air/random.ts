/**
 * Uniform numbers from 0 to less than 1 (mulberry32 over an FNV-1a hash) for one purpose of one seed. Each purpose
 * has its own sequence, so that one more station does not change what befalls the frames of others.
 */
export function randomSequence(seed: number, purpose: string): () => number {
  let state = 0x811c9dc5 ^ Math.imul(seed, 0x9e3779b1);
  for (let i = 0; i < purpose.length; i++) state = Math.imul(state ^ purpose.charCodeAt(i), 0x01000193);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}
