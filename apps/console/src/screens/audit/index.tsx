import { useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import type { AuditEntry, AuditFilter } from '@v3vee/contracts';
import { useApp, useNow } from '../../app-context';
import { formatTime, shortId } from '../../model/quantities';
import { href } from '../../router';
import { DataTable } from '../../ui/data-table';
import { ErrorNote } from '../../ui/dialog';
import { Panel } from '../../ui/panel';
import { StateBadge } from '../../ui/state-badge';
import type { ScreenProps } from '../screen';
import { AuditPages } from './audit-pages';
import { detailOf, targetOf } from './entry';
import { FilterBar, filterOf, isAnythingChosen, nothingChosen, useSettled } from './filter';
import './audit.css';

const PERIOD_MS = 2_000;
const PAGE = 100;

/** Who did what, when and from where, and what was refused. */
export function AuditScreen({ path: [user = ''] }: ScreenProps) {
  const [chosen, setChosen] = useState({ ...nothingChosen, user });
  const settled = useSettled(chosen);
  // A period ends when it was chosen: what moves on could not be read page by page.
  const filter = useMemo(() => filterOf(settled, Date.now()), [settled]);
  const pages = useAuditPages(filter);
  const { entries, hasMore, isAsking, error } = useSyncExternalStore(pages.subscribe, pages.getSight);
  return (
    <>
      <div className="screen-head">
        <h1>Audit log</h1>
        <span className="muted">What was changed and what was refused; the newest first</span>
      </div>
      <div className="stack">
        <FilterBar chosen={chosen} onChange={setChosen} />
        {error && <ErrorNote error={error} />}
        <Panel flush>
          {entries === undefined && error ? null : (
            <AuditTable
              entries={entries}
              empty={isAnythingChosen(chosen) ? 'Nothing that was noted fits.' : 'Nothing was noted yet.'}
            />
          )}
        </Panel>
        {hasMore && (
          <div className="row older">
            <button type="button" className="button" disabled={isAsking} onClick={() => void pages.more()}>
              Show older ones
            </button>
            <span className="muted">{entries?.length} are shown</span>
          </div>
        )}
      </div>
    </>
  );
}

function useAuditPages(filter: AuditFilter): AuditPages {
  const { rest } = useApp();
  const key = JSON.stringify(filter);
  const pages = useMemo(() => {
    const wanted = JSON.parse(key) as AuditFilter;
    return new AuditPages((pageToken, signal) =>
      rest.call('listAudit', {}, { query: { ...wanted, pageSize: PAGE, pageToken }, signal }),
    );
  }, [rest, key]);
  useEffect(() => {
    void pages.look();
    const timer = setInterval(() => {
      if (!document.hidden) void pages.look();
    }, PERIOD_MS);
    return () => {
      clearInterval(timer);
      pages.stop();
    };
  }, [pages]);
  return pages;
}

function AuditTable({ entries, empty }: { entries: readonly AuditEntry[] | undefined; empty: string }) {
  const now = useNow();
  return (
    <DataTable
      label="Entries, newest first"
      items={entries}
      keyOf={({ id }) => String(id)}
      empty={empty}
      columns={[
        {
          title: 'When',
          cell: each => (
            <time className="nowrap" dateTime={each.at} title={each.at}>
              {formatTime(each.at, now)}
            </time>
          ),
        },
        { title: 'Who', cell: each => <Who entry={each} /> },
        { title: 'Did', cell: each => <span className="mono">{each.action}</span> },
        {
          title: 'To',
          cell: each => (
            <span className="mono audit-target" title={each.target}>
              {targetOf(each)}
            </span>
          ),
        },
        {
          title: 'Outcome',
          cell: each => (
            <span className="audit-outcome">
              <StateBadge state={each.outcome.toUpperCase()} />
              <span className="muted audit-code">{detailOf(each)}</span>
            </span>
          ),
        },
        { title: 'From', cell: each => <span className="mono">{each.from}</span> },
        { title: 'Project', cell: each => each.project ?? <span className="muted">–</span> },
        { title: 'Token', cell: each => <Id id={each.token} /> },
        { title: 'Request', cell: each => <Id id={each.requestId} /> },
      ]}
    />
  );
}

function Who({ entry: { user } }: { entry: AuditEntry }) {
  if (user === null) return <span className="muted">unknown</span>;
  return (
    <a href={href('audit', user)} title={`What ${user} did`}>
      {user}
    </a>
  );
}

function Id({ id }: { id: string | null }) {
  if (id === null) return <span className="muted">–</span>;
  return (
    <span className="mono" title={id}>
      {shortId(id)}
    </span>
  );
}
