import { Column, CreateDateColumn, Entity, JoinColumn, ManyToOne, PrimaryGeneratedColumn } from 'typeorm';
import { NetworkEntity } from './network.entity';

/** A route that a user added. A NIC is named by its address, so a route outlives it and holds again with it. Writer: gateway. */
@Entity('vnet_route')
export class VnetRouteEntity {
  /** What `DEL` of the VNET language takes. */
  @PrimaryGeneratedColumn() index!: number;
  @Column('uuid', { name: 'network_id' }) networkId!: string;
  @Column('text') source!: string;
  @Column('text') destination!: string;
  @Column('text', { name: 'to_type' }) toType!: 'interface' | 'edge';
  @Column('text', { name: 'to_mac', nullable: true }) toMac!: string | null;
  @Column('int', { name: 'to_link', nullable: true }) toLink!: number | null;
  @Column('text', { name: 'from_type' }) fromType!: 'interface' | 'edge' | 'any';
  @Column('text', { name: 'from_mac', nullable: true }) fromMac!: string | null;
  @Column('int', { name: 'from_link', nullable: true }) fromLink!: number | null;
  /** Came with a cluster file; only such a route is removed when a cluster file no longer has it. */
  @Column('boolean') managed!: boolean;
  @CreateDateColumn({ name: 'created_at', type: 'timestamptz', precision: 3 }) createdAt!: Date;
  @ManyToOne(() => NetworkEntity, { eager: true })
  @JoinColumn({ name: 'network_id' })
  network!: NetworkEntity;
}
