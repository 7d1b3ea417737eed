import { channelFrequency } from '@v3vee/wire';

const from = (first: number, last: number, step: number) =>
  Array.from({ length: (last - first) / step + 1 }, (_, i) => channelFrequency(first + i * step));

/** Channels that are listened to, in this order: 1 to 13, then those of 5 GHz. */
const FREQUENCIES: readonly number[] = [
  ...from(1, 13, 1),
  ...from(36, 64, 4),
  ...from(100, 144, 4),
  ...from(149, 165, 4),
];

/** When which channel's beacons were heard in full. */
export class Survey {
  readonly #heard = new Map<number, number>();

  heard(freq: number, now: number): void {
    this.#heard.set(freq, now);
  }

  /** The channel that was not heard for longest, if that is too long, and nobody is there. */
  next(now: number, ageMs: number, isTuned: (freq: number) => boolean): number | undefined {
    let [stalest, oldest]: [number | undefined, number] = [undefined, now - ageMs];
    for (const freq of FREQUENCIES) {
      const heard = this.#heard.get(freq) ?? -Infinity;
      if (heard < oldest && !isTuned(freq)) [stalest, oldest] = [freq, heard];
    }
    return stalest;
  }
}
