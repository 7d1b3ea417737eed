import type {
  CardAccess,
  DeviceSpec,
  FailoverPolicy,
  NicSettingsPatch,
  YieldSettings,
} from '@v3vee/contracts';
import { Column, CreateDateColumn, Entity, PrimaryColumn, UpdateDateColumn } from 'typeorm';

/** A VM's definition. Writer: gateway. What it does right now is `VmStatusEntity`, which Palacios writes. */
@Entity('vm')
export class VmEntity {
  @PrimaryColumn('uuid') id!: string;
  @Column('text') name!: string;
  @Column('text') project!: string;
  /** Where it is declared to run. */
  @Column('text') host!: string;
  @Column('int', { name: 'memory_mib' }) memoryMiB!: number;
  @Column('text') image!: string;
  @Column('boolean') autostart!: boolean;
  @Column('text') boot!: 'template' | 'cold';
  /** The one host that may run it now; changes together with `epoch`. */
  @Column('text', { name: 'owner_host' }) ownerHost!: string;
  /** Grows with each change of the owner; whatever carries an older one is stale. */
  @Column('int') epoch!: number;
  /** What becomes of it when its host is lost. */
  @Column('text', { default: 'none' }) failover!: FailoverPolicy;
  /** Seconds between two checkpoints; null but for that policy. */
  @Column('int', { name: 'checkpoint_every', nullable: true }) checkpointEvery!: number | null;
  /** When its core gives way to others; what was not set is as by default. */
  @Column('jsonb', { default: {} }) yield!: Partial<YieldSettings>;
  /** Beyond its NICs, in order. */
  @Column('jsonb', { default: [] }) devices!: DeviceSpec[];
  /** Came with a cluster file; only such a VM is removed when a cluster file no longer names it. */
  @Column('boolean') managed!: boolean;
  @CreateDateColumn({ name: 'created_at', type: 'timestamptz', precision: 3 }) createdAt!: Date;
  @UpdateDateColumn({ name: 'updated_at', type: 'timestamptz', precision: 3 }) updatedAt!: Date;
}

/** A VM's NIC. In a table of its own so that the database itself keeps MACs and addresses unique. */
@Entity('nic')
export class NicEntity {
  @PrimaryColumn('uuid', { name: 'vm_id' }) vmId!: string;
  @PrimaryColumn('smallint') index!: number;
  @Column('uuid', { name: 'network_id' }) networkId!: string;
  @Column('text') mac!: string;
  /** With its prefix length, `10.10.0.11/24`. */
  @Column('text', { nullable: true }) ip!: string | null;
  /** What was set of it; the rest is as by default. */
  @Column('jsonb', { default: {} }) settings!: NicSettingsPatch;
  /** A physical NIC of the owner host, by name; null: a virtio NIC. */
  @Column('text', { nullable: true }) device!: string | null;
  @Column('text', { nullable: true }) access!: CardAccess | null;
}

/** A VM's Wi-Fi NIC. In a table of its own so that the database itself keeps MACs unique. Writer: gateway. */
@Entity('wifi_nic')
export class WifiNicEntity {
  @PrimaryColumn('uuid', { name: 'vm_id' }) vmId!: string;
  @PrimaryColumn('smallint') index!: number;
  /** A radio of the owner host, by name. */
  @Column('text') radio!: string;
  /** That the guest joins; null: it is left to do as it likes. */
  @Column('text', { nullable: true }) ssid!: string | null;
  /** Of WPA2-PSK; null: open. A secret: no client gets it. */
  @Column('text', { nullable: true }) passphrase!: string | null;
  @Column('text') mac!: string;
  /** With its prefix length, `10.10.0.11/24`. */
  @Column('text', { nullable: true }) ip!: string | null;
  /** Whether the guest asks for its address. */
  @Column('boolean') dhcp!: boolean;
}

/** A VM's disk, as it is defined. What is on it: `DiskStateEntity`. Writer: gateway. */
@Entity('vm_disk')
export class VmDiskEntity {
  @PrimaryColumn('uuid') id!: string;
  @Column('uuid', { name: 'vm_id' }) vmId!: string;
  @Column('smallint') index!: number;
  @Column('text') name!: string;
  @Column('bigint', { transformer: { from: Number, to: String } }) bytes!: number;
  @Column('boolean', { name: 'read_only' }) readOnly!: boolean;
  @Column('boolean') cdrom!: boolean;
  @Column('text', { nullable: true }) mount!: string | null;
  @Column('boolean') root!: boolean;
  @Column('text', { nullable: true }) image!: string | null;
  /** Layers of the image, from the top downwards: what it is before it is written. */
  @Column('jsonb', { default: [] }) base!: string[];
}
