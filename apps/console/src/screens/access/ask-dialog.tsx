import type { ReactNode } from 'react';
import { useApp } from '../../app-context';
import { FormDialog } from '../../ui/dialog';

/** Asks before something is done that cannot be undone; what keeps it from being done is said in it. */
export function AskDialog({
  title,
  submit,
  done,
  isDangerous = true,
  onConfirm,
  onDone,
  onClose,
  children,
}: {
  title: string;
  submit: string;
  /** What is said once it is done. */
  done: string;
  isDangerous?: boolean;
  onConfirm: () => Promise<unknown>;
  onDone?: () => void;
  onClose: () => void;
  children: ReactNode;
}) {
  const { toasts } = useApp();
  const confirm = async () => {
    await onConfirm();
    toasts.tell(done);
    onDone?.();
  };
  return (
    <FormDialog title={title} submit={submit} isDangerous={isDangerous} onSubmit={confirm} onClose={onClose}>
      {children}
    </FormDialog>
  );
}
