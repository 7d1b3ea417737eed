import { useState } from 'react';
import type { Project } from '@v3vee/contracts';
import { useApp, useMay, useNow } from '../../app-context';
import { href } from '../../router';
import { ActionButton } from '../../ui/action-button';
import { DataTable } from '../../ui/data-table';
import { ErrorNote } from '../../ui/dialog';
import { MenuButton } from '../../ui/menu';
import { Panel } from '../../ui/panel';
import { useProjects, useUsers } from '../access/lists';
import { When } from '../access/when';
import type { ScreenProps } from '../screen';
import { NewProjectDialog } from './project-dialogs';
import { ProjectDetail } from './project-detail';
import { Quota, quotaKinds, titleOf, usedOf } from './quota';
import { useProjectActions } from './use-project-actions';

export function ProjectsScreen({ path: [name] }: ScreenProps) {
  return name === undefined ? <ProjectList /> : <ProjectDetail name={name} />;
}

/** Whose virtual machines and networks are, and how many of them may be. */
function ProjectList() {
  const { who } = useApp();
  const may = useMay();
  const now = useNow();
  const { value: projects, error, look } = useProjects();
  const users = useUsers().value;
  const [isCreating, setCreating] = useState(false);
  const usersOf = (project: Project) => users?.filter(each => each.project === project.name).length ?? 0;
  const own = who.get()?.project ?? null;
  return (
    <>
      <div className="screen-head">
        <h1>Projects</h1>
        <span className="muted">
          {own === null
            ? 'Whose virtual machines and networks are, and how many may be'
            : `You are of ${own}`}
        </span>
        <div className="row">
          <ActionButton
            label="New project…"
            needs="createProject"
            isPrimary
            onClick={() => setCreating(true)}
          />
        </div>
      </div>
      {error && <ErrorNote error={error} />}
      <Panel flush>
        <DataTable
          label="Projects"
          items={projects}
          keyOf={({ name }) => name}
          empty="There is none that you may see."
          columns={[
            {
              title: 'Name',
              by: each => each.name,
              cell: each => <a href={href('projects', each.name)}>{each.name}</a>,
            },
            ...quotaKinds.map(kind => ({
              title: titleOf(kind),
              by: (each: Project) => usedOf(kind, each),
              cell: (each: Project) => <Quota kind={kind} project={each} />,
            })),
            { title: 'Networks', isNumber: true, by: each => each.networks, cell: each => each.networks },
            ...(may('listUsers') ? [{ title: 'Users', isNumber: true, by: usersOf, cell: usersOf }] : []),
            {
              title: 'Created',
              by: each => Date.parse(each.createdAt),
              cell: each => <When at={each.createdAt} now={now} />,
            },
            {
              title: '_Actions',
              className: 'acts',
              cell: each => <ProjectMenu project={each} users={usersOf(each)} onDone={look} />,
            },
          ]}
        />
      </Panel>
      {isCreating && <NewProjectDialog onDone={look} onClose={() => setCreating(false)} />}
    </>
  );
}

function ProjectMenu({ project, users, onDone }: { project: Project; users: number; onDone: () => void }) {
  const { items, dialog } = useProjectActions(project, users, onDone);
  return (
    <>
      <MenuButton label={`Actions of project ${project.name}`} items={items} />
      {dialog}
    </>
  );
}
