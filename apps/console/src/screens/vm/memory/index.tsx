import type { MemoryMap } from '@v3vee/contracts';
import { usePolled } from '../../../api/use-polled';
import { useApp, useMay } from '../../../app-context';
import { formatBytes, formatHex } from '../../../model/quantities';
import { DataTable } from '../../../ui/data-table';
import { ErrorNote } from '../../../ui/dialog';
import { Meter, Panel } from '../../../ui/panel';
import { isAllowed, whyNot } from '../../../vm-actions/allowed';
import type { VmTabProps } from '../tabs';
import { BalloonPanel } from './balloon-panel';
import { MemoryViewer } from './memory-viewer';

const PERIOD_MS = 2_000;

export function MemoryTab({ vm }: VmTabProps) {
  if (!isAllowed('memory', vm.state)) return <p className="empty">{whyNot('memory', vm.state)}.</p>;
  return <Memory vm={vm} />;
}

function Memory({ vm }: VmTabProps) {
  const { rest } = useApp();
  const may = useMay();
  const { value: map, error } = usePolled(vm.id, PERIOD_MS, signal =>
    rest.call('vmMemoryMap', { vm: vm.id }, { signal }),
  );
  if (error && !map) return <ErrorNote error={error} />;
  if (!map) return <p className="empty">Loading…</p>;
  return (
    <div className="stack">
      <div className="memory-overview">
        <RegionsPanel map={map} />
        <BalloonPanel vm={vm} map={map} />
      </div>
      {may('readVmMemory') && <MemoryViewer vm={vm} map={map} />}
    </div>
  );
}

const address = (value: number): string => formatHex(value, 8);

function RegionsPanel({ map }: { map: MemoryMap }) {
  return (
    <Panel title="Guest physical memory" flush>
      <DataTable
        label="Regions by address"
        items={map.regions}
        keyOf={each => `${each.start} ${each.name}`}
        empty="There are none."
        columns={[
          {
            title: 'From',
            by: each => each.start,
            cell: each => <span className="mono">{address(each.start)}</span>,
          },
          { title: 'To', cell: each => <span className="mono">{address(each.end - 1)}</span> },
          {
            title: 'Size',
            isNumber: true,
            by: each => each.end - each.start,
            cell: each => formatBytes(each.end - each.start),
          },
          { title: 'Access', cell: each => <span className="mono">{each.flags || '–'}</span> },
          { title: 'Kind', by: each => each.kind, cell: each => <span className="tag">{each.kind}</span> },
          { title: 'Name', by: each => each.name, cell: each => each.name },
        ]}
      />
      <div className="panel-body">
        <p className="muted">
          {formatBytes(map.memoryBytes)} of RAM
          {map.balloonBytes > 0 && `, of which the guest has given back ${formatBytes(map.balloonBytes)}`}
        </p>
        <Meter
          share={1 - map.balloonBytes / map.memoryBytes}
          isHigh={false}
          label={`RAM that ${map.vm} holds`}
        />
      </div>
    </Panel>
  );
}
