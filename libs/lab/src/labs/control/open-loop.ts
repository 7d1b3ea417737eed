import { setTimeout as delay } from 'node:timers/promises';

export interface Clock {
  /** ms, from whenever. */
  now(): number;
  sleep(ms: number): Promise<void>;
}

export interface Pace {
  /** How many a second. */
  rate: number;
  seconds: number;
}

export interface Load {
  /** From when each was to be sent until it was answered, ms; in the order of the answers, without those that failed. */
  latenciesMs: number[];
  /** Why some were not answered. */
  failures: string[];
}

const real: Clock = { now: () => performance.now(), sleep: ms => delay(Math.max(ms, 0)) };

/**
 * Sends at a constant rate, however long answers take, and counts each from the time at which it was to be sent: a server
 * that stands still delays all that were due meanwhile, as it would for users who don't wait for each other (Tene's
 * "coordinated omission").
 * @param send resolves when the nth is answered
 */
export async function openLoop(
  send: (index: number) => Promise<void>,
  { rate, seconds }: Pace,
  signal?: AbortSignal,
  clock: Clock = real,
): Promise<Load> {
  const load: Load = { latenciesMs: [], failures: [] };
  const begin = clock.now();
  const dueAt = (index: number) => begin + (index * 1000) / rate;
  const answers: Promise<void>[] = [];
  while (answers.length < rate * seconds) {
    signal?.throwIfAborted();
    const due = dueAt(answers.length);
    if (clock.now() < due) {
      await clock.sleep(due - clock.now());
      continue;
    }
    answers.push(
      send(answers.length).then(
        () => void load.latenciesMs.push(clock.now() - due),
        (thrown: unknown) => void load.failures.push((thrown as Error).message),
      ),
    );
  }
  await Promise.all(answers);
  return load;
}
