import { useOverview } from '../../app-context';
import { formatCount } from '../../model/quantities';
import { DataTable } from '../../ui/data-table';
import { Panel } from '../../ui/panel';

export function Counters() {
  const { known } = useOverview(['overlay']);
  const { overlay } = known;
  if (!overlay) return <p className="empty">Loading…</p>;
  const sources = [
    ...overlay.cores.map(({ host, cached, counters }) => ({
      name: `core of ${host}`,
      counters: { cached, ...counters },
    })),
    ...(overlay.router ? [{ name: 'router', counters: overlay.router }] : []),
  ];
  return (
    <div className="columns">
      {sources.map(({ name, counters }) => (
        <Panel key={name} title={name} flush>
          <DataTable
            label={name}
            items={Object.entries(counters)}
            keyOf={([counter]) => counter}
            empty="It has counted nothing."
            columns={[
              { title: 'Counter', by: ([counter]) => counter, cell: ([counter]) => counter },
              {
                title: 'Count',
                isNumber: true,
                by: ([, count]) => count,
                cell: ([, count]) => formatCount(count),
              },
            ]}
          />
        </Panel>
      ))}
    </div>
  );
}
