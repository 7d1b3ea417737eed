import { useEffect, useId, useRef } from 'react';
import type { NewToken } from '@v3vee/contracts';
import { CopyButton } from '../../ui/copy-button';
import '../access/access.css';

/** The only time that a token's secret is seen. Escape does not put it away: that is soon pressed. */
export function SecretDialog({ made, onClose }: { made: NewToken; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const field = useRef<HTMLInputElement>(null);
  const id = useId();
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      aria-labelledby={id}
      aria-describedby={`${id}-once`}
      onCancel={event => event.preventDefault()}
      // A browser lets `cancel` be refused once only.
      onKeyDown={event => event.key === 'Escape' && event.preventDefault()}
      onClose={onClose}
    >
      <div className="dialog-body">
        <h2 id={id}>Token for {made.user}</h2>
        <div className="note warn" id={`${id}-once`}>
          <strong>It is shown only now</strong>
          Nobody can look it up later, not even an admin: copy it to where only {made.user} gets it.
        </div>
        <div className="secret">
          <input
            ref={field}
            className="mono"
            readOnly
            aria-label={`Token for ${made.user}`}
            value={made.token}
            onFocus={event => event.target.select()}
          />
          <CopyButton label="Copy the token" field={() => field.current} />
        </div>
        <p className="muted">
          With it {made.user} logs in at <span className="mono">{location.origin}</span>, or sets{' '}
          <span className="mono">V3_URL</span> to that and <span className="mono">V3_TOKEN</span> to the token
          for <span className="mono">./v3</span>.{' '}
          {made.expiresAt === null
            ? 'It is good until it is revoked.'
            : `It is good until ${new Date(made.expiresAt).toLocaleString()}.`}
        </p>
        <div className="dialog-acts">
          <button type="button" className="button primary" onClick={onClose}>
            Done
          </button>
        </div>
      </div>
    </dialog>
  );
}
