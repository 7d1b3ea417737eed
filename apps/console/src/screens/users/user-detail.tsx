import { usePolled } from '../../api/use-polled';
import { useApp, useNow } from '../../app-context';
import { go, href } from '../../router';
import { ActionButton } from '../../ui/action-button';
import { ErrorNote } from '../../ui/dialog';
import { MenuButton } from '../../ui/menu';
import { Facts, Panel } from '../../ui/panel';
import { StateBadge } from '../../ui/state-badge';
import type { User } from '@v3vee/contracts';
import { useTokens } from '../access/lists';
import { roleHints } from '../access/roles';
import { When } from '../access/when';
import { TokenTable } from '../tokens/token-table';
import { useTokenMaking } from '../tokens/use-token-making';
import { useUserActions } from './use-user-actions';

const PERIOD_MS = 3_000;

/** A user with its tokens. */
export function UserDetail({ name }: { name: string }) {
  const { rest } = useApp();
  const {
    value: user,
    error,
    look,
  } = usePolled(`user/${name}`, PERIOD_MS, signal => rest.call('getUser', { user: name }, { signal }));
  return (
    <>
      <div className="screen-head">
        <a className="crumb" href={href('users')}>
          Users
        </a>
        <h1>{name}</h1>
        {user && !error && <Head user={user} onDone={look} />}
      </div>
      {error && <ErrorNote error={error} />}
      {!error && (user ? <Body user={user} onDone={look} /> : <p className="empty">Loading…</p>)}
    </>
  );
}

function Head({ user, onDone }: { user: User; onDone: () => void }) {
  const { items, dialog } = useUserActions(user, onDone, () => go('users'));
  return (
    <>
      <StateBadge state={user.disabled ? 'DISABLED' : 'ENABLED'} />
      <div className="row">
        <a className="button" href={href('audit', user.name)}>
          What {user.name} did
        </a>
        <MenuButton label={`Actions of ${user.name}`} items={items} />
      </div>
      {dialog}
    </>
  );
}

function Body({ user, onDone }: { user: User; onDone: () => void }) {
  const now = useNow();
  const tokens = useTokens(user.name);
  const look = () => {
    tokens.look();
    onDone();
  };
  const making = useTokenMaking(look);
  return (
    <div className="stack">
      {user.disabled && (
        <div className="note warn" role="status">
          <strong>{user.name} is disabled</strong>
          No token of it is good until it is enabled.
        </div>
      )}
      <Panel title="User">
        <Facts
          items={[
            [
              'Role',
              <>
                {user.role} <span className="muted">– {roleHints[user.role]}</span>
              </>,
            ],
            [
              'Project',
              user.project === null ? (
                'none: it has all of them'
              ) : (
                <a href={href('projects', user.project)}>{user.project}</a>
              ),
            ],
            ['Created', <When at={user.createdAt} now={now} />],
          ]}
        />
      </Panel>
      <Panel
        title="Tokens"
        flush
        actions={
          <ActionButton
            label="New token…"
            needs="createToken"
            why={user.disabled ? 'The user is disabled: no token would let it in' : undefined}
            onClick={() => making.begin(user.name)}
          />
        }
      >
        {tokens.error && <ErrorNote error={tokens.error} />}
        <TokenTable
          label={`Tokens of ${user.name}`}
          tokens={tokens.value}
          isOfUser
          onDone={look}
          empty={`${user.name} has none yet, and so can't get in.`}
        />
      </Panel>
      {making.dialog}
    </div>
  );
}
