import { useState, type ReactNode } from 'react';
import type { AccessToken } from '@v3vee/contracts';
import { useApp, useNow, useWhyRefused } from '../../app-context';
import { href } from '../../router';
import { shortId } from '../../model/quantities';
import { ConfirmDialog } from '../../ui/confirm-dialog';
import { DataTable } from '../../ui/data-table';
import { StateBadge } from '../../ui/state-badge';
import { When } from '../access/when';

/** Tokens, never their secrets. */
export function TokenTable({
  tokens,
  label,
  empty,
  isOfUser = false,
  onDone,
}: {
  tokens: readonly AccessToken[] | undefined;
  label: string;
  empty: ReactNode;
  /** They are all of one user, who need not be said with each. */
  isOfUser?: boolean;
  onDone: () => void;
}) {
  const now = useNow();
  const [revoked, setRevoked] = useState<AccessToken>();
  return (
    <>
      <DataTable
        label={label}
        items={tokens}
        keyOf={({ id }) => id}
        empty={empty}
        columns={[
          {
            title: 'Token',
            cell: each => (
              <span className="mono" title={each.id}>
                {shortId(each.id)}
              </span>
            ),
          },
          ...(isOfUser
            ? []
            : [
                {
                  title: 'User',
                  by: (each: AccessToken) => each.user,
                  cell: (each: AccessToken) => <a href={href('users', each.user)}>{each.user}</a>,
                },
              ]),
          {
            title: 'State',
            by: each => each.state,
            cell: ({ state }) => <StateBadge state={state} />,
          },
          {
            title: 'Project',
            by: each => each.project ?? '',
            cell: each => each.project ?? <span className="muted">all</span>,
          },
          {
            title: 'Ends',
            by: each => (each.expiresAt === null ? Infinity : Date.parse(each.expiresAt)),
            cell: each => <End token={each} now={now} />,
          },
          {
            title: 'Last used',
            by: each => (each.usedAt === null ? 0 : Date.parse(each.usedAt)),
            cell: each =>
              each.usedAt === null ? (
                <span className="muted">never</span>
              ) : (
                <When at={each.usedAt} now={now} isAgo />
              ),
          },
          {
            title: 'Created',
            by: each => Date.parse(each.createdAt),
            cell: each => <When at={each.createdAt} now={now} />,
          },
          {
            title: '_Actions',
            className: 'acts',
            cell: each => <RevokeButton token={each} onClick={() => setRevoked(each)} />,
          },
        ]}
      />
      {revoked && <RevokeDialog token={revoked} onDone={onDone} onClose={() => setRevoked(undefined)} />}
    </>
  );
}

function End({ token: { expiresAt, revokedAt }, now }: { token: AccessToken; now: number }) {
  if (revokedAt !== null) return <When at={revokedAt} now={now} />;
  if (expiresAt === null) return <span className="muted">when it is revoked</span>;
  return <When at={expiresAt} now={now} />;
}

function RevokeButton({ token, onClick }: { token: AccessToken; onClick: () => void }) {
  const why =
    useWhyRefused()('revokeToken') ?? (token.state === 'REVOKED' ? 'It was revoked already' : undefined);
  return (
    <button
      type="button"
      className="button quiet"
      aria-label={`Revoke ${shortId(token.id)} of ${token.user}`}
      disabled={why !== undefined}
      title={why}
      onClick={onClick}
    >
      Revoke…
    </button>
  );
}

function RevokeDialog({
  token: { id, user },
  onDone,
  onClose,
}: {
  token: AccessToken;
  onDone: () => void;
  onClose: () => void;
}) {
  const { rest, toasts } = useApp();
  return (
    <ConfirmDialog
      title={`Revoke a token of ${user}?`}
      warning={
        <>
          Token <span className="mono">{shortId(id)}</span> lets nobody in any more, for good. Sessions that
          were begun with it, and the terminals and streams that they have open, end at once.
        </>
      }
      submit="Revoke"
      onConfirm={async () => {
        await rest.call('revokeToken', { token: id });
        toasts.tell(`A token of ${user} is revoked`);
        onDone();
      }}
      onClose={onClose}
    />
  );
}
