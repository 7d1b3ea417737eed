import { useCallback, useEffect, useState, useSyncExternalStore } from 'react';
import { ApiError } from '../api/problem';
import { Rest } from '../api/rest';
import { useApp } from '../app-context';
import { rest as table } from 'virtual:contract';
import { Login } from './login';
import { Shell } from './shell';

/** Exchanges a login code or the administrator's token for a session. @throws ApiError */
async function logIn(secret: string): Promise<string> {
  const rest = new Rest(
    table,
    () => secret,
    () => undefined,
  );
  return (await rest.call('createSession', {})).token;
}

/** Whoever has a session sees the cluster, everybody else how to get one. */
export function Root({ loginCode }: { loginCode: string | undefined }) {
  const { session } = useApp();
  const token = useSyncExternalStore(session.subscribe, () => session.token);
  const [code, setCode] = useState(loginCode);
  const [error, setError] = useState<ApiError>();
  const begin = useCallback(
    async (secret: string) => {
      try {
        setError(undefined);
        session.begin(await logIn(secret));
      } catch (thrown) {
        setError(ApiError.from(thrown));
      }
    },
    [session],
  );
  useEffect(() => {
    if (code === undefined) return;
    setCode(undefined);
    void begin(code);
  }, [code, begin]);
  // A second address with a code may be opened in the same tab.
  useEffect(() => {
    const look = () => {
      const next = /^#login=([\w.-]+)$/.exec(location.hash)?.[1];
      if (next === undefined) return;
      history.replaceState(null, '', '/');
      setCode(next);
    };
    addEventListener('hashchange', look);
    return () => removeEventListener('hashchange', look);
  }, []);
  if (token !== undefined) return <Shell />;
  return <Login isBusy={code !== undefined} error={error ?? session.endedBy} onToken={begin} />;
}
