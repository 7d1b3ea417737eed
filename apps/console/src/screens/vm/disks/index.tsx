import { useState, type ReactNode } from 'react';
import type { VmDisk } from '@v3vee/contracts';
import { usePolled } from '../../../api/use-polled';
import { useApp, useOverview, useWhyRefused } from '../../../app-context';
import { formatBytes } from '../../../model/quantities';
import { ConfirmDialog } from '../../../ui/confirm-dialog';
import { DataTable } from '../../../ui/data-table';
import { download } from '../../../ui/download';
import { Icon } from '../../../ui/icon';
import { MenuButton } from '../../../ui/menu';
import { Panel } from '../../../ui/panel';
import type { VmTabProps } from '../tabs';
import { AddDiskDialog } from './add-disk-dialog';
import { withoutDisk } from './definition';

const PERIOD_MS = 5_000;
const MAX_DISKS = 4;

export function DisksTab({ vm }: VmTabProps) {
  const { rest, store, toasts } = useApp();
  const whyRefused = useWhyRefused();
  const { known } = useOverview(['telemetry'], vm.name);
  const [dialog, setDialog] = useState<ReactNode>(null);
  const { value: all, look } = usePolled('disks', PERIOD_MS, async signal => {
    const { items } = await rest.call('listDisks', {}, { query: { pageSize: 1000 }, signal });
    return items;
  });
  const close = () => setDialog(null);
  const refresh = () => {
    look();
    store.refresh();
  };
  const stopped =
    vm.state === 'STOPPED' ? undefined : `It is ${vm.state}; its disks are changed while it is STOPPED`;
  const whyFixed = whyRefused('updateVm') ?? stopped;
  const whyNoMore =
    whyFixed ?? (vm.disks.length < MAX_DISKS ? undefined : `A VM has at most ${MAX_DISKS} disks`);
  const fileName = (disk: VmDisk) => `${vm.name}-${disk.name}.img`;
  const save = (disk: VmDisk) =>
    void toasts.follow(`Export ${vm.name}/${disk.name}`, async () => {
      const response = await rest.fetch(`/v1/disks/${encodeURIComponent(`${vm.name}/${disk.name}`)}:export`);
      download(await response.blob(), fileName(disk));
    });
  const remove = (disk: VmDisk) =>
    setDialog(
      <ConfirmDialog
        title={`Delete disk ${disk.name} of ${vm.name}?`}
        warning="All that is on it is lost, but for what snapshots have."
        submit="Delete"
        onClose={close}
        onConfirm={() =>
          void toasts
            .follow(`Delete disk ${disk.name} of ${vm.name}`, () =>
              rest.call('updateVm', { vm: vm.id }, { body: { disks: withoutDisk(vm.disks, disk.name) } }),
            )
            .finally(refresh)
        }
      />,
    );
  const told = known.telemetry?.find(each => each.vm === vm.name);
  const rows = vm.disks.map(disk => ({
    ...disk,
    stored: all?.find(({ name }) => name === `${vm.name}/${disk.name}`),
    counters: told?.disks.find(({ name }) => name === disk.name),
  }));
  return (
    <Panel
      title="Disks"
      flush
      actions={
        <>
          {stopped && <span className="muted">{stopped}</span>}
          <button
            type="button"
            className="button"
            disabled={whyNoMore !== undefined}
            title={whyNoMore}
            onClick={() =>
              setDialog(
                <AddDiskDialog
                  vm={vm}
                  images={all?.filter(({ vm: owner }) => owner === null) ?? []}
                  onAdded={refresh}
                  onClose={close}
                />,
              )
            }
          >
            <Icon name="plus" /> Add disk…
          </button>
        </>
      }
    >
      <DataTable
        label={`Disks of ${vm.name}`}
        items={rows}
        keyOf={({ name }) => name}
        empty="It has none: its files are in its memory."
        columns={[
          { title: 'Name', by: each => each.name, cell: each => each.name },
          { title: 'In the guest', cell: each => <span className="mono">/dev/{each.device}</span> },
          { title: 'Size', isNumber: true, by: each => each.bytes, cell: each => formatBytes(each.bytes) },
          {
            title: 'Stored',
            isNumber: true,
            by: each => each.stored?.storedBytes ?? -1,
            cell: each => (each.stored ? formatBytes(each.stored.storedBytes) : '–'),
          },
          {
            title: 'Read',
            isNumber: true,
            by: ({ counters }) => counters?.readBytes ?? -1,
            cell: ({ counters }) => <Moved bytes={counters?.readBytes} requests={counters?.readRequests} />,
          },
          {
            title: 'Written',
            isNumber: true,
            by: ({ counters }) => counters?.writeBytes ?? -1,
            cell: ({ counters }) => <Moved bytes={counters?.writeBytes} requests={counters?.writeRequests} />,
          },
          { title: 'Made of', cell: each => each.image ?? 'blank' },
          {
            title: 'Mounted at',
            cell: each =>
              each.cdrom ? '–' : <span className="mono">{each.root ? '/ (its own files)' : each.mount}</span>,
          },
          {
            title: 'Kind',
            cell: each => (
              <span className="tag">{each.cdrom ? 'CD' : each.readOnly ? 'disk, read only' : 'disk'}</span>
            ),
          },
          {
            title: '_Actions',
            className: 'acts',
            cell: each => (
              <MenuButton
                label={`Actions of disk ${each.name}`}
                items={[
                  {
                    label: 'Export as raw image',
                    icon: 'download',
                    run: () => save(each),
                    needs: 'exportDisk',
                  },
                  {
                    label: 'Delete…',
                    icon: 'trash',
                    run: stopped ? undefined : () => remove(each),
                    why: stopped,
                    isDangerous: true,
                    needs: 'updateVm',
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

/** Since its machine was made. */
function Moved({ bytes, requests }: { bytes: number | undefined; requests: number | undefined }) {
  return bytes === undefined ? '–' : <span title={`${requests} requests`}>{formatBytes(bytes)}</span>;
}
