import { useState, type ReactNode } from 'react';
import type { Job } from '@v3vee/contracts';
import { useApp } from '../../app-context';
import { ConfirmDialog } from '../../ui/confirm-dialog';
import type { MenuItem } from '../../ui/menu';

/** What can be done with a job. */
export function useJobActions(
  { id, state }: Job,
  onDone: () => void,
): { items: MenuItem[]; dialog: ReactNode } {
  const { rest, toasts } = useApp();
  const [dialog, setDialog] = useState<ReactNode>(null);
  const isRunning = state === 'RUNNING';
  const kill = () =>
    setDialog(
      <ConfirmDialog
        title={`End ${id}?`}
        warning="All its ranks are ended at once; what they printed stays."
        submit="End"
        onClose={() => setDialog(null)}
        onConfirm={() =>
          void toasts.follow(`End ${id}`, () => rest.call('killJob', { job: id })).finally(onDone)
        }
      />,
    );
  const forget = () =>
    void toasts.follow(`Forget ${id}`, () => rest.call('deleteJob', { job: id })).finally(onDone);
  return {
    items: [
      {
        label: 'End…',
        icon: 'stop',
        run: isRunning ? kill : undefined,
        why: 'It has ended',
        isDangerous: true,
        needs: 'killJob',
      },
      {
        label: 'Forget',
        icon: 'trash',
        run: isRunning ? undefined : forget,
        why: 'It is running; end it first',
        needs: 'deleteJob',
      },
    ],
    dialog,
  };
}
