import type { WifiPosition } from '@v3vee/contracts';
import { Column, CreateDateColumn, Entity, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import { NetworkEntity } from './network.entity';

/** A built-in access point. Writer: gateway. */
@Entity('access_point')
export class AccessPointEntity {
  @PrimaryColumn('text') name!: string;
  /** Lower case with colons. */
  @Column('text') bssid!: string;
  @Column('text') ssid!: string;
  /** Of WPA2-PSK; null: open. A secret: no client gets it. */
  @Column('text', { nullable: true }) passphrase!: string | null;
  @Column('int') channel!: number;
  /** Where it bridges into. */
  @Column('uuid', { name: 'network_id' }) networkId!: string;
  /** Metres; null: nowhere. */
  @Column('jsonb', { nullable: true }) position!: WifiPosition | null;
  /** dBm. */
  @Column('double precision', { name: 'tx_power' }) txPower!: number;
  /** TU of 1024 µs. */
  @Column('int', { name: 'beacon_interval' }) beaconInterval!: number;
  /** Beacons without the SSID. */
  @Column('boolean') hidden!: boolean;
  /** Came with a cluster file; only such a one is removed when a cluster file no longer names it. */
  @Column('boolean') managed!: boolean;
  @CreateDateColumn({ name: 'created_at', type: 'timestamptz', precision: 3 }) createdAt!: Date;
  @ManyToOne(() => NetworkEntity, { eager: true })
  @JoinColumn({ name: 'network_id' })
  network!: NetworkEntity;
}
