import { threadTimes } from '../../thread-times';

const SAMPLE_MS = 50;

/**
 * Runs something that keeps one thread of a process busy, and tells which share of the time in which that thread could
 * have run it had to wait for a core of this machine, 0 … 1: others' doing.
 */
export async function withWait<T>(
  pid: number,
  action: () => Promise<T>,
): Promise<{ value: T; waitShare: number }> {
  const before = await threadTimes(pid);
  const last = new Map(before);
  let over = false;
  const sampling = (async () => {
    while (!over) {
      for (const [thread, times] of await threadTimes(pid)) last.set(thread, times);
      await new Promise(resolve => setTimeout(resolve, SAMPLE_MS));
    }
  })();
  try {
    const value = await action();
    const grown = [...last].map(([thread, times]) => ({
      ranNs: times.ranNs - (before.get(thread)?.ranNs ?? 0),
      waitedNs: times.waitedNs - (before.get(thread)?.waitedNs ?? 0),
    }));
    const busiest = grown.reduce((most, each) => (each.ranNs > most.ranNs ? each : most));
    const { ranNs, waitedNs } = busiest;
    return { value, waitShare: waitedNs / Math.max(ranNs + waitedNs, 1) };
  } finally {
    over = true;
    await sampling;
  }
}
