import { useEffect, useMemo, useSyncExternalStore } from 'react';
import type { Event, EventKind } from '@v3vee/contracts';
import { EventLog } from '../../api/event-log';
import { useApp, useNow } from '../../app-context';
import { formatTime, shortId } from '../../model/quantities';
import { haveAll } from '../../model/words';
import { href } from '../../router';
import { DataTable } from '../../ui/data-table';
import { ErrorNote } from '../../ui/dialog';
import { Panel } from '../../ui/panel';
import { StateBadge } from '../../ui/state-badge';

const links = {
  connecting: 'Connecting…',
  live: 'Live',
  lost: 'Connection lost; it is tried again',
} as const;

/** The latest events, followed as they happen. @param words all of which an event has to have */
export function EventTable({
  kind,
  vm,
  words = [],
  isOfVm = false,
}: {
  kind?: EventKind;
  vm?: string;
  words?: readonly string[];
  /** They are all of one VM, which need not be said with each. */
  isOfVm?: boolean;
}) {
  const log = useEventLog(kind, vm);
  const { events, link, error } = useSyncExternalStore(log.subscribe, log.getSight);
  const now = useNow();
  const shown = events?.filter(event => haveAll(words, textOf(event)));
  const isFiltered = words.length > 0 || kind !== undefined || (vm !== undefined && !isOfVm);
  return (
    <div className="stack">
      {error && events === undefined && <ErrorNote error={error} />}
      <Panel
        title="Changes of state"
        flush
        actions={
          <span className={link === 'lost' ? 'tag warn' : link === 'live' ? 'tag ok' : 'tag'} role="status">
            {links[link]}
          </span>
        }
      >
        <DataTable
          label="Events, newest first"
          items={shown}
          keyOf={each => each.resourceVersion}
          empty={isFiltered ? 'Nothing that was noted fits.' : 'Nothing has happened in the last 7 days.'}
          columns={[
            { title: 'At', cell: each => <span className="nowrap">{formatTime(each.at, now)}</span> },
            { title: 'Kind', cell: each => <span className="tag">{each.kind}</span> },
            { title: 'Name', cell: each => <Subject event={each} /> },
            ...(isOfVm
              ? []
              : [
                  {
                    title: 'VM',
                    cell: ({ vm: name }: Event) => (name ? <a href={href('vms', name)}>{name}</a> : '–'),
                  },
                ]),
            { title: 'State', cell: each => <Change event={each} /> },
            { title: 'Reason', className: 'reason', cell: each => each.reason },
          ]}
        />
      </Panel>
    </div>
  );
}

function useEventLog(kind: EventKind | undefined, vm: string | undefined): EventLog {
  const { rest } = useApp();
  const log = useMemo(
    () =>
      new EventLog(
        {
          list: (query, signal) => rest.call('listEvents', {}, { query, signal }),
          watch: (after, signal) => rest.lines<Event>(`/v1/events:watch?resourceVersion=${after}`, signal),
        },
        { kind, vm },
      ),
    [rest, kind, vm],
  );
  useEffect(() => {
    void log.follow();
    return () => log.stop();
  }, [log]);
  return log;
}

const textOf = ({ kind, name, vm, before, state, reason }: Event): string =>
  [kind, name, vm, before, state, reason].join(' ');

/** What changed. Operations and migrations have ids, of which the beginning tells them apart. */
function Subject({ event: { kind, name } }: { event: Event }) {
  if (kind === 'vm') return <a href={href('vms', name)}>{name}</a>;
  if (kind === 'host') return <a href={href('hosts', name)}>{name}</a>;
  const to = kind === 'migration' ? href('activity', 'migrations', name) : href('activity', 'operations');
  return (
    <a className="mono" href={to} title={name}>
      {shortId(name)}
    </a>
  );
}

function Change({ event: { before, state } }: { event: Event }) {
  return (
    <span className="row nowrap">
      {before !== null && before !== state && (
        <span className="muted">
          {before.toLowerCase().replaceAll('_', ' ')}
          <span aria-hidden="true"> →</span>
          <span className="visually-hidden"> then </span>
        </span>
      )}
      <StateBadge state={state} />
    </span>
  );
}
