import type { MigrationProgress } from '@v3vee/contracts';
import { Gauge, type Registry } from 'prom-client';

const PAGE = 4096;

/** The moves away from this host that are known: those under way, and the last of each VM for some minutes after. */
export interface KnownMigrations {
  leaving(): { vm: string; progress: MigrationProgress }[];
}

/** What Prometheus sees of guests' memory on its way to another host; names after KubeVirt's. */
export class MigrationMetrics {
  constructor(registry: Registry, migrations: KnownMigrations) {
    const gauge = (name: string, help: string, value: (progress: MigrationProgress) => number) =>
      new Gauge({
        name: `v3_vm_migration_${name}`,
        help: `${help}; while it is under way, and for ten minutes after`,
        labelNames: ['vm'],
        registers: [registry],
        collect() {
          this.reset();
          for (const { vm, progress } of migrations.leaving()) this.set({ vm }, value(progress));
        },
      });
    gauge('data_total_bytes', 'Memory of the guest', ({ memoryPages }) => memoryPages * PAGE);
    gauge('data_processed_bytes', 'Bytes sent, compressed', ({ bytesSent }) => bytesSent);
    gauge(
      'data_remaining_bytes',
      'Memory found changed when last looked',
      ({ pagesLeft }) => pagesLeft * PAGE,
    );
    gauge(
      'dirty_memory_rate_bytes',
      'Memory that the guest changed in a second, in the last round',
      ({ rounds }) => (rounds.at(-1)?.dirtyPagesPerSecond ?? 0) * PAGE,
    );
    gauge('rounds', 'Rounds of pre-copy', ({ rounds }) => rounds.length);
  }
}
