import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** A request that came with a request id (AIP-155), so that its repeat gets the first result. Writer: gateway. */
@Entity('request')
export class RequestEntity {
  @PrimaryColumn('uuid', { name: 'request_id' }) requestId!: string;
  /** Digest of method, path, query and body: the same id with another one is a mistake of the caller. */
  @Column('text') fingerprint!: string;
  /** HTTP status of the first result; null while it is under way. */
  @Column('int', { nullable: true }) status!: number | null;
  @Column('jsonb', { nullable: true }) response!: object | null;
  /** The operation it began, if it did: a repeat shows how that stands now. */
  @Column('uuid', { name: 'operation_id', nullable: true }) operationId!: string | null;
  @CreateDateColumn({ name: 'created_at', type: 'timestamptz', precision: 3 }) createdAt!: Date;
}
