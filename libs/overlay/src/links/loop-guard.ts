/** How long a frame is remembered, ms: longer than a turn around any ring of links, shorter than any protocol's retry. */
export const LOOP_MEMORY_MS = 500;
/** Places for frames; a power of two. 640 KiB in all. */
const PLACES = 1 << 15;
/** Places that one frame may stand in. When all are taken, the oldest makes room. */
const CHOICES = 8;

/**
 * Remembers which frames went from one link to another, so that a ring of links, with routes around it, makes no
 * storm: a frame that comes round again is known by its bytes and dropped. Bounded in memory; costs nothing for
 * frames that do not go from link to link, since those are never shown to it.
 *
 * A station that sends the very same frame twice within the time (a retransmission without timestamps) loses the
 * second one; a protocol that cares sends a third.
 */
export class LoopGuard {
  private readonly high = new Int32Array(PLACES);
  private readonly low = new Int32Array(PLACES);
  private readonly times = new Float64Array(PLACES).fill(-Infinity);
  private hashHigh = 0;
  private hashLow = 0;

  /** `now` is a clock in ms. Peers choose the bytes: the seed keeps them from choosing frames that look alike. */
  constructor(
    private readonly now: () => number = () => performance.now(),
    private readonly seed = (Math.random() * 0x1_0000_0000) | 0,
  ) {}

  /** Whether this frame of network `vni` was shown before, within the time. `start` is that of the Ethernet header. */
  seen(vni: number, bytes: Uint8Array, start: number): boolean {
    this.hash(vni, bytes, start);
    const now = this.now();
    const { high, low, times, hashHigh, hashLow } = this;
    let oldest = hashLow & (PLACES - 1);
    for (let i = 0; i < CHOICES; i++) {
      const place = (hashLow + i) & (PLACES - 1);
      const isSame = high[place] === hashHigh && low[place] === hashLow;
      // Its time does not start anew: what goes round is dropped at its first return, while a station that says the
      // same all the time must be heard now and then.
      if (isSame && now - times[place]! < LOOP_MEMORY_MS) return true;
      if (times[place]! < times[oldest]!) oldest = place;
    }
    high[oldest] = hashHigh;
    low[oldest] = hashLow;
    times[oldest] = now;
    return false;
  }

  /** 64 bits in two halves that mix the words differently, as MurmurHash3 does it. */
  private hash(vni: number, bytes: Uint8Array, start: number): void {
    let a = this.seed ^ vni;
    let b = Math.imul(this.seed, 0x85ebca6b) ^ (bytes.length - start);
    let at = start;
    for (; at + 3 < bytes.length; at += 4) {
      const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
      a = mix(a, Math.imul(word, 0xcc9e2d51));
      b = mix(b, Math.imul(word, 0x1b873593));
    }
    let rest = 0;
    for (; at < bytes.length; at++) rest = (rest << 8) | bytes[at]!;
    this.hashHigh = finish(mix(a, rest));
    this.hashLow = finish(mix(b, Math.imul(rest, 0xcc9e2d51)));
  }
}

function mix(hash: number, word: number): number {
  hash ^= (word << 15) | (word >>> 17);
  return (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
}

function finish(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
