import { useState } from 'react';
import type { Role, User } from '@v3vee/contracts';
import { roles } from 'virtual:contract';
import { useApp } from '../../app-context';
import { go } from '../../router';
import { ConfirmDialog } from '../../ui/confirm-dialog';
import { FormDialog } from '../../ui/dialog';
import { Field, useFieldErrors } from '../../ui/field';
import { useProjects } from '../access/lists';
import { roleHints } from '../access/roles';

interface Asked {
  onDone: () => void;
  onClose: () => void;
}

/** @param project that the user is to be of, where it is known already */
export function NewUserDialog({ project: given, onDone, onClose }: Asked & { project?: string }) {
  const { rest } = useApp();
  const { value: projects } = useProjects();
  const errors = useFieldErrors(['name', 'role', ...(given === undefined ? ['project'] : [])], {
    USER_EXISTS: 'name',
    PROJECT_NOT_FOUND: 'project',
  });
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('operator');
  const [project, setProject] = useState(given ?? '');
  const isAdmin = role === 'admin';
  const create = async () => {
    const body = { name, role, project: isAdmin || project === '' ? null : project };
    await rest.call('createUser', {}, { body });
    onDone();
    go('users', name);
  };
  return (
    <FormDialog
      title={given === undefined ? 'New user' : `New user of ${given}`}
      submit="Create"
      isReady={name !== ''}
      onSubmit={() => errors.keep(create)}
      onClose={onClose}
    >
      <Field label="Name" hint="Lower-case letters, digits and hyphens; it stays." error={errors.at('name')}>
        {control => (
          <input
            {...control}
            value={name}
            autoComplete="off"
            spellCheck={false}
            autoFocus
            onChange={event => setName(event.target.value)}
          />
        )}
      </Field>
      <RoleField role={role} onChange={setRole} isConfined={given !== undefined} error={errors.at('role')} />
      {given === undefined && (
        <Field
          label="Project"
          hint={
            isAdmin
              ? 'An admin is of no project.'
              : project === ''
                ? 'Has all projects, and hosts, cards and radios, too.'
                : 'Sees and touches this project alone; it stays.'
          }
          error={errors.at('project')}
        >
          {control => (
            <select
              {...control}
              value={isAdmin ? '' : project}
              disabled={isAdmin}
              onChange={event => setProject(event.target.value)}
            >
              <option value="">none: the whole cluster</option>
              {projects?.map(each => (
                <option key={each.name}>{each.name}</option>
              ))}
            </select>
          )}
        </Field>
      )}
    </FormDialog>
  );
}

function RoleField({
  role,
  onChange,
  isConfined,
  error,
}: {
  role: Role;
  onChange: (role: Role) => void;
  /** To a project: then it can't be an admin. */
  isConfined: boolean;
  error: string | undefined;
}) {
  return (
    <Field label="Role" hint={roleHints[role]} error={error}>
      {control => (
        <select {...control} value={role} onChange={event => onChange(event.target.value as Role)}>
          {roles
            .filter(each => !isConfined || each !== 'admin')
            .map(each => (
              <option key={each}>{each}</option>
            ))}
        </select>
      )}
    </Field>
  );
}

export function RoleDialog({ user, onDone, onClose }: Asked & { user: User }) {
  const { rest, toasts } = useApp();
  const errors = useFieldErrors(['role']);
  const [role, setRole] = useState<Role>(user.role);
  const change = async () => {
    await rest.call('updateUser', { user: user.name }, { body: { role } });
    toasts.tell(`${user.name} is ${role} now`);
    onDone();
  };
  return (
    <FormDialog
      title={`Change the role of ${user.name}`}
      submit="Change"
      isReady={role !== user.role}
      onSubmit={() => errors.keep(change)}
      onClose={onClose}
    >
      <RoleField
        role={role}
        onChange={setRole}
        isConfined={user.project !== null}
        error={errors.at('role')}
      />
      <p className="muted">
        It counts from the next request on; terminals and streams that are open are closed.
      </p>
    </FormDialog>
  );
}

export function DisableDialog({ user: { name }, onDone, onClose }: Asked & { user: User }) {
  const { rest, toasts } = useApp();
  return (
    <ConfirmDialog
      title={`Disable ${name}?`}
      warning={
        <>
          No token of {name} is good until the user is enabled again; sessions, terminals and streams that are
          open end at once. What {name} made stays and runs on.
        </>
      }
      submit="Disable"
      onConfirm={async () => {
        await rest.call('updateUser', { user: name }, { body: { disabled: true } });
        toasts.tell(`${name} is disabled`);
        onDone();
      }}
      onClose={onClose}
    />
  );
}

export function DeleteUserDialog({ user: { name }, onDone, onClose }: Asked & { user: User }) {
  const { rest, toasts } = useApp();
  return (
    <ConfirmDialog
      title={`Delete ${name}?`}
      warning={
        <>
          All tokens of {name} are deleted along, for good; what they have open ends at once. Virtual machines
          and networks are of their project, and stay.
        </>
      }
      submit="Delete"
      onConfirm={async () => {
        await rest.call('deleteUser', { user: name });
        toasts.tell(`${name} is deleted`);
        onDone();
      }}
      onClose={onClose}
    />
  );
}
