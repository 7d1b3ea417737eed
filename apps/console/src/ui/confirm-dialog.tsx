import type { ReactNode } from 'react';
import { FormDialog } from './dialog';

/** Asks before something is done that cannot be undone. What keeps it from being done is said in it, if it is waited for. */
export function ConfirmDialog({
  title,
  warning,
  submit,
  onConfirm,
  onClose,
}: {
  title: string;
  warning: ReactNode;
  submit: string;
  /** A promise is waited for; work that a toast tells of need not be. */
  onConfirm: () => unknown;
  onClose: () => void;
}) {
  return (
    <FormDialog title={title} submit={submit} isDangerous onSubmit={onConfirm} onClose={onClose}>
      <p>{warning}</p>
    </FormDialog>
  );
}
