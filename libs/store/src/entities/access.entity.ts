import type { Role } from '@v3vee/contracts';
import { Column, CreateDateColumn, Entity, PrimaryColumn, PrimaryGeneratedColumn } from 'typeorm';

/** To whom VMs, networks and snapshots belong; a null quota is none. Writer: gateway. */
@Entity('project')
export class ProjectEntity {
  @PrimaryColumn('text') name!: string;
  @Column('int', { name: 'max_vms', nullable: true }) maxVms!: number | null;
  @Column('int', { name: 'max_memory_mib', nullable: true }) maxMemoryMiB!: number | null;
  @Column('bigint', {
    name: 'max_snapshot_bytes',
    nullable: true,
    transformer: {
      from: (text: string | null) => (text === null ? null : Number(text)),
      to: (bytes: number | null) => bytes,
    },
  })
  maxSnapshotBytes!: number | null;
  @CreateDateColumn({ name: 'created_at', type: 'timestamptz', precision: 3 }) createdAt!: Date;
}

/** Somebody who may do something. Writer: gateway. */
@Entity('user_account')
export class UserEntity {
  @PrimaryColumn('text') name!: string;
  @Column('text') role!: Role;
  /** The one project that the user is confined to; null: none. */
  @Column('text', { nullable: true }) project!: string | null;
  /** Its tokens are no good as long as it is. */
  @Column('boolean', { default: false }) disabled!: boolean;
  @CreateDateColumn({ name: 'created_at', type: 'timestamptz', precision: 3 }) createdAt!: Date;
}

/** What a user gets in with. Its secret is nowhere, only the digest of that. Writer: gateway. */
@Entity('access_token')
export class TokenEntity {
  @PrimaryColumn('uuid') id!: string;
  @Column('text', { name: 'user_name' }) user!: string;
  /** SHA-256 of the secret, which is random and long: no slower hash is needed. */
  @Column('bytea') digest!: Buffer;
  @Column('text', { nullable: true }) project!: string | null;
  @CreateDateColumn({ name: 'created_at', type: 'timestamptz', precision: 3 }) createdAt!: Date;
  @Column('timestamptz', { name: 'expires_at', nullable: true }) expiresAt!: Date | null;
  @Column('timestamptz', { name: 'revoked_at', nullable: true }) revokedAt!: Date | null;
  /** To the minute. */
  @Column('timestamptz', { name: 'used_at', nullable: true }) usedAt!: Date | null;
}

/** Who did what, or was refused it. It refers to nothing: it outlives all. Writer: gateway. */
@Entity('audit_entry')
export class AuditEntity {
  @PrimaryGeneratedColumn('identity', { type: 'bigint', generatedIdentity: 'ALWAYS' }) id!: string;
  @Column('timestamptz') at!: Date;
  @Column('text', { name: 'user_name', nullable: true }) user!: string | null;
  @Column('uuid', { name: 'token_id', nullable: true }) token!: string | null;
  @Column('text', { nullable: true }) project!: string | null;
  @Column('text') action!: string;
  @Column('text') target!: string;
  @Column('text') source!: string;
  @Column('int') status!: number;
  @Column('text', { nullable: true }) code!: string | null;
  @Column('text', { name: 'request_id', nullable: true }) requestId!: string | null;
}
