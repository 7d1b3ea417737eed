import { initialProgress, type MigrationProgress } from '@v3vee/contracts';
import { Registry } from 'prom-client';
import { MigrationMetrics } from './migration-metrics';

const createdAt = new Date('2025-01-01T00:00:00.000Z');
const at = (ms: number) => new Date(createdAt.getTime() + ms).toISOString();
const progress = (more: Partial<MigrationProgress>): MigrationProgress => ({
  ...initialProgress(64, ''),
  ...more,
});

it('counts what ended, when it entered its phases, and what is under way', async () => {
  const registry = new Registry();
  const metrics = new MigrationMetrics(registry);
  metrics.countBy(() => [{ createdAt, progress: progress({ phase: 'COPYING' }) }]);
  metrics.migrationEnded({
    createdAt,
    progress: progress({
      ...{ phase: 'COMPLETED', bytesSent: 1_000, downtimeMs: 30 },
      phases: [
        // Before the row was written, by some milliseconds.
        { phase: 'PREPARING', at: at(-3) },
        { phase: 'COPYING', at: at(200) },
        // A switch that was in doubt is entered twice: the first time counts.
        { phase: 'SWITCHING', at: at(900) },
        { phase: 'SWITCHING', at: at(4_000) },
        { phase: 'COMPLETED', at: at(4_100) },
      ],
    }),
  });
  metrics.migrationEnded({ createdAt, progress: progress({ phase: 'FAILED', bytesSent: 500 }) });
  const lines = new Set((await registry.metrics()).split('\n'));
  const name = 'v3_vm_migration_phase_transition_time_from_creation_seconds';
  for (const line of [
    'v3_vm_migrations{phase="COPYING"} 1',
    'v3_vm_migrations{phase="SWITCHING"} 0',
    'v3_vm_migrations_total{result="COMPLETED"} 1',
    'v3_vm_migrations_total{result="FAILED"} 1',
    'v3_vm_migrations_total{result="CANCELLED"} 0',
    'v3_vm_migration_sent_bytes_total 1500',
    'v3_vm_migration_downtime_seconds_count 1',
    'v3_vm_migration_downtime_seconds_sum 0.03',
    `${name}_sum{phase="SWITCHING"} 0.9`,
    `${name}_count{phase="SWITCHING"} 1`,
    `${name}_sum{phase="COMPLETED"} 4.1`,
  ])
    expect([line, lines.has(line)]).toEqual([line, true]);
});
