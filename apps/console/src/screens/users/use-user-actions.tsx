import { useState, type ReactNode } from 'react';
import type { User } from '@v3vee/contracts';
import { useApp } from '../../app-context';
import type { MenuItem } from '../../ui/menu';
import { useTokenMaking } from '../tokens/use-token-making';
import { DeleteUserDialog, DisableDialog, RoleDialog } from './user-dialogs';

/** What can be done with a user. @param onGone it is there no more */
export function useUserActions(
  user: User,
  onDone: () => void,
  onGone = onDone,
): { items: (MenuItem | 'line')[]; dialog: ReactNode } {
  const { rest, toasts, who } = useApp();
  const [dialog, setDialog] = useState<ReactNode>(null);
  const token = useTokenMaking(onDone);
  const close = () => setDialog(null);
  // The gateway refuses it too; here it is said before.
  const isSelf = who.get()?.user === user.name;
  const unlessSelf = (dialog: ReactNode) => (isSelf ? undefined : () => setDialog(dialog));
  const why = 'That is you: another admin has to';
  const common = { user, onDone, onClose: close };
  const enable = () =>
    void toasts
      .follow(`Enable ${user.name}`, () =>
        rest.call('updateUser', { user: user.name }, { body: { disabled: false } }),
      )
      .finally(onDone);
  return {
    items: [
      {
        label: 'New token…',
        icon: 'token',
        run: user.disabled ? undefined : () => token.begin(user.name),
        why: 'The user is disabled: no token would let it in',
        needs: 'createToken',
      },
      {
        label: 'Change role…',
        icon: 'edit',
        run: unlessSelf(<RoleDialog {...common} />),
        why,
        needs: 'updateUser',
      },
      user.disabled
        ? { label: 'Enable', icon: 'check', run: enable, needs: 'updateUser' }
        : {
            label: 'Disable…',
            icon: 'cordon',
            run: unlessSelf(<DisableDialog {...common} />),
            why,
            needs: 'updateUser',
          },
      'line',
      {
        label: 'Delete…',
        icon: 'trash',
        run: unlessSelf(<DeleteUserDialog {...common} onDone={onGone} />),
        why,
        isDangerous: true,
        needs: 'deleteUser',
      },
    ],
    dialog: (
      <>
        {dialog}
        {token.dialog}
      </>
    ),
  };
}
