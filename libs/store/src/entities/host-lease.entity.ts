import { Column, Entity, PrimaryColumn } from 'typeorm';

/**
 * Until when a host may run its VMs, by the database's clock. One that ended in order has no row; one whose row has
 * expired is lost, or cut off. Writer: the Palacios of that host.
 */
@Entity('host_lease')
export class HostLeaseEntity {
  @PrimaryColumn('text') host!: string;
  /** Of the Palacios that holds it. */
  @Column('uuid') incarnation!: string;
  /** Which process that is, see `Holder` of Palacios: so that its successor can know that it is dead. */
  @Column('text') holder!: string;
  @Column('timestamptz', { name: 'expires_at' }) expiresAt!: Date;
}
