/** Live migration's part of the REST table. */
import { z } from 'zod';
import { migration, migrationBlocker, migrationOptions } from './migration';
import { resourceName } from './quantities';
import { list, operation } from './resources';
import { endpoint, page, repeatable } from './rest-endpoint';

export const migrationRequest = migrationOptions.extend({ host: resourceName.describe('where it is to go') });
export type MigrationRequest = z.infer<typeof migrationRequest>;

export const migrationCheck = z.object({
  blockers: z.array(migrationBlocker).describe('all that keeps it from beginning; none: it can'),
});
export type MigrationCheck = z.infer<typeof migrationCheck>;

export const migrationEndpoints = {
  migrateVm: endpoint({
    method: 'POST',
    path: '/vms/{vm}:migrate',
    summary: 'Move it to another host while it runs; the migration has the operation’s id',
    tag: 'migrations',
    access: ['operator', 'vm'],
    query: repeatable,
    body: migrationRequest,
    response: operation,
    status: 202,
    errors: [
      'VM_NOT_FOUND',
      'VM_WRONG_STATE',
      'VM_BUSY',
      'HOST_NOT_FOUND',
      'HOST_NOT_READY',
      'HOST_CORDONED',
      'HOST_MEMORY_EXHAUSTED',
      'HOST_CORES_EXHAUSTED',
      'IMAGE_NOT_FOUND',
      'DEVICE_MISMATCH',
      'DEVICE_IN_USE',
      'MIGRATION_BLOCKED',
      'REQUEST_ID_REUSED',
    ],
  }),
  checkMigration: endpoint({
    method: 'POST',
    path: '/vms/{vm}:checkMigration',
    summary: 'Say what keeps a migration from beginning, and begin none',
    tag: 'migrations',
    access: ['viewer', 'vm'],
    body: migrationRequest,
    response: migrationCheck,
    status: 200,
    errors: ['VM_NOT_FOUND'],
  }),
  listMigrations: endpoint({
    method: 'GET',
    path: '/migrations',
    summary: 'List migrations, newest first',
    tag: 'migrations',
    access: ['viewer', 'migration'],
    query: page.extend({ vm: z.string().optional().describe('id or name') }),
    response: list(migration),
    status: 200,
    errors: ['PAGE_TOKEN_INVALID'],
  }),
  getMigration: endpoint({
    method: 'GET',
    path: '/migrations/{migration}',
    summary: 'Show a migration: phases, rounds, what is left',
    tag: 'migrations',
    access: ['viewer', 'migration'],
    response: migration,
    status: 200,
    errors: ['MIGRATION_NOT_FOUND'],
  }),
  cancelMigration: endpoint({
    method: 'POST',
    path: '/migrations/{migration}:cancel',
    summary: 'Abandon it; answered when the VM goes on where it was',
    tag: 'migrations',
    access: ['operator', 'migration'],
    query: repeatable,
    body: z.strictObject({}).optional(),
    response: migration,
    status: 200,
    errors: ['MIGRATION_NOT_FOUND', 'MIGRATION_TOO_LATE', 'HOST_NOT_READY', 'REQUEST_ID_REUSED'],
  }),
} as const;

/**
 * `GET` streams a migration as JSON lines (application/x-ndjson): the whole resource at each change, first as it is now;
 * it ends after the line that has `endedAt`.
 */
export const MIGRATION_WATCH_PATH = '/v1/migrations/{migration}:watch';
export const migrationWatchPath = (migration: string): string =>
  MIGRATION_WATCH_PATH.replace('{migration}', encodeURIComponent(migration));
