import type { DmmDevice } from '@v3vee/contracts';
import { useOverview } from '../../app-context';
import { formatCount } from '../../model/quantities';
import { href } from '../../router';
import { DataTable } from '../../ui/data-table';
import { Panel } from '../../ui/panel';
import { StateBadge } from '../../ui/state-badge';
import type { ScreenProps } from '../screen';
import { AccessBar } from './access-bar';
import { DeviceDetail } from './device-detail';
import { accessesOf } from './shares';

export function DevicesScreen({ path: [name] }: ScreenProps) {
  return name === undefined ? <DeviceList /> : <DeviceDetail name={name} />;
}

function DeviceList() {
  const { known } = useOverview(['devices']);
  return (
    <>
      <div className="screen-head">
        <h1>Physical devices</h1>
        <span className="muted">shared directly and safely by guests; the DMM decides who has one when</span>
      </div>
      <Panel flush>
        <DataTable
          label="Physical devices"
          items={known.devices}
          keyOf={({ name }) => name}
          empty={
            <>
              No host has a physical card. <code>hosts.NAME.nics</code> in the cluster file declares them, for
              example <code>{'{ name: eth0, model: rtl8139, network: lan }'}</code>.
            </>
          }
          columns={[
            {
              title: 'Device',
              by: each => each.name,
              cell: each => <a href={href('devices', each.name)}>{each.name}</a>,
            },
            { title: 'Model', by: each => each.model, cell: each => each.model },
            { title: 'State', cell: each => <StateBadge state={each.state} reason={each.reason} /> },
            { title: 'Network', cell: each => each.network ?? '–' },
            { title: 'Held by', by: each => each.holder ?? '', cell: each => <Holder device={each} /> },
            {
              title: 'Waiting',
              isNumber: true,
              by: each => each.waiting.length,
              cell: each => each.waiting.length,
            },
            {
              title: 'Accesses',
              isNumber: true,
              by: each => accessesOf(each.account).all,
              cell: each => formatCount(accessesOf(each.account).all),
            },
            {
              title: 'Open, shadowed, exits',
              cell: each => <AccessBar accesses={accessesOf(each.account)} />,
            },
            {
              title: 'Switches',
              isNumber: true,
              cell: each => formatCount(each.account?.switches.count ?? 0),
            },
            {
              title: 'Violations',
              isNumber: true,
              by: each => each.violations,
              cell: each => each.violations,
            },
          ]}
        />
      </Panel>
    </>
  );
}

export function Holder({ device }: { device: DmmDevice }) {
  if (device.holder === null) return <span className="muted">nobody</span>;
  return <a href={href('vms', device.holder)}>{device.holder}</a>;
}
