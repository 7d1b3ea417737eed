import type { MigrationOptions } from '@v3vee/contracts';

/** One round as it was measured. */
export interface RoundFigures {
  /** Found changed, and sent. */
  pages: number;
  /** Spent on looking for them. */
  scanMs: number;
  durationMs: number;
  /** To bring one page over as it is, without compression. */
  pageMs: number;
}

export type Verdict =
  | { do: 'stop'; why: 'few pages left' | 'short downtime' | 'enough rounds' | 'no improvement' }
  /** Another round, with the guest kept from running for this share of its time. */
  | { do: 'round'; throttle: number };

/** Device state, the swap of the owner and the first turn there, as measured on a calm machine. */
const SWITCH_MS = 18;
/** The guest is slowed down in these steps, and always keeps the rest. */
const THROTTLE = { first: 0.2, step: 0.2, most: 0.8 };

/** Pages that the guest changes in a second, as the last round found them; the first round's are not its doing. */
export function dirtyPagesPerSecond(rounds: readonly RoundFigures[]): number {
  const [before, last] = rounds.slice(-2);
  if (!before || !last) return 0;
  return (last.pages / Math.max(1, before.durationMs)) * 1_000;
}

/** How long the guest would stand still if the last round began now; null: nothing is known of it yet. */
export function predictedDowntimeMs(rounds: readonly RoundFigures[]): number | null {
  const last = rounds.at(-1);
  if (!last || rounds.length < 2) return null;
  const pages = dirtyPagesPerSecond(rounds) * (last.durationMs / 1_000);
  return SWITCH_MS + last.scanMs + pages * last.pageMs;
}

/**
 * What follows a round: the rule of the original (few pages left, or enough rounds), of Clark et al. section 4 (a round
 * that brought no improvement), and the limit that was asked for. With `autoConverge` a round without improvement slows
 * the guest down instead, as in QEMU.
 */
export function afterRound(
  rounds: readonly RoundFigures[],
  throttle: number,
  { pagesLeft, downtimeLimitMs, maxRounds, autoConverge }: MigrationOptions,
): Verdict {
  const [before, last] = rounds.length < 2 ? [undefined, rounds[0]] : rounds.slice(-2);
  if (!last) return { do: 'round', throttle };
  if (last.pages <= pagesLeft) return { do: 'stop', why: 'few pages left' };
  const predicted = predictedDowntimeMs(rounds);
  if (predicted !== null && predicted <= downtimeLimitMs) return { do: 'stop', why: 'short downtime' };
  if (rounds.length >= maxRounds) return { do: 'stop', why: 'enough rounds' };
  if (!before || last.pages < before.pages) return { do: 'round', throttle };
  if (!autoConverge || throttle >= THROTTLE.most) return { do: 'stop', why: 'no improvement' };
  const more = throttle === 0 ? THROTTLE.first : throttle + THROTTLE.step;
  return { do: 'round', throttle: Math.min(THROTTLE.most, Math.round(more * 100) / 100) };
}
