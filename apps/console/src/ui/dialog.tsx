import { useEffect, useId, useRef, useState, type FormEvent, type ReactNode } from 'react';
import { ApiError } from '../api/problem';

/** A modal form: focus stays in it, Escape leaves it, what goes wrong is said in it. */
export function FormDialog({
  title,
  submit,
  isDangerous = false,
  isReady = true,
  onSubmit,
  onClose,
  children,
}: {
  title: string;
  /** What its button says. */
  submit: string;
  isDangerous?: boolean;
  isReady?: boolean;
  /** The dialog closes when this resolves, and shows what it throws. */
  onSubmit: () => Promise<unknown>;
  onClose: () => void;
  children: ReactNode;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  const [error, setError] = useState<ApiError>();
  const [isBusy, setBusy] = useState(false);
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  const send = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await onSubmit();
      onClose();
    } catch (thrown) {
      setError(ApiError.from(thrown));
      setBusy(false);
    }
  };
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={onClose}>
      <form onSubmit={event => void send(event)}>
        <h2 id={id}>{title}</h2>
        {children}
        {error && <ErrorNote error={error} />}
        <div className="dialog-acts">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button
            type="submit"
            className={isDangerous ? 'button solid-danger' : 'button primary'}
            disabled={isBusy || !isReady}
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
