import type { Antenna } from '../antenna';
import { is2GHz } from './rates';

/** Something that was sent, by the medium's time in ms. */
interface Burst {
  antenna: Antenna;
  start: number;
  end: number;
}

/**
 * How much of a transmission's power falls into a receiver's channel, by channels between them at 2.4 GHz: the
 * factors of Mishra et al., "Partially overlapped channels not considered harmful" (SIGMETRICS 2006). Channels of
 * 5 GHz do not overlap.
 */
const OVERLAP: readonly number[] = [1, 0.7272, 0.2714, 0.0375, 0.0054, 0.0008, 0.0002];
const CHANNEL_MHZ = 5;
/** What is longer ago than this meets no frame any more. */
const REMEMBERED_MS = 100;

export function overlap(a: number, b: number): number {
  if (a === b || !is2GHz(a) || !is2GHz(b)) return 0;
  return OVERLAP[Math.round(Math.abs(a - b) / CHANNEL_MHZ)] ?? 0;
}

/**
 * What transmissions on neighbouring channels add to the noise. Those count that began before: channels are not
 * worked through in step, so that of two that meet, the later one suffers.
 */
export class Interference {
  readonly #bursts = new Map<number, Burst[]>();

  add(freq: number, burst: Burst): void {
    const bursts = this.#bursts.get(freq) ?? [];
    this.#bursts.set(freq, bursts);
    while (bursts[0] && bursts[0].end < burst.start - REMEMBERED_MS) bursts.shift();
    bursts.push(burst);
  }

  /**
   * dBm of noise and interference.
   * @param signalOf dBm of an antenna's transmission at the receiver
   */
  noise(
    floor: number,
    freq: number,
    [start, end]: readonly [number, number],
    signalOf: (antenna: Antenna, freq: number) => number,
  ): number {
    let power = milliwatts(floor);
    for (const [other, bursts] of this.#bursts) {
      const share = overlap(freq, other);
      if (share === 0) continue;
      for (const burst of bursts) {
        if (burst.start < end && burst.end > start)
          power += share * milliwatts(signalOf(burst.antenna, other));
      }
    }
    return 10 * Math.log10(power);
  }
}

const milliwatts = (dbm: number): number => 10 ** (dbm / 10);
