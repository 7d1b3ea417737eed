import { useState } from 'react';
import { haveAll, wordsOf } from '../../model/words';
import { ActionButton } from '../../ui/action-button';
import { ErrorNote } from '../../ui/dialog';
import { Panel } from '../../ui/panel';
import { useUsers } from '../access/lists';
import type { ScreenProps } from '../screen';
import { NewUserDialog } from './user-dialogs';
import { UserDetail } from './user-detail';
import { UserTable } from './user-table';

export function UsersScreen({ path: [name] }: ScreenProps) {
  return name === undefined ? <UserList /> : <UserDetail name={name} />;
}

/** Who may use the cluster. */
function UserList() {
  const { value: users, error, look } = useUsers();
  const [filter, setFilter] = useState('');
  const [isCreating, setCreating] = useState(false);
  const words = wordsOf(filter);
  const shown = users?.filter(({ name, role, project }) => haveAll(words, name, role, project ?? ''));
  return (
    <>
      <div className="screen-head">
        <h1>Users</h1>
        <div className="row">
          <input
            type="search"
            aria-label="Filter by name, role or project"
            placeholder="Filter"
            value={filter}
            onChange={event => setFilter(event.target.value)}
          />
          <ActionButton
            label="New user…"
            needs="createUser"
            icon="plus"
            isPrimary
            onClick={() => setCreating(true)}
          />
        </div>
      </div>
      {error && <ErrorNote error={error} />}
      <Panel flush>
        <UserTable
          label="Users"
          users={shown}
          onDone={look}
          empty={
            words.length > 0
              ? `None matches “${filter}”.`
              : 'There is nobody but the administrator, who started the cluster. A user gets in by a token.'
          }
        />
      </Panel>
      {isCreating && <NewUserDialog onDone={look} onClose={() => setCreating(false)} />}
    </>
  );
}
