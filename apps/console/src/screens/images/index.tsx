import { useState, type ReactNode } from 'react';
import type { Image } from '@v3vee/contracts';
import { usePolled } from '../../api/use-polled';
import { useApp, useNow, useOverview } from '../../app-context';
import { formatBytes, formatTime, plural } from '../../model/quantities';
import { ConfirmDialog } from '../../ui/confirm-dialog';
import { ActionButton } from '../../ui/action-button';
import { DataTable } from '../../ui/data-table';
import { ErrorNote } from '../../ui/dialog';
import { MenuButton } from '../../ui/menu';
import { Panel } from '../../ui/panel';
import { YesNo } from '../networks/yes-no';
import { ImportDialog } from './import-dialog';

const PERIOD_MS = 5_000;

/** What guests start from: a kernel, and mostly an initrd. */
export function ImagesScreen() {
  const { rest, toasts } = useApp();
  const { known } = useOverview(['vms']);
  const now = useNow();
  const [dialog, setDialog] = useState<ReactNode>(null);
  const {
    value: images,
    error,
    look,
  } = usePolled('image-list', PERIOD_MS, async signal => {
    const { items } = await rest.call('listImages', {}, { query: { pageSize: 1000 }, signal });
    return items;
  });
  const close = () => setDialog(null);
  const usersOf = (image: Image) => known.vms?.filter(vm => vm.image === image.name) ?? [];
  const remove = ({ name }: Image) =>
    setDialog(
      <ConfirmDialog
        title={`Delete image ${name}?`}
        warning="Its kernel and its initrd are removed. While a virtual machine or a snapshot needs it, it stays."
        submit="Delete"
        onClose={close}
        onConfirm={() =>
          void toasts
            .follow(`Delete image ${name}`, () => rest.call('deleteImage', { image: name }))
            .finally(look)
        }
      />,
    );
  const whyKept = (image: Image): string | undefined => {
    if (image.kind === 'built') return 'It is built in; it belongs to the installation';
    const users = usersOf(image);
    if (users.length === 0) return undefined;
    return `${users.map(({ name }) => name).join(', ')} ${users.length === 1 ? 'uses' : 'use'} it`;
  };
  return (
    <>
      <div className="screen-head">
        <h1>Images</h1>
        {images && <span className="muted">{plural(images.length, 'image')}</span>}
        <div className="row">
          <ActionButton
            label="Import…"
            needs="importImage"
            isPrimary
            onClick={() => setDialog(<ImportDialog onImported={look} onClose={close} />)}
          />
        </div>
      </div>
      {error && <ErrorNote error={error} />}
      <Panel flush>
        <DataTable
          label="Images"
          items={images}
          keyOf={({ name }) => name}
          empty="There are none. A kernel and an initrd make one."
          columns={[
            { title: 'Name', by: each => each.name, cell: each => each.name },
            {
              title: 'Kind',
              by: each => each.kind,
              cell: each => <span className="tag">{each.kind === 'built' ? 'built in' : 'imported'}</span>,
            },
            {
              title: 'Kernel',
              isNumber: true,
              by: each => each.kernelBytes,
              cell: each => formatBytes(each.kernelBytes),
            },
            {
              title: 'Initrd',
              isNumber: true,
              by: each => each.initrdBytes,
              cell: each => (each.initrdBytes > 0 ? formatBytes(each.initrdBytes) : '–'),
            },
            { title: 'Guest agent', cell: each => <YesNo is={each.agent} /> },
            { title: 'Wi-Fi', cell: each => <YesNo is={each.wifi} /> },
            {
              title: 'Used by',
              by: each => usersOf(each).length,
              cell: each => {
                const users = usersOf(each);
                return users.length === 0 ? (
                  <span className="muted">nobody</span>
                ) : (
                  <span title={users.map(({ name }) => name).join(', ')}>{plural(users.length, 'VM')}</span>
                );
              },
            },
            {
              title: 'Command line',
              className: 'clipped mono',
              cell: each => <span title={each.cmdline}>{each.cmdline}</span>,
            },
            {
              title: 'Made',
              by: each => Date.parse(each.createdAt),
              cell: each => <span className="nowrap">{formatTime(each.createdAt, now)}</span>,
            },
            {
              title: '_Actions',
              className: 'acts',
              cell: each => {
                const why = whyKept(each);
                return (
                  <MenuButton
                    label={`Actions of image ${each.name}`}
                    items={[
                      {
                        label: 'Delete…',
                        icon: 'trash',
                        isDangerous: true,
                        needs: 'deleteImage',
                        run: why === undefined ? () => remove(each) : undefined,
                        why,
                      },
                    ]}
                  />
                );
              },
            },
          ]}
        />
      </Panel>
      {dialog}
    </>
  );
}
