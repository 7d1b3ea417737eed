import { Column, CreateDateColumn, Entity, PrimaryGeneratedColumn } from 'typeorm';

/** An overlay network. `vni` is its 24-bit number on the wire (VXLAN, RFC 7348 section 5). Writer: gateway. */
@Entity('network')
export class NetworkEntity {
  @PrimaryGeneratedColumn('uuid') id!: string;
  @Column('text') name!: string;
  @Column('text') project!: string;
  @Column('int') vni!: number;
  @Column('text', { nullable: true }) subnet!: string | null;
  /** Whether addresses of the subnet are lent to guests, and whether names of VMs are answered. */
  @Column('boolean') dhcp!: boolean;
  @Column('boolean') dns!: boolean;
  /** Came with a cluster file; only such a network is removed when a cluster file no longer names it. */
  @Column('boolean') managed!: boolean;
  @CreateDateColumn({ name: 'created_at', type: 'timestamptz', precision: 3 }) createdAt!: Date;
}
