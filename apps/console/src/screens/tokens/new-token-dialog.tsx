import type { NewToken } from '@v3vee/contracts';
import { useApp } from '../../app-context';
import { SelectField } from '../../forms/fields';
import { textOf } from '../../forms/form-model';
import { useForm } from '../../forms/use-form';
import { FormDialog } from '../../ui/dialog';
import { useProjects, useUsers } from '../access/lists';
import { DEFAULT_LIFETIME, lifetimes } from './lifetimes';

/** @param user whose it is to be, where that is known already */
export function NewTokenDialog({
  user: given,
  onMade,
  onClose,
}: {
  user: string | undefined;
  onMade: (token: NewToken) => void;
  onClose: () => void;
}) {
  const { rest } = useApp();
  const { value: users } = useUsers();
  const { value: projects } = useProjects();
  const known = (user: string) => users?.find(({ name }) => name === user);
  const ownOf = (user: string) => known(user)?.project ?? null;
  const form = useForm({
    name: 'token',
    initial: { user: given ?? '', expiresIn: DEFAULT_LIFETIME as string, project: '' },
    body: ({ user, expiresIn, project }) => ({
      user,
      expiresIn: textOf(expiresIn),
      // A user's own project stays the user's.
      project: ownOf(user) === null ? textOf(project) : undefined,
    }),
    codes: { USER_NOT_FOUND: 'user', PROJECT_NOT_FOUND: 'project' },
  });
  const { user, expiresIn, project } = form.values;
  const own = ownOf(user);
  // Until it is known whose the token is, no project is offered.
  const isFixed = own !== null || (user !== '' && known(user) === undefined);
  const create = async (body: object) => onMade(await rest.call('createToken', {}, { body: body as never }));
  return (
    <FormDialog
      title={given === undefined ? 'New token' : `New token for ${given}`}
      submit="Create"
      isReady={user !== ''}
      onSubmit={() => form.submit(create)}
      onClose={onClose}
    >
      <SelectField
        form={form}
        name="user"
        label="User"
        hint="Whoever has the token is this user."
        disabled={given !== undefined}
        autoFocus={given === undefined}
      >
        {given === undefined ? (
          <option value="">{users?.length === 0 ? 'there is no user yet' : 'choose one'}</option>
        ) : (
          <option>{given}</option>
        )}
        {given === undefined &&
          users?.map(({ name, disabled }) => (
            <option key={name} value={name} disabled={disabled}>
              {name}
              {disabled && ' (disabled)'}
            </option>
          ))}
      </SelectField>
      <SelectField
        form={form}
        name="expiresIn"
        label="Good for"
        autoFocus={given !== undefined}
        hint={
          expiresIn === ''
            ? 'One that is lost or stolen is good for ever, unless somebody notices.'
            : undefined
        }
      >
        {lifetimes.map(([text, value]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </SelectField>
      <SelectField
        form={form}
        name="project"
        label="Confined to project"
        disabled={isFixed}
        hint={
          own !== null
            ? `${user} is of this project, and so are all its tokens.`
            : known(user)?.role === 'admin' && project !== ''
              ? 'There, an admin is an operator.'
              : undefined
        }
      >
        <option value="">{own ?? 'none: what its user has'}</option>
        {!isFixed && projects?.map(({ name }) => <option key={name}>{name}</option>)}
      </SelectField>
    </FormDialog>
  );
}
