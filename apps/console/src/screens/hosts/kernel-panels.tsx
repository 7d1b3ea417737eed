import type { HostMemory, HostTask } from '@v3vee/contracts';
import { usePolled } from '../../api/use-polled';
import { useApp } from '../../app-context';
import { formatBytes, formatHex, formatMs, formatPercent } from '../../model/quantities';
import { href } from '../../router';
import { DataTable } from '../../ui/data-table';
import { ErrorNote } from '../../ui/dialog';
import { Panel } from '../../ui/panel';
import { StateBadge } from '../../ui/state-badge';

const PERIOD_MS = 2_000;

/** What Kitten says of itself: its tasks with their time on cores, and its memory map. */
export function KernelPanels({ host }: { host: string }) {
  const { rest } = useApp();
  const tasks = usePolled(host, PERIOD_MS, signal => rest.call('hostTasks', { host }, { signal }));
  const memory = usePolled(host, PERIOD_MS, signal => rest.call('hostMemory', { host }, { signal }));
  const error = tasks.error ?? memory.error;
  if (error && !tasks.value) return <ErrorNote error={error} />;
  return (
    <div className="stack">
      <Panel
        title="Tasks and core time"
        flush
        actions={tasks.value && <span className="muted">{tasks.value.contextSwitches} context switches</span>}
      >
        <DataTable
          label={`Tasks of ${host}`}
          items={tasks.value?.tasks.filter(({ kind }) => kind !== 'idle')}
          keyOf={each => String(each.id)}
          empty="None but the idle ones."
          columns={[
            {
              title: 'Task',
              by: each => each.vm ?? each.name,
              cell: each => <Owner vm={each.vm} name={each.name} />,
            },
            { title: 'Kind', by: each => each.kind, cell: each => <span className="tag">{each.kind}</span> },
            { title: 'State', by: each => each.state, cell: each => <StateBadge state={each.state} /> },
            { title: 'Core', isNumber: true, by: each => each.core, cell: each => each.core },
            { title: 'Policy', cell: policyOf },
            {
              title: 'Had it',
              isNumber: true,
              by: each => each.grantedMs,
              cell: each => formatMs(each.grantedMs),
            },
            {
              title: 'Share',
              isNumber: true,
              by: each => each.share,
              cell: each => formatPercent(each.share),
            },
            { title: 'Used', isNumber: true, by: each => each.usedMs, cell: each => formatMs(each.usedMs) },
          ]}
        />
      </Panel>
      <Panel title="Physical memory" flush>
        {memory.value && <MemoryBar memory={memory.value} />}
        <DataTable
          label={`Memory of ${host} by region`}
          items={memory.value?.regions}
          keyOf={each => String(each.start)}
          empty="There is none."
          columns={[
            {
              title: 'From',
              by: each => each.start,
              cell: each => <span className="mono">{formatHex(each.start, 8)}</span>,
            },
            {
              title: 'Size',
              isNumber: true,
              by: each => each.length,
              cell: each => formatBytes(each.length),
            },
            { title: 'Type', by: each => each.type, cell: each => <span className="tag">{each.type}</span> },
            {
              title: 'Whose',
              cell: each =>
                each.owner === null ? (
                  <span className="muted">free</span>
                ) : (
                  <Owner vm={each.vm} name={each.owner} />
                ),
            },
          ]}
        />
      </Panel>
    </div>
  );
}

const policyOf = ({ policy }: HostTask): string =>
  policy.kind === 'rr' ? 'round robin' : `${policy.sliceMs} of ${policy.periodMs} ms (EDF)`;

function Owner({ vm, name }: { vm: string | null; name: string }) {
  return vm === null ? <span className="mono">{name}</span> : <a href={href('vms', vm)}>{vm}</a>;
}

/** The regions side by side; what it says is in the table below. */
function MemoryBar({ memory }: { memory: HostMemory }) {
  return (
    <div className="memory-bar" aria-hidden="true">
      {memory.regions.map(each => (
        <i
          key={each.start}
          className={each.owner === null ? 'free' : each.vm === null ? 'kernel' : 'guest'}
          style={{ flexGrow: each.length }}
          title={`${each.vm ?? each.owner ?? 'free'}: ${formatBytes(each.length)}`}
        />
      ))}
    </div>
  );
}
