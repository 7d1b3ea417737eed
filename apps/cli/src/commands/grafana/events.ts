import type { Client } from '@v3vee/client';
import { isMigrationEnd, type Migration, type Operation } from '@v3vee/contracts';
import type { Annotation } from '@v3vee/dashboards';

/** What has ended and is worth a mark in a dashboard, the oldest first. */
export async function eventsOf(client: Client): Promise<Annotation[]> {
  const [migrations, operations] = await Promise.all([
    client.list('listMigrations', {}),
    client.list('listOperations', {}),
  ]);
  return [
    ...migrations.filter(({ phase, endedAt }) => isMigrationEnd(phase) && endedAt).map(ofMigration),
    ...operations.filter(({ verb, done, endedAt }) => verb === 'failover' && done && endedAt).map(ofFailover),
  ].sort((a, b) => a.to.getTime() - b.to.getTime());
}

function ofMigration({
  id,
  vm,
  source,
  target,
  phase,
  reason,
  downtimeMs,
  createdAt,
  endedAt,
}: Migration): Annotation {
  const moved = phase === 'COMPLETED';
  const stood = downtimeMs === null ? '' : `, stood still for ${Math.round(downtimeMs)} ms`;
  return {
    id: `migration:${id}`,
    tags: ['migration', `vm:${vm}`, phase.toLowerCase()],
    text: moved ? `${vm} moved from ${source} to ${target}${stood}` : `${vm} stays on ${source}: ${reason}`,
    from: new Date(createdAt),
    to: new Date(endedAt as string),
  };
}

function ofFailover({ id, target, progress, error, createdAt, endedAt }: Operation): Annotation {
  const vm = target.replace(/^vms\//, '');
  return {
    id: `failover:${id}`,
    tags: ['failover', `vm:${vm}`, error ? 'failed' : 'completed'],
    text: error ? `${vm} was not started elsewhere: ${error.detail}` : `fail-over of ${vm}: ${progress}`,
    from: new Date(createdAt),
    to: new Date(endedAt as string),
  };
}
