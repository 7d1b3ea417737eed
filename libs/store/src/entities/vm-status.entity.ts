import type { VmState } from '@v3vee/contracts';
import { Column, Entity, PrimaryColumn } from 'typeorm';

/** What a VM is to be, whatever it is now; a Palacios that starts anew brings it there. */
export type DesiredState = 'running' | 'paused' | 'stopped';

/** What a VM does. Writer: the Palacios of the VM's owner host. A VM that never ran has no row: it is STOPPED. */
@Entity('vm_status')
export class VmStatusEntity {
  @PrimaryColumn('uuid', { name: 'vm_id' }) vmId!: string;
  @Column('text') host!: string;
  @Column('int') epoch!: number;
  @Column('text') state!: VmState;
  @Column('text') reason!: string;
  @Column('boolean') agent!: boolean;
  /** Per NIC, as the guest reports them. */
  @Column('jsonb') ips!: string[][];
  @Column('timestamptz', { name: 'started_at', nullable: true }) startedAt!: Date | null;
  /** Of the Palacios that wrote the row: another one means that process is gone. */
  @Column('uuid') incarnation!: string;
  @Column('text') desired!: DesiredState;
  /** Digest of the machine state saved at shut-down; null when there is none. */
  @Column('text', { name: 'resume_state', nullable: true }) resumeState!: string | null;
  @Column('timestamptz', { name: 'updated_at' }) updatedAt!: Date;
}
