import { V3Error } from '@v3vee/contracts';

/** Whoever waits on a signal: a window of messages under way is no leak of listeners. */
const waiting = new WeakMap<AbortSignal, Set<() => void>>();

/** What `promise` comes to, unless the signal comes first: then its reason. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(V3Error.from(signal.reason));
    if (signal.aborted) abort();
    const waiters = waitersOf(signal);
    waiters.add(abort);
    promise.then(resolve, reject).finally(() => waiters.delete(abort));
  });
}

function waitersOf(signal: AbortSignal): Set<() => void> {
  const known = waiting.get(signal);
  if (known) return known;
  const waiters = new Set<() => void>();
  waiting.set(signal, waiters);
  signal.addEventListener('abort', () => waiters.forEach(abort => abort()), { once: true });
  return waiters;
}
