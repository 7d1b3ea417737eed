import type { EventKind } from '@v3vee/contracts';
import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A change of state, and why. Writers: triggers of what changes; for hosts that come and go the gateway. */
@Entity('event')
export class EventEntity {
  /** Its place in the log, a bigint. */
  @PrimaryColumn('bigint') id!: string;
  @Column({ type: 'timestamptz', precision: 3 }) at!: Date;
  @Column('text') kind!: EventKind;
  @Column('text') name!: string;
  @Column('text', { nullable: true }) vm!: string | null;
  /** Whose it is; null: of hosts everybody's, else of no project. */
  @Column('text', { nullable: true }) project!: string | null;
  @Column('text', { nullable: true }) before!: string | null;
  @Column('text') state!: string;
  @Column('text') reason!: string;
}
