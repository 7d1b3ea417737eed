import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** A NIC or radio of a host, as declared in the cluster file. */
export interface PhysicalNicRecord {
  name: string;
  model: 'ne2000' | 'rtl8139';
  mac?: string;
}
export interface RadioRecord {
  name: string;
  channels?: number[];
}

/** A declared host. What it really has free is Kitten's to say, not the store's. Writer: gateway. */
@Entity('host')
export class HostEntity {
  @PrimaryColumn('text') name!: string;
  @Column('int', { name: 'memory_mib' }) memoryMiB!: number;
  @Column('int') cores!: number;
  @Column('jsonb') nics!: PhysicalNicRecord[];
  @Column('jsonb') radios!: RadioRecord[];
  @CreateDateColumn({ name: 'created_at', type: 'timestamptz', precision: 3 }) createdAt!: Date;
}
