import { useState, type FormEvent } from 'react';
import type { ApiError } from '../api/problem';
import { ErrorNote } from '../ui/dialog';
import mark from '../ui/mark.svg';

export function Login({
  isBusy,
  error,
  onToken,
}: {
  isBusy: boolean;
  error: ApiError | undefined;
  onToken: (token: string) => Promise<void>;
}) {
  const [token, setToken] = useState('');
  const [isSending, setSending] = useState(false);
  const send = async (event: FormEvent) => {
    event.preventDefault();
    setSending(true);
    await onToken(token.replace(/\s/g, ''));
    setSending(false);
  };
  return (
    <main className="login">
      <div className="panel login-box">
        <div className="row">
          <img src={mark} width="28" height="28" alt="" />
          <h1>V3VEE</h1>
        </div>
        <p>In a terminal on the machine that runs the cluster, type</p>
        <pre className="command">./v3 console</pre>
        <p className="muted">and open the address that it prints. It lets this browser in for 12 hours.</p>
        <hr />
        <form onSubmit={event => void send(event)}>
          <label className="field">
            Or give a token
            <input
              type="password"
              autoComplete="off"
              spellCheck={false}
              value={token}
              onChange={event => setToken(event.target.value)}
            />
            <small>
              Yours; the administrator’s is in the file <code>admin.token</code> of the cluster’s state
              folder.
            </small>
          </label>
          {error && <ErrorNote error={error} />}
          <button
            type="submit"
            className="button primary"
            disabled={isBusy || isSending || token.trim() === ''}
          >
            Log in
          </button>
        </form>
      </div>
    </main>
  );
}
