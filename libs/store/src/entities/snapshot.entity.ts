import type { Snapshot, SnapshotLabel } from '@v3vee/contracts';
import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** A NIC as it was when the snapshot was taken. */
export interface SnapshotNic {
  network: string;
  vni: number;
  mac: string;
  ip: string | null;
}

/** A disk as it was when the snapshot was taken. */
export interface SnapshotDisk {
  name: string;
  bytes: number;
  /** From the top downwards; all frozen. */
  layers: string[];
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
  /** Its VM's. */
  @Column('text') project!: string;
  @Column('text') host!: string;
  @Column('int', { name: 'memory_mib' }) memoryMiB!: number;
  @Column('text') image!: string;
  @Column('jsonb') nics!: SnapshotNic[];
  /** By index; one that is read only has none. */
  @Column('jsonb', { default: [] }) disks!: SnapshotDisk[];
  /** By which what is stored grew when it was taken. */
  @Column('bigint', { transformer: { from: Number, to: String } }) bytes!: number;
  /** Pages of its memory that are not zero, and those of them that no state had. */
  @Column('int') pages!: number;
  @Column('int', { name: 'new_pages' }) newPages!: number;
  /** How long the guest stood still for it; null: it did anyway, or it was imported. */
  @Column('real', { name: 'pause_ms', nullable: true }) pauseMs!: number | null;
  /** The newest one of its VM when it was taken; it may be gone by now, and is not needed. */
  @Column('uuid', { nullable: true }) parent!: string | null;
  @Column('text') digest!: string;
  @CreateDateColumn({ name: 'created_at', type: 'timestamptz', precision: 3 }) createdAt!: Date;
}

/** What an export of it says beside the state. */
export function labelOf({ name, vmName, image, nics, createdAt }: SnapshotEntity): SnapshotLabel {
  return { version: 1, name, vmName, image, nics, createdAt: createdAt.toISOString() };
}

/** A snapshot as clients see it. */
export function toSnapshot({
  nics: _nics,
  disks: _disks,
  project: _project,
  createdAt,
  ...snapshot
}: SnapshotEntity): Snapshot {
  return { ...snapshot, createdAt: createdAt.toISOString() };
}
