import { type RateTry, type TxStatus } from '../antenna';
import { acknowledgementTime, difs, frameTime } from '../air';
import { type Clock } from '../clock';

interface RateStatistics {
  rate: number;
  /** µs of one attempt with a full frame. */
  time: number;
  /** Chance of an attempt; undefined: never tried. */
  probability: number | undefined;
  attempts: number;
  successes: number;
}

const FULL_FRAME_BYTES = 1536;
/** Statistics of one interval count as much as this of what was known before. */
const WEIGHT = 0.25;
const INTERVAL_MS = 50;
/** Share of frames that try a rate which could be better. */
const SAMPLE_SHARE = 0.1;
/** Below it a rate is useless, whatever its speed; above it, reliable. */
const USELESS = 0.1;
const RELIABLE = 0.95;
const TRIES = 2;

/**
 * Which rates a station's frames are tried at: Minstrel as in Linux's mac80211 for legacy rates (Smithies and
 * Fietkau), in small. Attempts and successes of each rate make a moving average of its chance; a frame is tried
 * at the rate of the best throughput (chance / time), then the second best, then the most reliable, then the
 * lowest, twice each; one frame in ten tries a rate first, once, that would be better if it always worked. A rate that
 * was never tried counts as if it did, so a new station starts fast and falls.
 */
export class RateControl {
  readonly #rates: RateStatistics[];
  #updated: number;

  /** @param rates ascending, in 100 kbit/s; at least one */
  constructor(
    rates: readonly number[],
    freq: number,
    private readonly clock: Clock,
    /** 0 to less than 1. */
    private readonly chance: () => number,
  ) {
    this.#rates = rates.map(rate => ({
      rate,
      time: difs(freq) + frameTime(rate, FULL_FRAME_BYTES, freq) + acknowledgementTime(rate, freq),
      probability: undefined,
      attempts: 0,
      successes: 0,
    }));
    this.#updated = clock.now();
  }

  /** For the next data frame; at most four. */
  next(): RateTry[] {
    const [best, second] = [...this.#rates].sort((a, b) => throughput(b) - throughput(a));
    const sample = this.#sample(best as RateStatistics);
    const first = sample ? [sample, best] : [best, second ?? best];
    const chain = new Set([...first, this.#mostReliable(), this.#rates[0]] as RateStatistics[]);
    return [...chain].map(statistics => ({
      rate: statistics.rate,
      tries: statistics === sample ? 1 : TRIES,
    }));
  }

  /** For frames that must arrive: all attempts at the lowest rate. */
  robust(): RateTry[] {
    return [{ rate: (this.#rates[0] as RateStatistics).rate, tries: 4 * TRIES }];
  }

  report(rates: readonly RateTry[], status: TxStatus): void {
    let left = status.tries;
    for (const { rate, tries } of rates) {
      const used = Math.min(tries, left);
      left -= used;
      const statistics = this.#rates.find(candidate => candidate.rate === rate);
      if (!statistics || used === 0) continue;
      statistics.attempts += used;
      if (status.acked && left === 0) {
        statistics.successes++;
        break;
      }
    }
    const now = this.clock.now();
    if (now - this.#updated < INTERVAL_MS) return;
    this.#updated = now;
    for (const statistics of this.#rates) update(statistics);
  }

  #mostReliable(): RateStatistics | undefined {
    const tried = this.#rates.filter(({ probability }) => probability !== undefined);
    const reliable = tried.filter(({ probability }) => (probability as number) >= RELIABLE);
    return (
      reliable.at(-1) ??
      tried.sort((a, b) => (b.probability as number) - (a.probability as number))[0] ??
      this.#rates[0]
    );
  }

  #sample(best: RateStatistics): RateStatistics | undefined {
    if (this.chance() >= SAMPLE_SHARE) return undefined;
    const better = this.#rates.filter(rate => rate !== best && 1 / rate.time > throughput(best));
    return better[Math.floor(this.chance() * better.length)];
  }
}

function throughput({ probability, time }: RateStatistics): number {
  const chance = probability ?? 1;
  return chance < USELESS ? 0 : chance / time;
}

function update(statistics: RateStatistics): void {
  const { attempts, successes, probability } = statistics;
  if (attempts === 0) return;
  const measured = successes / attempts;
  statistics.probability =
    probability === undefined ? measured : probability * (1 - WEIGHT) + measured * WEIGHT;
  statistics.attempts = statistics.successes = 0;
}
