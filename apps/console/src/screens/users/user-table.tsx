import type { ReactNode } from 'react';
import type { User } from '@v3vee/contracts';
import { useNow } from '../../app-context';
import { href } from '../../router';
import { DataTable } from '../../ui/data-table';
import { MenuButton } from '../../ui/menu';
import { StateBadge } from '../../ui/state-badge';
import { When } from '../access/when';
import { useUserActions } from './use-user-actions';

/** @param isOfProject they are all of one, which need not be said with each */
export function UserTable({
  users,
  label,
  empty,
  isOfProject = false,
  onDone,
}: {
  users: readonly User[] | undefined;
  label: string;
  empty: ReactNode;
  isOfProject?: boolean;
  onDone: () => void;
}) {
  const now = useNow();
  return (
    <DataTable
      label={label}
      items={users}
      keyOf={({ name }) => name}
      empty={empty}
      columns={[
        {
          title: 'Name',
          by: each => each.name,
          cell: each => <a href={href('users', each.name)}>{each.name}</a>,
        },
        { title: 'Role', by: each => each.role, cell: each => each.role },
        ...(isOfProject
          ? []
          : [
              {
                title: 'Project',
                by: (each: User) => each.project ?? '',
                cell: ({ project }: User) =>
                  project === null ? (
                    <span className="muted">all</span>
                  ) : (
                    <a href={href('projects', project)}>{project}</a>
                  ),
              },
            ]),
        {
          title: 'State',
          by: each => (each.disabled ? 1 : 0),
          cell: each => <StateBadge state={each.disabled ? 'DISABLED' : 'ENABLED'} />,
        },
        { title: 'Good tokens', isNumber: true, by: each => each.tokens, cell: each => each.tokens },
        {
          title: 'Created',
          by: each => Date.parse(each.createdAt),
          cell: each => <When at={each.createdAt} now={now} />,
        },
        { title: '_Actions', className: 'acts', cell: each => <UserMenu user={each} onDone={onDone} /> },
      ]}
    />
  );
}

function UserMenu({ user, onDone }: { user: User; onDone: () => void }) {
  const { items, dialog } = useUserActions(user, onDone);
  return (
    <>
      <MenuButton label={`Actions of ${user.name}`} items={items} />
      {dialog}
    </>
  );
}
