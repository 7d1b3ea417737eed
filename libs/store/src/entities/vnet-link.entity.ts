import type { Impairment, LinkType } from '@v3vee/contracts';
import { Column, CreateDateColumn, Entity, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import { NetworkEntity } from './network.entity';

/** A link to a peer outside of the cluster. Writer: gateway. */
@Entity('vnet_link')
export class VnetLinkEntity {
  /** What `DEL` of the VNET language takes. Drawn before the row is written, since the name may need it. */
  @PrimaryColumn('int') index!: number;
  @Column('text') name!: string;
  @Column('text') type!: LinkType;
  @Column('text', { name: 'remote_address' }) remoteAddress!: string;
  @Column('int', { name: 'remote_port' }) remotePort!: number;
  @Column('text', { name: 'local_address' }) localAddress!: string;
  @Column('int', { name: 'local_port' }) localPort!: number;
  @Column('uuid', { name: 'network_id' }) networkId!: string;
  /** The number on the wire; null unless it is a VXLAN. */
  @Column('int', { name: 'wire_vni', nullable: true }) wireVni!: number | null;
  /** Largest IP packet, bytes. */
  @Column('int') mtu!: number;
  /** Whether it is wanted up. */
  @Column('boolean') up!: boolean;
  @Column('jsonb', { nullable: true }) impairment!: Impairment | null;
  /** Came with a cluster file; only such a link is removed when a cluster file no longer names it. */
  @Column('boolean') managed!: boolean;
  @CreateDateColumn({ name: 'created_at', type: 'timestamptz', precision: 3 }) createdAt!: Date;
  @ManyToOne(() => NetworkEntity, { eager: true })
  @JoinColumn({ name: 'network_id' })
  network!: NetworkEntity;
}
