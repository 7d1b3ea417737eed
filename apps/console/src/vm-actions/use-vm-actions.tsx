import { useState, type ReactNode } from 'react';
import type { Vm, VmVerb } from '@v3vee/contracts';
import type { Doing } from '../api/who';
import { useOperate } from '../app-context';
import { ConfirmDialog } from '../ui/confirm-dialog';
import type { MenuItem } from '../ui/menu';
import { isAllowed, whyNot } from './allowed';
import { CloneDialog, MigrateDialog, RestoreDialog, SnapshotDialog } from './dialogs';
import { MoveCoreDialog, SettingsDialog, SimulateDialog } from './machine-dialogs';

/** What can be done with a VM: as entries of a menu, and the dialog that is open. */
export function useVmActions(vm: Vm): {
  items: (MenuItem | 'line')[];
  byVerb: Record<string, MenuItem>;
  dialog: ReactNode;
} {
  const operate = useOperate();
  const [dialog, setDialog] = useState<ReactNode>(null);
  const close = () => setDialog(null);
  const { name, state } = vm;
  const item = (
    verb: VmVerb,
    label: string,
    icon: MenuItem['icon'],
    run: () => void,
    isDangerous = false,
  ): MenuItem => ({
    label,
    icon,
    run: isAllowed(verb, state) ? run : undefined,
    why: whyNot(verb, state),
    isDangerous,
    needs: verb === 'moveCore' ? 'moveVmCore' : (`${verb}Vm` as Doing),
  });
  const plain = (verb: 'start' | 'pause' | 'resume', label: string) => () =>
    void operate(`${label} ${name}`, `${verb}Vm` as const, { vm: name });
  const confirmed = (verb: 'stop' | 'reset' | 'delete', label: string, warning: string) => () =>
    setDialog(
      <ConfirmDialog
        title={`${label} ${name}?`}
        warning={warning}
        submit={label}
        onClose={close}
        onConfirm={() => void operate(`${label} ${name}`, `${verb}Vm` as const, { vm: name })}
      />,
    );
  const byVerb = {
    start: item('start', 'Start', 'play', plain('start', 'Start')),
    stop: item(
      'stop',
      'Stop…',
      'stop',
      confirmed(
        'stop',
        'Stop',
        'As by pulling the plug: what its guest has in memory and did not save is lost.',
      ),
      true,
    ),
    pause: item('pause', 'Pause', 'pause', plain('pause', 'Pause')),
    resume: item('resume', 'Resume', 'play', plain('resume', 'Resume')),
    reset: item(
      'reset',
      'Reset…',
      'reset',
      confirmed('reset', 'Reset', 'The guest starts over: what it has in memory and did not save is lost.'),
      true,
    ),
    snapshot: item('snapshot', 'Take snapshot…', 'snapshot', () =>
      setDialog(<SnapshotDialog vm={vm} onClose={close} />),
    ),
    restore: item('restore', 'Restore snapshot…', 'reset', () =>
      setDialog(<RestoreDialog vm={vm} onClose={close} />),
    ),
    clone: {
      label: 'Clone…',
      icon: 'clone',
      needs: 'cloneVm',
      run: () => setDialog(<CloneDialog vm={vm} onClose={close} />),
    } as MenuItem,
    migrate: item('migrate', 'Migrate…', 'move', () => setDialog(<MigrateDialog vm={vm} onClose={close} />)),
    simulate: item('simulate', 'Simulate…', 'play', () =>
      setDialog(<SimulateDialog vm={vm} onClose={close} />),
    ),
    moveCore: item('moveCore', 'Move to another core…', 'device', () =>
      setDialog(<MoveCoreDialog vm={vm} onClose={close} />),
    ),
    settings: {
      label: 'Settings…',
      icon: 'settings',
      needs: 'updateVm',
      run: () => setDialog(<SettingsDialog vm={vm} onClose={close} />),
    } as MenuItem,
    delete: item(
      'delete',
      'Delete…',
      'trash',
      confirmed(
        'delete',
        'Delete',
        'Its definition and the state saved at shut-down are removed. Named snapshots stay.',
      ),
      true,
    ),
  };
  const items: (MenuItem | 'line')[] = [
    byVerb.start,
    byVerb.pause,
    byVerb.resume,
    byVerb.simulate,
    byVerb.migrate,
    byVerb.moveCore,
    'line',
    byVerb.snapshot,
    byVerb.restore,
    byVerb.clone,
    byVerb.settings,
    'line',
    byVerb.reset,
    byVerb.stop,
    byVerb.delete,
  ];
  return { items, byVerb, dialog };
}
