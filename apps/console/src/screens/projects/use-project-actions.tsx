import { useState, type ReactNode } from 'react';
import type { Project } from '@v3vee/contracts';
import { defaultProject } from 'virtual:contract';
import type { MenuItem } from '../../ui/menu';
import { NewUserDialog } from '../users/user-dialogs';
import { DeleteProjectDialog, QuotasDialog } from './project-dialogs';

/** Why a project can't be deleted, as far as it can be told before. @param users of it, that are known */
function whyKept({ name, vms, networks, snapshotBytes }: Project, users: number): string | undefined {
  if (name === defaultProject) return 'It stays: all is of it that nobody puts elsewhere';
  if (vms + networks > 0 || snapshotBytes > 0) return 'It still has virtual machines, networks or snapshots';
  return users > 0 ? 'It still has users; delete them first' : undefined;
}

/** What can be done with a project. @param onGone it is there no more */
export function useProjectActions(
  project: Project,
  users: number,
  onDone: () => void,
  onGone = onDone,
): { items: (MenuItem | 'line')[]; dialog: ReactNode } {
  const [dialog, setDialog] = useState<ReactNode>(null);
  const common = { project, onDone, onClose: () => setDialog(null) };
  const why = whyKept(project, users);
  return {
    items: [
      {
        label: 'Change quotas…',
        icon: 'edit',
        run: () => setDialog(<QuotasDialog {...common} />),
        needs: 'updateProject',
      },
      {
        label: 'New user in it…',
        icon: 'user',
        run: () => setDialog(<NewUserDialog {...common} project={project.name} />),
        needs: 'createUser',
      },
      'line',
      {
        label: 'Delete…',
        icon: 'trash',
        run:
          why === undefined
            ? () => setDialog(<DeleteProjectDialog {...common} onDone={onGone} />)
            : undefined,
        why,
        isDangerous: true,
        needs: 'deleteProject',
      },
    ],
    dialog,
  };
}
