import { useApp, useOverview, useRates } from '../../../app-context';
import { HISTORY_SECONDS } from '../../../model/history';
import { formatCount, formatHex, formatRate } from '../../../model/quantities';
import { TimeChart } from '../../../ui/chart';
import { DataTable } from '../../../ui/data-table';
import { Panel } from '../../../ui/panel';
import type { VmTabProps } from '../tabs';

const COLOURS = ['--net-0', '--net-1', '--net-3', '--net-2', '--net-4', '--net-5'];
/** More than this many kinds in one chart can't be told apart. */
const CHARTED = 5;
const TOP_PORTS = 30;

export function ExitsTab({ vm }: VmTabProps) {
  const sight = useOverview(['telemetry'], vm.name);
  const { history } = useApp();
  const told = sight.known.telemetry?.find(each => each.vm === vm.name);
  const rate = useRates(sight).get(vm.name);
  const samples = history.of(vm.name);
  const times = samples.map(({ at }) => at);
  if (!told)
    return (
      <p className="empty">
        Nothing is counted while {vm.name} is {vm.state}.
      </p>
    );
  const kinds = Object.entries(told.exits)
    .map(([kind, { count }]) => ({ kind, count, rate: rate?.exitsByKind[kind] ?? 0 }))
    .sort((a, b) => b.count - a.count);
  const ports = [...told.ports].sort((a, b) => b.reads + b.writes - a.reads - a.writes).slice(0, TOP_PORTS);
  return (
    <div className="stack">
      <Panel title="Exits to the VMM">
        <TimeChart
          label="Exits"
          times={times}
          seconds={HISTORY_SECONDS}
          format={formatRate}
          series={kinds.slice(0, CHARTED).map(({ kind }, index) => ({
            label: kind,
            colour: COLOURS[index] as string,
            values: samples.map(({ exitsByKind }) => exitsByKind[kind] ?? 0),
          }))}
        />
      </Panel>
      <div className="columns">
        <Panel title="Exits by kind" flush>
          <DataTable
            label="Exits by kind"
            items={kinds}
            keyOf={({ kind }) => kind}
            empty="There are none."
            columns={[
              { title: 'Kind', by: each => each.kind, cell: each => each.kind },
              { title: 'Rate', isNumber: true, by: each => each.rate, cell: each => formatRate(each.rate) },
              {
                title: 'Since it started',
                isNumber: true,
                by: each => each.count,
                cell: each => formatCount(each.count),
              },
            ]}
          />
        </Panel>
        <Panel title="Ports with most accesses" flush>
          <DataTable
            label="Ports"
            items={ports}
            keyOf={({ port }) => String(port)}
            empty="No port has been accessed."
            columns={[
              {
                title: 'Port',
                by: each => each.port,
                cell: each => <span className="mono">{formatHex(each.port, 4)}</span>,
              },
              { title: 'Device', by: each => each.owner, cell: each => each.owner },
              {
                title: 'Reads',
                isNumber: true,
                by: each => each.reads,
                cell: each => formatCount(each.reads),
              },
              {
                title: 'Writes',
                isNumber: true,
                by: each => each.writes,
                cell: each => formatCount(each.writes),
              },
            ]}
          />
        </Panel>
      </div>
    </div>
  );
}
