import type { DmmPolicyPatch } from '@v3vee/contracts';
import { Column, Entity, PrimaryColumn } from 'typeorm';

/** How a physical card is shared, where that was changed. Writer: gateway. */
@Entity('dmm_policy')
export class DmmPolicyEntity {
  /** `alpha/eth0` */
  @PrimaryColumn('text') device!: string;
  /** What was set of it; the rest is as by default. */
  @Column('jsonb') policy!: DmmPolicyPatch;
}
