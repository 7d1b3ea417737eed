import { useState } from 'react';
import { tokenStates } from 'virtual:contract';
import { ActionButton } from '../../ui/action-button';
import { ErrorNote } from '../../ui/dialog';
import { Panel } from '../../ui/panel';
import { useTokens, useUsers } from '../access/lists';
import { TokenTable } from './token-table';
import { useTokenMaking } from './use-token-making';

/** What users get in with. */
export function TokensScreen() {
  const [user, setUser] = useState('');
  const [state, setState] = useState('');
  const users = useUsers();
  const tokens = useTokens(user || undefined);
  const look = () => {
    tokens.look();
    users.look();
  };
  const making = useTokenMaking(look);
  const shown = tokens.value?.filter(each => state === '' || each.state === state);
  const isFiltered = user !== '' || state !== '';
  return (
    <>
      <div className="screen-head">
        <h1>Tokens</h1>
        <div className="row">
          <select aria-label="User" value={user} onChange={event => setUser(event.target.value)}>
            <option value="">all users</option>
            {users.value?.map(({ name }) => (
              <option key={name}>{name}</option>
            ))}
          </select>
          <select aria-label="State" value={state} onChange={event => setState(event.target.value)}>
            <option value="">all states</option>
            {tokenStates.map(each => (
              <option key={each} value={each}>
                {each.toLowerCase()}
              </option>
            ))}
          </select>
          <ActionButton
            label="New token…"
            needs="createToken"
            isPrimary
            onClick={() => making.begin(user || undefined)}
          />
        </div>
      </div>
      {tokens.error && <ErrorNote error={tokens.error} />}
      <Panel flush>
        <TokenTable
          label="Tokens"
          tokens={shown}
          onDone={look}
          empty={
            isFiltered
              ? 'None fits.'
              : 'There are none. The administrator’s own is in a file of the cluster, and not listed.'
          }
        />
      </Panel>
      {making.dialog}
    </>
  );
}
