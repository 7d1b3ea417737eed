import type { LabProgress, LabRunDetail, LabRunState } from '@v3vee/contracts';
import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** A run of a lab. Writer: gateway. */
@Entity('lab_run')
export class LabRunEntity {
  @PrimaryColumn('uuid') id!: string;
  @Column('text') lab!: string;
  /** Repetitions that were asked for; null: the lab's own. */
  @Column('int', { nullable: true }) runs!: number | null;
  @Column('text') state!: LabRunState;
  @Column('text') reason!: string;
  /** As it was told last. */
  @Column('jsonb', { nullable: true }) progress!: LabProgress | null;
  /** Its results; none before it has completed. */
  @Column('jsonb') rows!: LabRunDetail['rows'];
  /** Targets that hold, and that were missed. */
  @Column('int') holds!: number;
  @Column('int') missed!: number;
  @Column('text') actor!: string;
  @CreateDateColumn({ name: 'created_at', type: 'timestamptz', precision: 3 }) createdAt!: Date;
  @Column('timestamptz', { name: 'ended_at', nullable: true }) endedAt!: Date | null;
}
