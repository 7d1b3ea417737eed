import { useEffect, useId, useRef, useState, type FormEvent, type ReactNode } from 'react';
import { ApiError } from '../api/problem';
import { plural } from '../model/quantities';

/** What a form answers that was not sent, or refused: it says at its fields why. */
export const STAYS = Symbol('the dialog stays');

/** A modal form: focus stays in it, Escape leaves it, what goes wrong is said in it. */
export function FormDialog({
  title,
  submit,
  isDangerous = false,
  isReady = true,
  isWide = false,
  whyNot,
  onSubmit,
  onClose,
  children,
}: {
  title: string;
  /** What its button says. */
  submit: string;
  isDangerous?: boolean;
  isReady?: boolean;
  isWide?: boolean;
  /** What its button says of why it can't be done. */
  whyNot?: string;
  /**
   * The dialog closes when this resolves, unless to STAYS, and shows what it throws. Work that a toast tells of is not
   * waited for: then it gives nothing.
   */
  onSubmit: () => unknown;
  onClose: () => void;
  children: ReactNode;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  const [error, setError] = useState<ApiError>();
  const [isBusy, setBusy] = useState(false);
  const [refusals, setRefusals] = useState(0);
  const [said, setSaid] = useState('');
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  useEffect(() => {
    if (refusals === 0) return;
    const wrong = dialog.current?.querySelectorAll<HTMLElement>('[aria-invalid=true]') ?? [];
    wrong[0]?.focus();
    // Who is at that field already does not hear of it by the focus.
    setSaid(wrong.length === 0 ? '' : `To be put right: ${plural(wrong.length, 'field')}`);
  }, [refusals]);
  const send = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setSaid('');
    setError(undefined);
    try {
      if ((await onSubmit()) !== STAYS) return onClose();
    } catch (thrown) {
      setError(ApiError.from(thrown));
    }
    setBusy(false);
    setRefusals(count => count + 1);
  };
  return (
    <dialog ref={dialog} className={isWide ? 'wide' : undefined} aria-labelledby={id} onClose={onClose}>
      <form onSubmit={event => void send(event)}>
        <h2 id={id}>{title}</h2>
        {children}
        {error && <ErrorNote error={error} />}
        <p className="visually-hidden" role="status">
          {said}
        </p>
        {/* A field that is left to press a button may say what is wrong with it; the button is not to move away. */}
        <div className="dialog-acts" onMouseDown={event => event.preventDefault()}>
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button
            type="submit"
            className={isDangerous ? 'button solid-danger' : 'button primary'}
            disabled={isBusy || !isReady}
            title={isReady ? undefined : whyNot}
          >
            {submit}
          </button>
        </div>
      </form>
    </dialog>
  );
}

export function ErrorNote({ error }: { error: ApiError }) {
  return (
    <div className="note bad" role="alert">
      <strong>{error.title}</strong>
      {error.message}
    </div>
  );
}
