import { useCallback, useEffect, useRef, useState } from 'react';
import { ApiError } from './problem';

export interface Polled<T> {
  /** The latest answer; what was there before stays when there is none. */
  value: T | undefined;
  error: ApiError | undefined;
  /** Asks now. */
  look: () => void;
}

/** What is in no overview: asked for again and again as long as somebody looks. @param key of what is asked for */
export function usePolled<T>(
  key: string,
  periodMs: number,
  ask: (signal: AbortSignal) => Promise<T>,
): Polled<T> {
  const [{ value, of }, setAnswer] = useState<{ value?: T; of: string }>({ of: key });
  const [error, setError] = useState<ApiError>();
  const asked = useRef(ask);
  asked.current = ask;
  const turn = useRef<() => void>(() => undefined);
  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    let isAsking = false;
    let isAskedAgain = false;
    const go = async () => {
      if (isAsking) {
        isAskedAgain = true;
        return;
      }
      clearTimeout(timer);
      isAsking = true;
      try {
        const answer = document.hidden ? undefined : await asked.current(stop.signal);
        if (stop.signal.aborted) return;
        if (answer !== undefined) setAnswer({ value: answer, of: key });
        setError(undefined);
      } catch (thrown) {
        if (stop.signal.aborted) return;
        setError(ApiError.from(thrown));
      }
      isAsking = false;
      timer = setTimeout(() => void go(), isAskedAgain ? 0 : periodMs);
      isAskedAgain = false;
    };
    turn.current = () => void go();
    void go();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [key, periodMs]);
  const look = useCallback(() => turn.current(), []);
  return { value: of === key ? value : undefined, error, look };
}
