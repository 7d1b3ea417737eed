import type { Migration } from '@v3vee/contracts';
import type { VmMigrationEntity } from '@v3vee/store';

export function migrationView(row: VmMigrationEntity): Migration {
  const { id, vm, source, target, options, progress, operationId, createdAt, endedAt } = row;
  return {
    ...{ id, vm, source, target, ...progress, options, operation: operationId },
    createdAt: createdAt.toISOString(),
    endedAt: endedAt?.toISOString() ?? null,
  };
}
