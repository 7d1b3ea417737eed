import type { PhysicalNic, Radio } from '@v3vee/contracts';
import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** A declared host. What it really has free is Kitten's to say, not the store's. Writer: gateway. */
@Entity('host')
export class HostEntity {
  @PrimaryColumn('text') name!: string;
  @Column('int', { name: 'memory_mib' }) memoryMiB!: number;
  @Column('int') cores!: number;
  @Column('jsonb') nics!: PhysicalNic[];
  @Column('jsonb') radios!: Radio[];
  /** Gets no further VMs; those that it has run on. */
  @Column('boolean', { default: false }) cordoned!: boolean;
  @CreateDateColumn({ name: 'created_at', type: 'timestamptz', precision: 3 }) createdAt!: Date;
}
