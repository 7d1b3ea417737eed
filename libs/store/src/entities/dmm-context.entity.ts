import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A guest's state of a physical card when the card was last taken from it. Writer: dmm. */
@Entity('dmm_context')
export class DmmContextEntity {
  /** `alpha/eth0` */
  @PrimaryColumn('text') device!: string;
  @PrimaryColumn('uuid', { name: 'vm_id' }) vmId!: string;
  /** Of the VM at that time. */
  @Column('int') epoch!: number;
  /** Whether the card was taken before it was reusable. */
  @Column('boolean') forced!: boolean;
  /** What the card's model knows of the guest; also within `context`. */
  @Column('jsonb') state!: Record<string, unknown>;
  /** The whole of it, v8-serialised. */
  @Column('bytea') context!: Buffer;
  @Column('timestamptz', { name: 'saved_at' }) savedAt!: Date;
}
