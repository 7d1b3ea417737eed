import { useState } from 'react';
import type { Project, User } from '@v3vee/contracts';
import { usePolled, type Polled } from '../../api/use-polled';
import { useApp, useMay, useOverview, useWhyRefused } from '../../app-context';
import { go, href } from '../../router';
import { ActionButton } from '../../ui/action-button';
import { DataTable } from '../../ui/data-table';
import { ErrorNote } from '../../ui/dialog';
import { MenuButton } from '../../ui/menu';
import { Panel } from '../../ui/panel';
import { useUsers } from '../access/lists';
import type { ScreenProps } from '../screen';
import { NewUserDialog } from '../users/user-dialogs';
import { UserTable } from '../users/user-table';
import { VmTable } from '../vms/vm-table';
import { QuotasDialog } from './project-dialogs';
import { Quota, quotaKinds, titleOf } from './quota';
import { useProjectActions } from './use-project-actions';

const PERIOD_MS = 2_000;

/** A project: its quotas, who is in it, and what it has. */
export function ProjectDetail({ name }: { name: ScreenProps['path'][number] }) {
  const { rest } = useApp();
  const {
    value: project,
    error,
    look,
  } = usePolled(`project/${name}`, PERIOD_MS, signal =>
    rest.call('getProject', { project: name }, { signal }),
  );
  const users = useUsers();
  const members = users.value?.filter(each => each.project === name);
  return (
    <>
      <div className="screen-head">
        <a className="crumb" href={href('projects')}>
          Projects
        </a>
        <h1>{name}</h1>
        {project && !error && <Head project={project} users={members?.length ?? 0} onDone={look} />}
      </div>
      {error && <ErrorNote error={error} />}
      {!error &&
        (project ? (
          <div className="stack">
            <Quotas project={project} onDone={look} />
            <Members name={name} users={users} />
            <Things name={name} />
          </div>
        ) : (
          <p className="empty">Loading…</p>
        ))}
    </>
  );
}

function Head({ project, users, onDone }: { project: Project; users: number; onDone: () => void }) {
  const { items, dialog } = useProjectActions(project, users, onDone, () => go('projects'));
  return (
    <>
      <div className="row">
        <MenuButton label={`Actions of project ${project.name}`} items={items} />
      </div>
      {dialog}
    </>
  );
}

function Quotas({ project, onDone }: { project: Project; onDone: () => void }) {
  const [isChanging, setChanging] = useState(false);
  return (
    <Panel
      title="Quotas"
      flush
      actions={
        <ActionButton
          label="Change quotas…"
          needs="updateProject"
          icon="edit"
          onClick={() => setChanging(true)}
        />
      }
    >
      <dl className="stats quotas">
        {quotaKinds.map(kind => (
          <div key={kind}>
            <dt>{titleOf(kind)}</dt>
            <dd>
              <Quota kind={kind} project={project} />
            </dd>
          </div>
        ))}
      </dl>
      {isChanging && <QuotasDialog project={project} onDone={onDone} onClose={() => setChanging(false)} />}
    </Panel>
  );
}

function Members({ name, users: { value, error, look } }: { name: string; users: Polled<User[]> }) {
  const refusal = useWhyRefused()('listUsers');
  const [isAdding, setAdding] = useState(false);
  const users = value?.filter(each => each.project === name);
  return (
    <Panel
      title="Members"
      flush
      actions={<ActionButton label="New user…" needs="createUser" onClick={() => setAdding(true)} />}
    >
      {error && <ErrorNote error={error} />}
      {refusal !== undefined ? (
        <p className="empty">Who else is in it is for admins to see. {refusal}.</p>
      ) : (
        <UserTable
          label={`Members of ${name}`}
          users={users}
          isOfProject
          onDone={look}
          empty="Nobody is confined to it. Users without a project have it, too."
        />
      )}
      {isAdding && <NewUserDialog project={name} onDone={look} onClose={() => setAdding(false)} />}
    </Panel>
  );
}

function Things({ name }: { name: string }) {
  const { known } = useOverview(['vms', 'networks']);
  const may = useMay();
  return (
    <>
      <Panel title="Virtual machines" flush>
        <VmTable
          label={`Virtual machines of ${name}`}
          vms={known.vms?.filter(({ project }) => project === name)}
        />
      </Panel>
      <Panel title="Networks" flush>
        <DataTable
          label={`Networks of ${name}`}
          items={known.networks?.filter(({ project }) => project === name)}
          keyOf={({ id }) => id}
          empty={may('createNetwork') ? 'It has none yet.' : 'It has none.'}
          columns={[
            {
              title: 'Name',
              by: each => each.name,
              cell: each => <a href={href('networks')}>{each.name}</a>,
            },
            { title: 'Subnet', cell: each => <span className="mono">{each.subnet ?? '–'}</span> },
            { title: 'NICs', isNumber: true, by: each => each.nics, cell: each => each.nics },
          ]}
        />
      </Panel>
    </>
  );
}
