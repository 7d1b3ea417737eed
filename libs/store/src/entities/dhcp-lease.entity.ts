import { Column, Entity, PrimaryColumn } from 'typeorm';

/** An address lent by DHCP. Writer: vnet. */
@Entity('dhcp_lease')
export class DhcpLeaseEntity {
  @PrimaryColumn('uuid', { name: 'network_id' }) networkId!: string;
  /** Of the client, lower case with colons. */
  @PrimaryColumn('text') mac!: string;
  /** IPv4, without a prefix length. */
  @Column('inet') address!: string;
  @Column('timestamptz', { name: 'expires_at' }) expiresAt!: Date;
}
