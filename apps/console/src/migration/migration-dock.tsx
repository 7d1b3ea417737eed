import { useSyncExternalStore } from 'react';
import { useApp, useNow } from '../app-context';
import { Icon } from '../ui/icon';
import { StateBadge } from '../ui/state-badge';
import { MigrationProgressView } from './migration-card';
import { isCancellable } from './phases';
import './migration.css';

/** Migrations that were begun here, on top of every screen. */
export function MigrationDock() {
  const { migrations, rest, toasts } = useApp();
  const list = useSyncExternalStore(migrations.subscribe, migrations.get);
  const now = useNow();
  if (list.length === 0) return null;
  return (
    <aside className="migration-dock" aria-label="Migrations">
      {list.map(migration => {
        const { id, vm, source, target, phase, reason } = migration;
        return (
          <section key={id} className="migration" aria-label={`Migration of ${vm}`} data-phase={phase}>
            <header>
              <strong>{vm}</strong>
              <span className="muted">
                {source} → {target}
              </span>
              <StateBadge state={phase} />
              {migration.endedAt !== null ? (
                <button
                  type="button"
                  className="button quiet icon-only"
                  aria-label={`Put the migration of ${vm} away`}
                  onClick={() => migrations.dismiss(id)}
                >
                  <Icon name="close" />
                </button>
              ) : (
                <button
                  type="button"
                  className="button"
                  disabled={!isCancellable(phase)}
                  onClick={() => {
                    rest
                      .call('cancelMigration', { migration: id })
                      .catch((thrown: unknown) => toasts.fail(`Cancel the migration of ${vm}`, thrown));
                  }}
                >
                  Cancel
                </button>
              )}
            </header>
            <MigrationProgressView migration={migration} now={now} />
            <p className={phase === 'FAILED' ? 'bad' : 'muted'} role="status">
              {reason}
            </p>
          </section>
        );
      })}
    </aside>
  );
}
