import { useState } from 'react';
import type { EventKind } from '@v3vee/contracts';
import { useOverview } from '../../app-context';
import { wordsOf } from '../../model/words';
import { EventTable } from './event-table';

const kinds: readonly EventKind[] = ['vm', 'host', 'migration', 'operation'];

/** What changed its state, and why, as it happens. */
export function EventsScreen() {
  const { known } = useOverview(['vms']);
  const [kind, setKind] = useState('');
  const [vm, setVm] = useState('');
  const [filter, setFilter] = useState('');
  return (
    <>
      <div className="screen-head">
        <h1>Events</h1>
        <div className="row">
          <select aria-label="Kind" value={kind} onChange={event => setKind(event.target.value)}>
            <option value="">all kinds</option>
            {kinds.map(each => (
              <option key={each}>{each}</option>
            ))}
          </select>
          <select aria-label="Virtual machine" value={vm} onChange={event => setVm(event.target.value)}>
            <option value="">all virtual machines</option>
            {known.vms?.map(({ name }) => (
              <option key={name}>{name}</option>
            ))}
          </select>
          <input
            type="search"
            aria-label="Filter by name, state or reason"
            placeholder="Reason, name, state"
            value={filter}
            onChange={event => setFilter(event.target.value)}
          />
        </div>
      </div>
      <EventTable
        kind={(kind || undefined) as EventKind | undefined}
        vm={vm || undefined}
        words={wordsOf(filter)}
      />
    </>
  );
}
