import { useState, type ReactNode } from 'react';
import { useOverview } from '../../app-context';
import { impairmentText } from '../../forms/impairment';
import { go, href } from '../../router';
import { DataTable } from '../../ui/data-table';
import { MenuButton } from '../../ui/menu';
import { Panel } from '../../ui/panel';
import { StateBadge } from '../../ui/state-badge';
import { NicSettingsDialog } from '../vm/nics/nic-settings-dialog';
import { YesNo } from './yes-no';

export function Interfaces() {
  const { known } = useOverview(['interfaces']);
  const [dialog, setDialog] = useState<ReactNode>(null);
  return (
    <Panel flush>
      <DataTable
        label="Interfaces"
        items={known.interfaces}
        keyOf={({ vm, name }) => `${vm}/${name}`}
        empty="No virtual machine has a NIC."
        columns={[
          {
            title: 'Interface',
            by: each => `${each.vm}/${each.name}`,
            cell: each => <a href={href('vms', each.vm, 'nics')}>{`${each.vm}/${each.name}`}</a>,
          },
          { title: 'Network', by: each => each.network, cell: each => each.network },
          { title: 'Host', by: each => each.host, cell: each => each.host },
          { title: 'MAC', cell: each => <span className="mono">{each.mac}</span> },
          {
            title: 'Attached',
            cell: each =>
              each.attached === null ? <span className="muted">unknown</span> : <YesNo is={each.attached} />,
          },
          { title: 'Mode', by: each => each.settings.mode, cell: each => each.settings.mode },
          { title: 'Spoof guard', cell: each => <YesNo is={each.settings.spoofGuard} /> },
          { title: 'Cable', cell: each => <StateBadge state={each.settings.linkUp ? 'UP' : 'DOWN'} /> },
          {
            title: 'Impairment',
            cell: each =>
              each.settings.impairment ? (
                <span className="tag warn" title={impairmentText(each.settings.impairment)}>
                  impaired
                </span>
              ) : (
                <span className="muted">–</span>
              ),
          },
          {
            title: '_Actions',
            className: 'acts',
            cell: each => (
              <MenuButton
                label={`Actions of ${each.vm}/${each.name}`}
                items={[
                  {
                    label: 'Settings…',
                    icon: 'settings',
                    needs: 'updateNic',
                    run: () =>
                      setDialog(
                        <NicSettingsDialog
                          vm={each.vm}
                          nic={each.name}
                          settings={each.settings}
                          onClose={() => setDialog(null)}
                        />,
                      ),
                  },
                  {
                    label: 'Capture here',
                    icon: 'capture',
                    needs: 'capture',
                    run: () => go('capture', `${each.vm}/${each.name}`),
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
