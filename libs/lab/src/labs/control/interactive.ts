/** ms since the navigation began. */
export type Task = readonly [begin: number, end: number];

/** So long without a task of more than 50 ms, and a page counts as interactive (Lighthouse's Time to Interactive), ms. */
export const QUIET_MS = 5_000;

/**
 * When a page is interactive: the end of the last long task before the first quiet window that begins after its content is
 * there, or when that is there.
 * @param seenUntil how long the page was watched
 * @returns undefined: it was not quiet for long enough so far
 */
export function interactiveAt(
  contentAt: number,
  longTasks: readonly Task[],
  seenUntil: number,
  quietMs = QUIET_MS,
): number | undefined {
  let from = contentAt;
  for (const [begin, end] of [...longTasks].sort((a, b) => a[0] - b[0])) {
    if (begin - from >= quietMs) break;
    from = Math.max(from, end);
  }
  return seenUntil - from >= quietMs ? from : undefined;
}

/** @param times when frames were made, ms. @returns how many a second, on average */
export function framesPerSecond(times: readonly number[]): number {
  const [first, last] = [times[0], times.at(-1)];
  if (first === undefined || last === undefined || times.length < 2)
    throw new RangeError('no frames were made');
  return ((times.length - 1) * 1000) / (last - first);
}

export const intervals = (times: readonly number[]): number[] =>
  times.slice(1).map((time, index) => time - (times[index] as number));
