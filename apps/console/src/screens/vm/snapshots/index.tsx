import { useState, type ReactNode } from 'react';
import type { Snapshot } from '@v3vee/contracts';
import { useApp, useNow, useOperate, useOverview, useWhyRefused } from '../../../app-context';
import { formatBytes, formatMs, formatTime } from '../../../model/quantities';
import { ConfirmDialog } from '../../../ui/confirm-dialog';
import { DataTable } from '../../../ui/data-table';
import { Icon } from '../../../ui/icon';
import { MenuButton } from '../../../ui/menu';
import { Panel } from '../../../ui/panel';
import { isAllowed, whyNot } from '../../../vm-actions/allowed';
import { SnapshotDialog } from '../../../vm-actions/dialogs';
import type { VmTabProps } from '../tabs';

export function SnapshotsTab({ vm }: VmTabProps) {
  const { known } = useOverview(['snapshots'], vm.name);
  const { rest, store, toasts } = useApp();
  const operate = useOperate();
  const whyRefused = useWhyRefused();
  const now = useNow();
  const [dialog, setDialog] = useState<ReactNode>(null);
  const close = () => setDialog(null);
  const whyNoSnapshot =
    whyRefused('snapshotVm') ?? (isAllowed('snapshot', vm.state) ? undefined : whyNot('snapshot', vm.state));
  const restore = ({ id, name }: Snapshot) =>
    setDialog(
      <ConfirmDialog
        title={`Restore ${vm.name} from ${name}?`}
        warning="What the guest did since then is lost."
        submit="Restore"
        onClose={close}
        onConfirm={() => void operate(`Restore ${vm.name}`, 'restoreVm', { vm: vm.name }, { snapshot: id })}
      />,
    );
  const remove = ({ id, name }: Snapshot) =>
    setDialog(
      <ConfirmDialog
        title={`Delete snapshot ${name}?`}
        warning="Pages that no other saved state has are freed."
        submit="Delete"
        onClose={close}
        onConfirm={() =>
          void toasts
            .follow(`Delete snapshot ${name}`, () => rest.call('deleteSnapshot', { snapshot: id }))
            .finally(() => store.refresh())
        }
      />,
    );
  return (
    <Panel
      title="Snapshots"
      flush
      actions={
        <button
          type="button"
          className="button"
          disabled={whyNoSnapshot !== undefined}
          title={whyNoSnapshot}
          onClick={() => setDialog(<SnapshotDialog vm={vm} onClose={close} />)}
        >
          <Icon name="snapshot" /> Take snapshot…
        </button>
      }
    >
      <DataTable
        label={`Snapshots of ${vm.name}`}
        items={known.snapshots?.filter(({ vmId }) => vmId === vm.id)}
        keyOf={({ id }) => id}
        empty="It has no snapshots."
        columns={[
          { title: 'Name', by: each => each.name, cell: each => each.name },
          { title: 'Kind', by: each => each.kind, cell: each => <span className="tag">{each.kind}</span> },
          {
            title: 'Taken',
            by: each => Date.parse(each.createdAt),
            cell: each => formatTime(each.createdAt, now),
          },
          { title: 'Host', cell: each => each.host },
          { title: 'Grew by', isNumber: true, by: each => each.bytes, cell: each => formatBytes(each.bytes) },
          { title: 'Pages', isNumber: true, by: each => each.pages, cell: each => each.pages },
          { title: 'New pages', isNumber: true, by: each => each.newPages, cell: each => each.newPages },
          {
            title: 'Stood still',
            isNumber: true,
            cell: each => (each.pauseMs === null ? '–' : formatMs(each.pauseMs)),
          },
          {
            title: '_Actions',
            className: 'acts',
            cell: each => (
              <MenuButton
                label={`Actions of snapshot ${each.name}`}
                items={[
                  {
                    label: 'Restore…',
                    icon: 'reset',
                    run: isAllowed('restore', vm.state) ? () => restore(each) : undefined,
                    isDangerous: true,
                    needs: 'restoreVm',
                  },
                  {
                    label: 'Delete…',
                    icon: 'trash',
                    run: () => remove(each),
                    isDangerous: true,
                    needs: 'deleteSnapshot',
                  },
                ]}
              />
            ),
          },
        ]}
      />
      {dialog}
    </Panel>
  );
}
