import type { Role, User } from '@v3vee/contracts';
import { roles } from 'virtual:contract';
import { useApp } from '../../app-context';
import { SelectField, TextField } from '../../forms/fields';
import { useForm, type Form } from '../../forms/use-form';
import { go } from '../../router';
import { ConfirmDialog } from '../../ui/confirm-dialog';
import { FormDialog } from '../../ui/dialog';
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
  const form = useForm({
    name: 'user',
    initial: { name: '', role: 'operator', project: given ?? '' },
    body: ({ name, role, project }) => ({ name, role, project: projectOf(role, project) }),
    codes: { USER_EXISTS: 'name', PROJECT_NOT_FOUND: 'project' },
  });
  const { role, project } = form.values;
  const create = async (body: object) => {
    const { name } = await rest.call('createUser', {}, { body: body as never });
    onDone();
    go('users', name);
  };
  return (
    <FormDialog
      title={given === undefined ? 'New user' : `New user of ${given}`}
      submit="Create"
      onSubmit={() => form.submit(create)}
      onClose={onClose}
    >
      <TextField
        form={form}
        name="name"
        label="Name"
        hint="Lower-case letters, digits and hyphens; it stays."
        autoFocus
      />
      <RoleField form={form} isConfined={given !== undefined} />
      <SelectField
        form={form}
        name="project"
        label="Project"
        disabled={given !== undefined || role === 'admin'}
        hint={
          role === 'admin'
            ? 'An admin is of no project.'
            : project === ''
              ? 'Has all projects, and hosts, cards and radios, too.'
              : 'Sees and touches this project alone; it stays.'
        }
      >
        {given === undefined && <option value="">none: the whole cluster</option>}
        {(given === undefined ? (projects ?? []) : [{ name: given }]).map(each => (
          <option key={each.name}>{each.name}</option>
        ))}
      </SelectField>
    </FormDialog>
  );
}

/** An admin is of none, whatever is chosen. */
const projectOf = (role: string, project: string): string | null =>
  role === 'admin' || project === '' ? null : project;

/** @param isConfined to a project: then it can't be an admin */
function RoleField<V extends { role: string }>({
  form,
  isConfined,
}: {
  form: Form<V & Record<string, string>>;
  isConfined: boolean;
}) {
  return (
    <SelectField form={form} name="role" label="Role" hint={roleHints[form.values.role as Role]}>
      {roles
        .filter(each => !isConfined || each !== 'admin')
        .map(each => (
          <option key={each}>{each}</option>
        ))}
    </SelectField>
  );
}

export function RoleDialog({ user, onDone, onClose }: Asked & { user: User }) {
  const { rest, toasts } = useApp();
  const form = useForm({
    name: 'userPatch',
    initial: { role: user.role as string },
    body: ({ role }) => ({ role }),
  });
  const change = async (body: object) => {
    const { role } = await rest.call('updateUser', { user: user.name }, { body });
    toasts.tell(`${user.name} is ${role} now`);
    onDone();
  };
  return (
    <FormDialog
      title={`Change the role of ${user.name}`}
      submit="Change"
      isReady={form.values.role !== user.role}
      onSubmit={() => form.submit(change)}
      onClose={onClose}
    >
      <RoleField form={form} isConfined={user.project !== null} />
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
