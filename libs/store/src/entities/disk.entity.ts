import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** A disk image, of which disks can be copies. Its layer does not change. Writer: gateway. */
@Entity('disk_image')
export class DiskImageEntity {
  @PrimaryColumn('text') name!: string;
  @Column('bigint', { transformer: { from: Number, to: String } }) bytes!: number;
  @Column('uuid') layer!: string;
  @CreateDateColumn({ name: 'created_at', type: 'timestamptz', precision: 3 }) createdAt!: Date;
}

/** What is on a VM's disk. Writer: the Palacios of the owner host. */
@Entity('disk_state')
export class DiskStateEntity {
  @PrimaryColumn('uuid', { name: 'disk_id' }) diskId!: string;
  /** Of the VM when it was written. */
  @Column('int') epoch!: number;
  /** Whether whoever wrote the top layer has closed it: else it may still be written. */
  @Column('boolean') sealed!: boolean;
  /** From the top downwards. */
  @Column('jsonb') layers!: string[];
}
