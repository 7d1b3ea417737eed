import type { Direction } from '@v3vee/contracts';
import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A denied DMA. It outlives its VM, so it refers to nothing. Writer: dmm. */
@Entity('dmm_violation')
export class DmmViolationEntity {
  @PrimaryColumn('uuid') id!: string;
  /** `alpha/eth0` */
  @Column('text') device!: string;
  @Column('uuid', { name: 'vm_id' }) vmId!: string;
  /** The VM's name when it was written. */
  @Column('text') vm!: string;
  @Column('text') register!: string;
  @Column('text') direction!: Direction;
  /** Physical, as the guest sees it, bytes. Floating point: a card may be given 64 bits. */
  @Column('double precision') address!: number;
  @Column('double precision') length!: number;
  @Column('text') action!: 'deny' | 'stop';
  @Column('timestamptz') at!: Date;
}
