type Tone = 'ok' | 'warn' | 'bad' | 'idle';

/** States of all resources: a colour and a shape of its own for each kind, so that no colour has to be seen. */
const tones: Record<string, Tone> = {
  RUNNING: 'ok',
  READY: 'ok',
  UP: 'ok',
  HELD: 'ok',
  COMPLETED: 'ok',
  ASSOCIATED: 'ok',
  AUTHORIZED: 'ok',
  ACCESS_POINT: 'ok',
  DONE: 'ok',
  HOLDS: 'ok',
  SUCCEEDED: 'ok',
  VALID: 'ok',
  ENABLED: 'ok',
  PAUSED: 'warn',
  SIMULATING: 'warn',
  RESETTING: 'warn',
  CONNECTING: 'warn',
  AUTHENTICATED: 'warn',
  EXPIRED: 'warn',
  CORDONED: 'warn',
  ERROR: 'bad',
  FAILED: 'bad',
  MISSED: 'bad',
  NOT_READY: 'bad',
  LOST: 'bad',
  REFUSED: 'bad',
  HANDSHAKE_FAILED: 'bad',
};

export const toneOf = (state: string): Tone => tones[state] ?? 'idle';

function Shape({ tone }: { tone: Tone }) {
  return (
    <svg viewBox="0 0 10 10" aria-hidden="true" fill="currentColor">
      {tone === 'ok' && <circle cx="5" cy="5" r="4" />}
      {tone === 'warn' && <path d="M1.5 1h2.6v8H1.5zM5.9 1h2.6v8H5.9z" />}
      {tone === 'bad' && <path d="M5 .6 9.8 9.3H.2z" />}
      {tone === 'idle' && <path d="M1 1h8v8H1zm1.6 1.6v4.8h4.8V2.6z" fillRule="evenodd" />}
    </svg>
  );
}

/** `NOT_READY` is shown as "Not ready". */
export function StateBadge({ state, reason }: { state: string; reason?: string }) {
  const tone = toneOf(state);
  const text = state.charAt(0) + state.slice(1).toLowerCase().replaceAll('_', ' ');
  return (
    <span className={`state ${tone}`} title={reason} data-state={state}>
      <Shape tone={tone} />
      {text}
    </span>
  );
}
