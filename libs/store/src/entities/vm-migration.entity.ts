import type { MigrationOptions, MigrationProgress } from '@v3vee/contracts';
import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** A live migration. It outlives its VM, so it refers to nothing. Writer: gateway. */
@Entity('vm_migration')
export class VmMigrationEntity {
  @PrimaryColumn('uuid') id!: string;
  @Column('uuid', { name: 'vm_id' }) vmId!: string;
  /** The VM's name when it began. */
  @Column('text') vm!: string;
  /** The VM's when it began: at another one, its source can't have it in its hands any more. */
  @Column('int') epoch!: number;
  @Column('text') source!: string;
  @Column('text') target!: string;
  @Column('uuid', { name: 'operation_id' }) operationId!: string;
  @Column('jsonb') options!: MigrationOptions;
  /** As its source told it last. */
  @Column('jsonb') progress!: MigrationProgress;
  @CreateDateColumn({ name: 'created_at', type: 'timestamptz', precision: 3 }) createdAt!: Date;
  @Column('timestamptz', { name: 'ended_at', nullable: true }) endedAt!: Date | null;
}
