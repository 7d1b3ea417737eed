import { useState } from 'react';
import type { NewToken } from '@v3vee/contracts';
import { useApp } from '../../app-context';
import { FormDialog } from '../../ui/dialog';
import { Field, useFieldErrors } from '../../ui/field';
import { useProjects, useUsers } from '../access/lists';
import { DEFAULT_LIFETIME, lifetimes } from './lifetimes';

const fields = ['expiresIn', 'project'];

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
  const errors = useFieldErrors(given === undefined ? ['user', ...fields] : fields, {
    USER_NOT_FOUND: 'user',
    PROJECT_NOT_FOUND: 'project',
  });
  const [chosen, setChosen] = useState('');
  const [lifetime, setLifetime] = useState<string>(DEFAULT_LIFETIME);
  const [project, setProject] = useState('');
  const user = given ?? chosen;
  const known = users?.find(({ name }) => name === user);
  const own = known?.project ?? null;
  const create = async () => {
    const confined = own === null && project !== '' ? { project } : {};
    const expiry = lifetime === '' ? {} : { expiresIn: lifetime };
    onMade(await rest.call('createToken', {}, { body: { user, ...confined, ...expiry } }));
  };
  return (
    <FormDialog
      title={given === undefined ? 'New token' : `New token for ${given}`}
      submit="Create"
      isReady={user !== ''}
      onSubmit={() => errors.keep(create)}
      onClose={onClose}
    >
      {given === undefined && (
        <Field label="User" hint="Whoever has the token is this user." error={errors.at('user')}>
          {control => (
            <select
              {...control}
              required
              autoFocus
              value={chosen}
              onChange={event => setChosen(event.target.value)}
            >
              <option value="">{users?.length === 0 ? 'there is no user yet' : 'choose one'}</option>
              {users?.map(({ name, disabled }) => (
                <option key={name} value={name} disabled={disabled}>
                  {name}
                  {disabled && ' (disabled)'}
                </option>
              ))}
            </select>
          )}
        </Field>
      )}
      <Field
        label="Good for"
        hint={
          lifetime === ''
            ? 'One that is lost or stolen is good for ever, unless somebody notices.'
            : undefined
        }
        error={errors.at('expiresIn')}
      >
        {control => (
          <select
            {...control}
            autoFocus={given !== undefined}
            value={lifetime}
            onChange={event => setLifetime(event.target.value)}
          >
            {lifetimes.map(([text, value]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field
        label="Confined to project"
        hint={
          own !== null
            ? `${user} is of this project, and so are all its tokens.`
            : known?.role === 'admin' && project !== ''
              ? 'There, an admin is an operator.'
              : undefined
        }
        error={errors.at('project')}
      >
        {control => (
          <select
            {...control}
            disabled={own !== null}
            value={own ?? project}
            onChange={event => setProject(event.target.value)}
          >
            {own === null && <option value="">none: what its user has</option>}
            {(own === null ? (projects ?? []) : [{ name: own }]).map(({ name }) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        )}
      </Field>
    </FormDialog>
  );
}
