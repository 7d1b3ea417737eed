import type { Snapshot } from '@v3vee/contracts';
import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** A NIC as it was when the snapshot was taken. */
export interface SnapshotNic {
  network: string;
  vni: number;
  mac: string;
  ip: string | null;
}

/** `named`: asked for by somebody; `checkpoint`: made at intervals for fail-over, and removed by itself. */
export type SnapshotKind = 'named' | 'checkpoint';

/** A saved state. It outlives its VM, so it refers to nothing. Writer: the Palacios that took it. */
@Entity('snapshot')
export class SnapshotEntity {
  @PrimaryColumn('uuid') id!: string;
  @Column('text') name!: string;
  @Column('text', { default: 'named' }) kind!: SnapshotKind;
  @Column('uuid', { name: 'vm_id' }) vmId!: string;
  @Column('text', { name: 'vm_name' }) vmName!: string;
  @Column('text') host!: string;
  @Column('int', { name: 'memory_mib' }) memoryMiB!: number;
  @Column('text') image!: string;
  @Column('jsonb') nics!: SnapshotNic[];
  /** Of the file on disk. */
  @Column('bigint', { transformer: { from: Number, to: String } }) bytes!: number;
  @Column('text') digest!: string;
  @CreateDateColumn({ name: 'created_at', type: 'timestamptz', precision: 3 }) createdAt!: Date;
}

/** A snapshot as clients see it. */
export function toSnapshot({ nics: _nics, createdAt, ...snapshot }: SnapshotEntity): Snapshot {
  return { ...snapshot, createdAt: createdAt.toISOString() };
}
