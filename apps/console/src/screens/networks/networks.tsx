import { useState, type ReactNode } from 'react';
import type { Network } from '@v3vee/contracts';
import { useApp, useOverview } from '../../app-context';
import { plural } from '../../model/quantities';
import { ConfirmDialog } from '../../ui/confirm-dialog';
import { ActionButton } from '../../ui/action-button';
import { DataTable } from '../../ui/data-table';
import { MenuButton } from '../../ui/menu';
import { Panel } from '../../ui/panel';
import { LinkDialog } from './link-dialog';
import { NetworkDialog } from './network-dialog';
import { YesNo } from './yes-no';

export function Networks() {
  const { known } = useOverview(['networks']);
  const { rest, store, toasts } = useApp();
  const [dialog, setDialog] = useState<ReactNode>(null);
  const close = () => setDialog(null);
  const remove = ({ name }: Network) =>
    setDialog(
      <ConfirmDialog
        title={`Delete network ${name}?`}
        warning="Its routes go with it. While NICs, links or access points are attached to it, it stays."
        submit="Delete"
        onClose={close}
        onConfirm={() =>
          void toasts
            .follow(`Delete network ${name}`, () => rest.call('deleteNetwork', { network: name }))
            .finally(() => store.refresh())
        }
      />,
    );
  const addLink = ({ name }: Network) =>
    setDialog(<LinkDialog networks={known.networks ?? []} network={name} onClose={close} />);
  return (
    <Panel
      title="Networks"
      flush
      actions={
        <ActionButton
          label="New network…"
          needs="createNetwork"
          onClick={() => setDialog(<NetworkDialog onClose={close} />)}
        />
      }
    >
      <DataTable
        label="Networks"
        items={known.networks}
        keyOf={({ id }) => id}
        empty="There are none. Virtual machines on one network reach each other, whatever hosts they are on."
        columns={[
          { title: 'Name', by: each => each.name, cell: each => each.name },
          { title: 'Project', by: each => each.project, cell: each => each.project },
          { title: 'Subnet', cell: each => <span className="mono">{each.subnet ?? '–'}</span> },
          { title: 'NICs', isNumber: true, by: each => each.nics, cell: each => each.nics },
          { title: 'DHCP', cell: each => <YesNo is={each.dhcp} /> },
          { title: 'DNS', cell: each => <YesNo is={each.dns} /> },
          { title: 'Services at', cell: each => <span className="mono">{each.serviceAddress ?? '–'}</span> },
          {
            title: '_Actions',
            className: 'acts',
            cell: each => (
              <MenuButton
                label={`Actions of network ${each.name}`}
                items={[
                  { label: 'Add a link…', icon: 'plus', needs: 'createLink', run: () => addLink(each) },
                  'line',
                  {
                    label: 'Delete…',
                    icon: 'trash',
                    isDangerous: true,
                    needs: 'deleteNetwork',
                    run: each.nics > 0 ? undefined : () => remove(each),
                    why: `It has ${plural(each.nics, 'NIC')}; remove ${each.nics === 1 ? 'it' : 'them'} first`,
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
