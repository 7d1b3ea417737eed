import { useState, type ReactNode } from 'react';
import type { Host } from '@v3vee/contracts';
import { useApp, useOperate } from '../../app-context';
import { ConfirmDialog } from '../../ui/confirm-dialog';
import type { MenuItem } from '../../ui/menu';

/** What can be done with a host. */
export function useHostActions({ name, cordoned, state }: Host): { items: MenuItem[]; dialog: ReactNode } {
  const { rest, store, toasts } = useApp();
  const operate = useOperate();
  const [dialog, setDialog] = useState<ReactNode>(null);
  const cordon = () =>
    void toasts
      .follow(cordoned ? `Uncordon ${name}` : `Cordon ${name}`, () =>
        rest.call(cordoned ? 'uncordonHost' : 'cordonHost', { host: name }),
      )
      .finally(() => store.refresh());
  const drain = () =>
    setDialog(
      <ConfirmDialog
        title={`Drain ${name}?`}
        warning="It gets no further virtual machines, and those that run on it are moved to other hosts, one after the other, while they run."
        submit="Drain"
        onClose={() => setDialog(null)}
        onConfirm={() => void operate(`Drain ${name}`, 'drainHost', { host: name })}
      />,
    );
  return {
    items: [
      { label: cordoned ? 'Uncordon' : 'Cordon', icon: 'cordon', run: cordon, needs: 'cordonHost' },
      {
        label: 'Drain…',
        icon: 'drain',
        run: state === 'READY' ? drain : undefined,
        why: 'The host is not ready',
        needs: 'drainHost',
      },
    ],
    dialog,
  };
}
