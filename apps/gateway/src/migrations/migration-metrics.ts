import { Injectable } from '@nestjs/common';
import { isMigrationEnd, migrationPhases, type MigrationPhase } from '@v3vee/contracts';
import type { VmMigrationEntity } from '@v3vee/store';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

type Row = Pick<VmMigrationEntity, 'progress' | 'createdAt'>;

/** What Prometheus sees of migrations as a whole; names after KubeVirt's. Their hosts tell how one goes. */
@Injectable()
export class MigrationMetrics {
  private readonly ended: Counter<'result'>;
  private readonly transitions: Histogram<'phase'>;
  private readonly downtime: Histogram;
  private readonly sent: Counter;
  private readonly rounds: Histogram;
  private underWay: () => Iterable<Row> = () => [];

  constructor(registry: Registry) {
    const registers = [registry];
    this.ended = new Counter({
      name: 'v3_vm_migrations_total',
      help: 'Ended migrations by result',
      labelNames: ['result'],
      registers,
    });
    for (const phase of migrationPhases) if (isMigrationEnd(phase)) this.ended.inc({ result: phase }, 0);
    this.transitions = new Histogram({
      name: 'v3_vm_migration_phase_transition_time_from_creation_seconds',
      help: 'From the creation of a migration until it entered a phase',
      labelNames: ['phase'],
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
      registers,
    });
    // From nought, so that the first time is seen to be one more.
    for (const phase of migrationPhases) this.transitions.zero({ phase });
    this.downtime = new Histogram({
      name: 'v3_vm_migration_downtime_seconds',
      help: 'From a guest’s last instruction on its old host to its first on the new one',
      buckets: [0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.2, 0.5, 1, 5, 30],
      registers,
    });
    this.rounds = new Histogram({
      name: 'v3_vm_migration_precopy_rounds',
      help: 'Rounds of pre-copy of completed migrations',
      buckets: [0, 1, 2, 4, 8, 16, 32],
      registers,
    });
    this.sent = new Counter({
      name: 'v3_vm_migration_sent_bytes_total',
      help: 'Bytes that ended migrations sent, compressed',
      registers,
    });
    const rows = () => this.underWay();
    new Gauge({
      name: 'v3_vm_migrations',
      help: 'Migrations under way by phase',
      labelNames: ['phase'],
      registers,
      collect() {
        for (const phase of migrationPhases) if (!isMigrationEnd(phase)) this.set({ phase }, 0);
        for (const { progress } of rows())
          if (!isMigrationEnd(progress.phase)) this.inc({ phase: progress.phase });
      },
    });
  }

  /** Asked at each scrape. */
  countBy(underWay: () => Iterable<Row>): void {
    this.underWay = underWay;
  }

  migrationEnded({ progress, createdAt }: Row): void {
    const { phase, phases, bytesSent, downtimeMs, rounds } = progress;
    this.ended.inc({ result: phase });
    this.sent.inc(bytesSent);
    const first = new Map<MigrationPhase, number>();
    for (const { phase: entered, at } of phases) if (!first.has(entered)) first.set(entered, Date.parse(at));
    // Hosts and gateway read the same clock, but a phase may have been entered before the row was written.
    for (const [entered, at] of first)
      this.transitions.observe({ phase: entered }, Math.max(0, (at - createdAt.getTime()) / 1e3));
    if (downtimeMs !== null) this.downtime.observe(downtimeMs / 1e3);
    if (phase === 'COMPLETED') this.rounds.observe(rounds.length);
  }
}
