import type { Impairment } from '@v3vee/contracts';
import { SUPER_FRAME_ETHERNET, segmentCount, segmentSuperFrame, virtioNetFlags } from '@v3vee/wire';
import { chance, uniform, type Chance } from './chance';
import { DelayQueue, type LineClock } from './delay-queue';
import { wireBytes } from './wire-bytes';

/** What a line did to frames, counted as on a wire: a super-frame as its segments. */
export class LineCounters {
  lost = 0;
  duplicated = 0;
  corrupted = 0;
  /** Overtook those that were delayed. */
  reordered = 0;
  /** Dropped, since too many waited already. */
  overflowed = 0;
}

/** What waits for a line of limited rate, in bytes of the wire: a thousand full frames, as netem's `limit`. */
const MAX_BACKLOG = 1_000 * 1_538;
/** Frames on a line with a delay; more would fill the memory. */
const MAX_BYTES_UNDERWAY = 32 << 20;

interface Fate {
  copies: number;
  corrupt: boolean;
}

/**
 * A line in one direction that delays, loses, doubles, damages and overtakes frames, with netem(8)'s meaning of the
 * words: what is lost is neither doubled nor damaged; jitter may reorder.
 *
 * - Loss, duplication and corruption are drawn for each frame of the wire. A super-frame of whose segments none is
 *   touched passes whole; otherwise it is segmented, with all checksums in place.
 * - Corruption inverts one bit of the Ethernet frame, never of the virtio-net header, and completes a checksum that
 *   was left to the receiver before: else the receiver could not see the damage.
 * - Delay, jitter and overtaking are drawn once for each super-frame.
 * - The rate is that of the wire, with headers of each segment, padding, check sequence, preamble and gap. A frame
 *   leaves when those before it have left (a token bucket with no depth): there are no bursts above the rate.
 *
 * The same seed and the same frames have the same fate, as far as it does not depend on time.
 */
export class Impairer {
  readonly #queue: DelayQueue;
  readonly #loses: Chance;
  readonly #duplicates: Chance;
  readonly #corrupts: Chance;
  readonly #overtakes: Chance;
  readonly #jitter: () => number;
  readonly #bit: () => number;
  readonly #bytesPerMs: number;
  /** When the last frame has left the sender. */
  #busyUntil = 0;

  constructor(
    private readonly settings: Impairment,
    /** Tells lines with the same seed apart: `in`, `out`. */
    name: string,
    private readonly counters: LineCounters,
    private readonly clock: LineClock,
    deliver: (frames: Uint8Array[]) => void,
  ) {
    const { seed, lossPercent, duplicatePercent, corruptPercent, reorderPercent, delayMs, rateKbit } =
      settings;
    this.#queue = new DelayQueue(clock, deliver);
    this.#loses = chance(lossPercent, seed, `${name} loss`);
    this.#duplicates = chance(duplicatePercent, seed, `${name} duplicate`);
    this.#corrupts = chance(corruptPercent, seed, `${name} corrupt`);
    this.#overtakes = chance(delayMs > 0 ? reorderPercent : 0, seed, `${name} reorder`);
    this.#jitter = uniform(seed, `${name} jitter`);
    this.#bit = uniform(seed, `${name} bit`);
    this.#bytesPerMs = (rateKbit ?? Infinity) / 8;
  }

  send(frames: readonly Uint8Array[]): void {
    const now = this.clock.now();
    for (const frame of frames) {
      const segments = segmentCount(frame);
      const pieces = this.#pieces(frame, segments);
      const overtakes = this.#overtakes();
      const delay = this.#delay();
      if (overtakes) this.counters.reordered += pieces.length === 1 ? segments : pieces.length;
      for (const piece of pieces) this.#schedule(piece, now, overtakes ? 0 : delay);
    }
    this.#queue.release(now);
  }

  /** Lets go what waits, in order. */
  flush(): void {
    this.#queue.flush();
  }

  /** Forgets what waits. */
  stop(): void {
    this.#queue.clear();
  }

  #delay(): number {
    const { delayMs, jitterMs } = this.settings;
    return jitterMs === 0 ? delayMs : Math.max(0, delayMs + (2 * this.#jitter() - 1) * jitterMs);
  }

  #schedule(frame: Uint8Array, now: number, delay: number): void {
    const segments = segmentCount(frame);
    const bytes = wireBytes(frame, segments);
    const idleAt = Math.max(this.#busyUntil, now);
    // Without a rate nothing waits: Infinity × 0 is no number.
    const backlog = idleAt > now ? (idleAt - now) * this.#bytesPerMs : 0;
    if (backlog + bytes > MAX_BACKLOG || this.#queue.bytes + frame.length > MAX_BYTES_UNDERWAY) {
      this.counters.overflowed += segments;
      return;
    }
    this.#busyUntil = idleAt + bytes / this.#bytesPerMs;
    const due = this.#busyUntil + delay;
    // What stays must not be a view of a buffer that others use, or that is large.
    this.#queue.add(due, due > now ? frame.slice() : frame);
  }

  /** What is left of a super-frame: itself, or the segments that it becomes where one of them is touched. */
  #pieces(frame: Uint8Array, count: number): Uint8Array[] {
    const fates: Fate[] = [];
    let touched = false;
    for (let i = 0; i < count; i++) {
      const fate = this.#fate();
      if (fate.copies !== 1 || fate.corrupt) touched = true;
      fates.push(fate);
    }
    if (!touched) return [frame];
    const cut = segmentSuperFrame(frame, { superFrames: true });
    // What can't be segmented is one frame, with the fate of the first.
    const segments = typeof cut === 'string' ? [frame] : cut;
    return segments.flatMap((segment, i) => this.#suffer(segment, fates[i] ?? { copies: 1, corrupt: false }));
  }

  #fate(): Fate {
    const lost = this.#loses();
    const twice = this.#duplicates();
    const corrupt = this.#corrupts();
    return lost ? { copies: 0, corrupt: false } : { copies: twice ? 2 : 1, corrupt };
  }

  #suffer(segment: Uint8Array, { copies, corrupt }: Fate): Uint8Array[] {
    if (copies === 0) {
      this.counters.lost++;
      return [];
    }
    const first = corrupt ? this.#corrupted(segment) : segment;
    if (copies === 1) return [first];
    this.counters.duplicated++;
    // Each is a frame of its own: a receiver's thread takes the buffer away.
    return [first, corrupt ? segment : segment.slice()];
  }

  #corrupted(segment: Uint8Array): Uint8Array {
    this.counters.corrupted++;
    const copy = segment.slice();
    const bit = Math.floor(this.#bit() * (copy.length - SUPER_FRAME_ETHERNET) * 8);
    const at = SUPER_FRAME_ETHERNET + (bit >> 3);
    copy[at] = (copy[at] as number) ^ (1 << (bit & 7));
    // Nobody has verified this one's checksum.
    copy[0] = (copy[0] as number) & ~virtioNetFlags.DATA_VALID;
    return copy;
  }
}
