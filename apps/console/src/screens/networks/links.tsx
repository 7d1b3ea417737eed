import { useState, type ReactNode } from 'react';
import type { VnetLink } from '@v3vee/contracts';
import { useApp, useOverview } from '../../app-context';
import { impairmentText } from '../../forms/impairment';
import { formatBytes } from '../../model/quantities';
import { go } from '../../router';
import { ConfirmDialog } from '../../ui/confirm-dialog';
import { ActionButton } from '../../ui/action-button';
import { DataTable } from '../../ui/data-table';
import { MenuButton } from '../../ui/menu';
import { Panel } from '../../ui/panel';
import { StateBadge } from '../../ui/state-badge';
import { LinkDialog, LinkSettingsDialog } from './link-dialog';

export function Links() {
  const { known } = useOverview(['links', 'networks']);
  const [dialog, setDialog] = useState<ReactNode>(null);
  const networks = known.networks ?? [];
  return (
    <Panel
      title="Links"
      flush
      actions={
        <ActionButton
          label="New link…"
          needs="createLink"
          why={known.networks?.length === 0 ? 'There is no network that it could join' : undefined}
          onClick={() => setDialog(<LinkDialog networks={networks} onClose={() => setDialog(null)} />)}
        />
      }
    >
      <DataTable
        label="Links"
        items={known.links}
        keyOf={({ index }) => String(index)}
        empty="No link leads outside. One joins a network to a peer: another cluster, or whatever speaks VXLAN."
        columns={[
          { title: 'Name', by: each => each.name, cell: each => each.name },
          {
            title: 'State',
            by: each => each.state,
            cell: each => <StateBadge state={each.state} reason={each.reason} />,
          },
          { title: 'Type', cell: each => each.type },
          { title: 'Network', by: each => each.network, cell: each => each.network },
          {
            title: 'Peer',
            cell: each => <span className="mono">{`${each.remote}:${each.remotePort}`}</span>,
          },
          { title: 'MTU', isNumber: true, cell: each => each.mtu },
          {
            title: 'Impairment',
            cell: each =>
              each.impairment ? (
                <span className="tag warn">{impairmentText(each.impairment) || 'none in effect'}</span>
              ) : (
                <span className="muted">–</span>
              ),
          },
          {
            title: 'Received',
            isNumber: true,
            cell: each => (each.counters ? formatBytes(each.counters.receiveBytes) : '–'),
          },
          {
            title: 'Sent',
            isNumber: true,
            cell: each => (each.counters ? formatBytes(each.counters.transmitBytes) : '–'),
          },
          {
            title: 'Learned',
            isNumber: true,
            cell: each => <span title={each.learned.join('\n')}>{each.learned.length}</span>,
          },
          { title: 'Reason', className: 'reason', cell: each => each.reason },
          {
            title: '_Actions',
            className: 'acts',
            cell: each => <LinkMenu link={each} onDialog={setDialog} />,
          },
        ]}
      />
      {dialog}
    </Panel>
  );
}

function LinkMenu({ link, onDialog }: { link: VnetLink; onDialog: (dialog: ReactNode) => void }) {
  const { rest, store, toasts } = useApp();
  const close = () => onDialog(null);
  const params = { link: String(link.index) };
  const follow = (text: string, work: () => Promise<unknown>) =>
    toasts.follow(text, work).finally(() => store.refresh());
  const remove = () =>
    onDialog(
      <ConfirmDialog
        title={`Delete link ${link.name}?`}
        warning={`What is behind it is no longer reached from network ${link.network}. While routes lead over it, it stays.`}
        submit="Delete"
        onClose={close}
        onConfirm={() => void follow(`Delete link ${link.name}`, () => rest.call('deleteLink', params))}
      />,
    );
  const toggle = () =>
    void follow(`${link.up ? 'Take down' : 'Bring up'} link ${link.name}`, () =>
      rest.call('updateLink', params, { body: { up: !link.up } }),
    );
  return (
    <MenuButton
      label={`Actions of link ${link.name}`}
      items={[
        {
          label: 'Settings…',
          icon: 'settings',
          needs: 'updateLink',
          run: () => onDialog(<LinkSettingsDialog link={link} onClose={close} />),
        },
        { label: link.up ? 'Take down' : 'Bring up', icon: 'network', needs: 'updateLink', run: toggle },
        {
          label: 'Capture here',
          icon: 'capture',
          needs: 'capture',
          run: () => go('capture', `link/${link.name}`),
        },
        'line',
        { label: 'Delete…', icon: 'trash', isDangerous: true, needs: 'deleteLink', run: remove },
      ]}
    />
  );
}
