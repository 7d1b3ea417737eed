/** At most `places` pieces of work at a time, first come, first served. */
export function limiter(places: number): <T>(work: () => Promise<T>) => Promise<T> {
  let free = places;
  const waiting: (() => void)[] = [];
  return async work => {
    if (free > 0) free--;
    else await new Promise<void>(resolve => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      // The place is handed over, not freed: a newcomer can't overtake.
      if (next) next();
      else free++;
    }
  };
}
