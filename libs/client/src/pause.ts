import { setTimeout as delay } from 'node:timers/promises';

/** @throws the signal's reason, where timers throw an AbortError */
export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => signal?.throwIfAborted());
}
