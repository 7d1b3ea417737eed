import { useMemo, useState, type ReactNode } from 'react';
import type { VnetRoute } from '@v3vee/contracts';
import { serviceMacPrefix } from 'virtual:contract';
import { useApp, useOverview } from '../../app-context';
import { ConfirmDialog } from '../../ui/confirm-dialog';
import { ActionButton } from '../../ui/action-button';
import { DataTable } from '../../ui/data-table';
import { MenuButton } from '../../ui/menu';
import { Panel } from '../../ui/panel';
import { Names } from './places';
import { RouteDialog } from './route-dialog';

export function Routes() {
  const { known } = useOverview(['routes', 'networks', 'links', 'interfaces', 'accessPoints']);
  const { rest, store, toasts } = useApp();
  const [isAdding, setAdding] = useState(false);
  const [dialog, setDialog] = useState<ReactNode>(null);
  const remove = ({ index, text }: VnetRoute) =>
    setDialog(
      <ConfirmDialog
        title={`Delete route ${index}?`}
        warning={`Frames go by the others from then on. It was: ${text}`}
        submit="Delete"
        onClose={() => setDialog(null)}
        onConfirm={() =>
          void toasts
            .follow(`Delete route ${index}`, () => rest.call('deleteRoute', { route: String(index) }))
            .finally(() => store.refresh())
        }
      />,
    );
  const { interfaces, links, accessPoints } = known;
  const names = useMemo(
    () => new Names(interfaces ?? [], links ?? [], accessPoints ?? [], serviceMacPrefix),
    [interfaces, links, accessPoints],
  );
  const place = (text: string) => {
    const name = names.of(text);
    return (
      <span className="mono nowrap">
        {text}
        {name !== undefined && <span className="muted"> {name}</span>}
      </span>
    );
  };
  return (
    <Panel
      title="Routes"
      flush
      actions={<ActionButton label="New route…" needs="createRoute" onClick={() => setAdding(true)} />}
    >
      <DataTable
        label="Routes"
        items={known.routes}
        keyOf={route => `${route.index ?? ''} ${route.text} ${route.network}`}
        empty="There are no routes: no NIC is attached, and nobody has made one."
        columns={[
          {
            title: 'Index',
            isNumber: true,
            by: each => each.index ?? 0,
            cell: each => each.index ?? <span className="muted">auto</span>,
          },
          { title: 'Network', by: each => each.network, cell: each => each.network },
          { title: 'Source', cell: each => place(each.source) },
          { title: 'Destination', by: each => each.destination, cell: each => place(each.destination) },
          { title: 'To', cell: each => place(each.to) },
          { title: 'From', cell: each => place(each.from) },
          {
            title: '_Actions',
            className: 'acts',
            cell: each => (
              <MenuButton
                label={`Actions of route ${each.index ?? each.text}`}
                items={[
                  {
                    label: 'Delete…',
                    icon: 'trash',
                    isDangerous: true,
                    needs: 'deleteRoute',
                    run: each.automatic ? undefined : () => remove(each),
                    why: 'It is automatic: it goes with its NIC, or what is seen behind its link',
                  },
                ]}
              />
            ),
          },
        ]}
      />
      {isAdding && (
        <RouteDialog
          networks={known.networks ?? []}
          links={links ?? []}
          interfaces={interfaces ?? []}
          onClose={() => setAdding(false)}
        />
      )}
      {dialog}
    </Panel>
  );
}
