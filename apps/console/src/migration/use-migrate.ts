import type { BodyOf } from '@v3vee/contracts';
import { useApp } from '../app-context';

/** Begins a migration, which the dock then shows. */
export function useMigrate() {
  const { rest, migrations, store, toasts } = useApp();
  /** @throws ApiError where it can't begin */
  return async (vm: string, body: BodyOf<'migrateVm'>): Promise<void> => {
    // The migration has the operation's id.
    const { id } = await rest.call('migrateVm', { vm }, { body });
    store.refresh();
    void migrations
      .follow(id)
      .catch((thrown: unknown) => toasts.fail(`Migration of ${vm}`, thrown))
      .finally(() => store.refresh());
  };
}
