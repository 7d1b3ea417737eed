import type { Problem } from '@v3vee/contracts';
import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** Something that takes long (AIP-151). Writer: gateway. */
@Entity('operation')
export class OperationEntity {
  @PrimaryColumn('uuid') id!: string;
  @Column('text') verb!: string;
  /** For example `vms/a1`. */
  @Column('text') target!: string;
  @Column('boolean') done!: boolean;
  @Column('text') progress!: string;
  /** How far it is as data; null: its verb does not tell that. */
  @Column('jsonb', { nullable: true }) metadata!: object | null;
  @Column('jsonb', { nullable: true }) error!: Problem | null;
  @Column('jsonb', { nullable: true }) response!: object | null;
  @CreateDateColumn({ name: 'created_at', type: 'timestamptz', precision: 3 }) createdAt!: Date;
  @Column('timestamptz', { name: 'ended_at', nullable: true }) endedAt!: Date | null;
  /** Who asked: the name of the token that was used. */
  @Column('text') actor!: string;
  /** Of the VM that it is about; null: of the cluster. */
  @Column('text', { nullable: true }) project!: string | null;
}

/** What an unfinished operation holds for itself alone, for example `vms/<id>` or `cluster`. Writer: gateway. */
@Entity('operation_lock')
export class OperationLockEntity {
  @PrimaryColumn('text') resource!: string;
  @Column('uuid', { name: 'operation_id' }) operationId!: string;
}
