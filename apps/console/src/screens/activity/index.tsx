import { useNow, useOverview } from '../../app-context';
import { MigrationProgressView } from '../../migration/migration-card';
import { formatBytes, formatMs, formatTime } from '../../model/quantities';
import { href } from '../../router';
import { DataTable } from '../../ui/data-table';
import { Panel } from '../../ui/panel';
import { StateBadge } from '../../ui/state-badge';
import type { ScreenProps } from '../screen';

const tabs = [
  ['operations', 'Operations'],
  ['migrations', 'Migrations'],
  ['events', 'Wi-Fi events'],
] as const;

export function ActivityScreen({ path: [tab = 'operations', id] }: ScreenProps) {
  return (
    <>
      <div className="screen-head">
        <h1>Activity</h1>
      </div>
      <nav className="tabs" aria-label="Of the activity" style={{ marginBottom: 12 }}>
        {tabs.map(([each, title]) => (
          <a key={each} href={href('activity', each)} aria-current={each === tab ? 'page' : undefined}>
            {title}
          </a>
        ))}
      </nav>
      {tab === 'operations' && <Operations />}
      {tab === 'migrations' && <Migrations id={id} />}
      {tab === 'events' && <Events />}
    </>
  );
}

function Operations() {
  const { known } = useOverview(['operations']);
  const now = useNow();
  return (
    <Panel flush>
      <DataTable
        label="Operations"
        items={known.operations}
        keyOf={({ id }) => id}
        empty="Nothing has been done yet."
        columns={[
          { title: 'Begun', cell: each => <span className="nowrap">{formatTime(each.createdAt, now)}</span> },
          { title: 'Verb', by: each => each.verb, cell: each => each.verb },
          { title: 'Target', by: each => each.target, cell: each => each.target },
          {
            title: 'State',
            cell: each => <StateBadge state={each.error ? 'FAILED' : each.done ? 'DONE' : 'RUNNING'} />,
          },
          {
            title: 'Took',
            isNumber: true,
            cell: each =>
              formatMs((each.endedAt ? Date.parse(each.endedAt) : now) - Date.parse(each.createdAt)),
          },
          {
            title: 'What it says',
            className: 'reason',
            cell: each => (each.error ? `${each.error.title}: ${each.error.detail}` : each.progress),
          },
        ]}
      />
    </Panel>
  );
}

function Migrations({ id }: { id: string | undefined }) {
  const { known } = useOverview(['migrations']);
  const now = useNow();
  const shown = known.migrations?.find(each => each.id === id);
  return (
    <div className="stack">
      {shown && (
        <Panel title={`${shown.vm}: ${shown.source} → ${shown.target}`}>
          <div className="stack">
            <MigrationProgressView migration={shown} now={now} />
            <DataTable
              label="Rounds"
              items={shown.rounds.map((round, index) => ({ ...round, index }))}
              keyOf={({ index }) => String(index)}
              empty="No round has ended yet."
              columns={[
                { title: 'Round', isNumber: true, cell: each => each.index + 1 },
                { title: 'Pages', isNumber: true, cell: each => each.pages },
                { title: 'Sent', isNumber: true, cell: each => formatBytes(each.bytes) },
                { title: 'Took', isNumber: true, cell: each => formatMs(each.durationMs) },
                {
                  title: 'Dirtied',
                  isNumber: true,
                  cell: each => `${Math.round(each.dirtyPagesPerSecond)} pages/s`,
                },
                { title: 'Throttled', isNumber: true, cell: each => `${Math.round(100 * each.throttle)} %` },
              ]}
            />
          </div>
        </Panel>
      )}
      <Panel flush>
        <DataTable
          label="Migrations"
          items={known.migrations}
          keyOf={each => each.id}
          empty="Nothing has been migrated yet: drag a virtual machine onto another host in the topology."
          columns={[
            {
              title: 'Begun',
              cell: each => (
                <a className="nowrap" href={href('activity', 'migrations', each.id)}>
                  {formatTime(each.createdAt, now)}
                </a>
              ),
            },
            { title: 'VM', by: each => each.vm, cell: each => each.vm },
            { title: 'From', cell: each => each.source },
            { title: 'To', cell: each => each.target },
            { title: 'Phase', by: each => each.phase, cell: each => <StateBadge state={each.phase} /> },
            { title: 'Rounds', isNumber: true, cell: each => each.rounds.length },
            {
              title: 'Sent',
              isNumber: true,
              by: each => each.bytesSent,
              cell: each => formatBytes(each.bytesSent),
            },
            {
              title: 'Downtime',
              isNumber: true,
              by: each => each.downtimeMs ?? -1,
              cell: each => (each.downtimeMs === null ? '–' : formatMs(each.downtimeMs)),
            },
            { title: 'Reason', className: 'reason', cell: each => each.reason },
          ]}
        />
      </Panel>
    </div>
  );
}

function Events() {
  const { known } = useOverview(['wifiEvents']);
  const now = useNow();
  const isMissing = known.missing.some(({ part }) => part === 'wifiEvents');
  return (
    <Panel flush>
      <DataTable
        label="Wi-Fi events"
        items={isMissing ? [] : known.wifiEvents}
        keyOf={each => `${each.at} ${each.address} ${each.event}`}
        empty="Nothing has happened at the access points."
        columns={[
          { title: 'At', cell: each => <span className="nowrap">{formatTime(each.at, now)}</span> },
          { title: 'Access point', by: each => each.accessPoint, cell: each => each.accessPoint },
          { title: 'Station', cell: each => each.nic ?? <span className="mono">{each.address}</span> },
          { title: 'Event', by: each => each.event, cell: each => <StateBadge state={each.event} /> },
          { title: 'Reason', className: 'reason', cell: each => each.reason },
        ]}
      />
    </Panel>
  );
}
