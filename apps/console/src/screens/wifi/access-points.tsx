import { useState, type ReactNode } from 'react';
import type { AccessPoint, Network } from '@v3vee/contracts';
import { useApp } from '../../app-context';
import { go } from '../../router';
import { ConfirmDialog } from '../../ui/confirm-dialog';
import { ActionButton } from '../../ui/action-button';
import { DataTable } from '../../ui/data-table';
import { MenuButton } from '../../ui/menu';
import { Panel } from '../../ui/panel';
import { StateBadge } from '../../ui/state-badge';
import { AccessPointDialog } from './access-point-dialog';

export function NewAccessPoint({ networks }: { networks: readonly Network[] | undefined }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <ActionButton
        label="New access point…"
        needs="createAccessPoint"
        why={networks?.length === 0 ? 'There is no network that it could bridge into' : undefined}
        onClick={() => setOpen(true)}
      />
      {isOpen && <AccessPointDialog networks={networks ?? []} onClose={() => setOpen(false)} />}
    </>
  );
}

export function AccessPoints({
  items,
  networks,
}: {
  items: readonly AccessPoint[];
  networks: readonly Network[] | undefined;
}) {
  const { rest, store, toasts } = useApp();
  const [dialog, setDialog] = useState<ReactNode>(null);
  const close = () => setDialog(null);
  const remove = ({ name, stations }: AccessPoint) =>
    setDialog(
      <ConfirmDialog
        title={`Delete access point ${name}?`}
        warning={
          stations.length > 0
            ? `Its stations are thrown off: ${stations.length} now.`
            : 'Nobody is connected to it now.'
        }
        submit="Delete"
        onClose={close}
        onConfirm={() =>
          void toasts
            .follow(`Delete access point ${name}`, () =>
              rest.call('deleteAccessPoint', { accessPoint: name }),
            )
            .finally(() => store.refresh())
        }
      />,
    );
  return (
    <Panel title="Access points" flush actions={<NewAccessPoint networks={networks} />}>
      <DataTable
        label="Access points"
        items={items}
        keyOf={({ name }) => name}
        empty="There are none."
        columns={[
          { title: 'Name', by: each => each.name, cell: each => each.name },
          { title: 'State', cell: each => <StateBadge state={each.state} reason={each.reason} /> },
          { title: 'SSID', cell: each => each.ssid },
          { title: 'Channel', isNumber: true, by: each => each.channel, cell: each => each.channel },
          { title: 'Security', cell: each => (each.security === 'open' ? 'open' : 'WPA2') },
          {
            title: 'Stations',
            isNumber: true,
            by: each => each.stations.length,
            cell: each => each.stations.length,
          },
          {
            title: '_Actions',
            className: 'acts',
            cell: each => (
              <MenuButton
                label={`Actions of access point ${each.name}`}
                items={[
                  {
                    label: 'Edit…',
                    icon: 'settings',
                    needs: 'updateAccessPoint',
                    run: () =>
                      setDialog(
                        <AccessPointDialog accessPoint={each} networks={networks ?? []} onClose={close} />,
                      ),
                  },
                  {
                    label: 'Capture here',
                    icon: 'capture',
                    needs: 'capture',
                    run: () => go('capture', `wlan:ap/${each.name}`),
                  },
                  'line',
                  {
                    label: 'Delete…',
                    icon: 'trash',
                    isDangerous: true,
                    needs: 'deleteAccessPoint',
                    run: () => remove(each),
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
