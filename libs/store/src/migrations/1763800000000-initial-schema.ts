import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Every rule that must hold under concurrent writers is a constraint here; `constraints.ts` turns a violation
 * into the error of the catalogue, by the constraint's name. SQL of PostgreSQL 16 and older.
 *
 * The unique constraints of `nic` are deferrable, so that one transaction can swap addresses between two VMs.
 */
export class InitialSchema1763800000000 implements MigrationInterface {
  readonly name = 'InitialSchema1763800000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE host (
        name       text PRIMARY KEY,
        memory_mib int NOT NULL CHECK (memory_mib > 0),
        cores      int NOT NULL CHECK (cores > 0),
        nics       jsonb NOT NULL,
        radios     jsonb NOT NULL,
        created_at timestamptz(3) NOT NULL DEFAULT now()
      )`);
    await runner.query(`
      CREATE TABLE network (
        id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        name       text NOT NULL CONSTRAINT network_name_unique UNIQUE,
        vni        int NOT NULL CONSTRAINT network_vni_unique UNIQUE CHECK (vni BETWEEN 1 AND 16777215),
        subnet     text,
        managed    boolean NOT NULL,
        created_at timestamptz(3) NOT NULL DEFAULT now()
      )`);
    await runner.query(`
      CREATE TABLE vm (
        id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        name       text NOT NULL CONSTRAINT vm_name_unique UNIQUE,
        host       text NOT NULL CONSTRAINT vm_host_exists REFERENCES host (name),
        memory_mib int NOT NULL CHECK (memory_mib > 0),
        image      text NOT NULL,
        autostart  boolean NOT NULL,
        boot       text NOT NULL CHECK (boot IN ('template', 'cold')),
        owner_host text NOT NULL CONSTRAINT vm_owner_host_exists REFERENCES host (name),
        epoch      int NOT NULL CHECK (epoch > 0),
        managed    boolean NOT NULL,
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        updated_at timestamptz(3) NOT NULL DEFAULT now()
      )`);
    await runner.query(`CREATE INDEX vm_by_owner_host ON vm (owner_host)`);
    await runner.query(`
      CREATE TABLE nic (
        vm_id      uuid NOT NULL REFERENCES vm (id) ON DELETE CASCADE,
        index      smallint NOT NULL CHECK (index BETWEEN 0 AND 3),
        network_id uuid NOT NULL CONSTRAINT nic_network_exists REFERENCES network (id),
        mac        text NOT NULL CHECK (mac ~ '^[0-9a-f]{2}(:[0-9a-f]{2}){5}$'),
        ip         text,
        address    inet GENERATED ALWAYS AS (set_masklen(ip::inet, 32)) STORED,
        PRIMARY KEY (vm_id, index),
        CONSTRAINT nic_mac_unique UNIQUE (mac) DEFERRABLE INITIALLY IMMEDIATE,
        CONSTRAINT nic_ip_unique UNIQUE (network_id, address) DEFERRABLE INITIALLY IMMEDIATE
      )`);
    await runner.query(`
      CREATE TABLE vm_status (
        vm_id        uuid PRIMARY KEY REFERENCES vm (id) ON DELETE CASCADE,
        host         text NOT NULL,
        epoch        int NOT NULL,
        state        text NOT NULL
                     CHECK (state IN ('RUNNING', 'STOPPED', 'PAUSED', 'ERROR', 'SIMULATING', 'RESETTING')),
        reason       text NOT NULL,
        agent        boolean NOT NULL,
        ips          jsonb NOT NULL,
        started_at   timestamptz(3),
        incarnation  uuid NOT NULL,
        desired      text NOT NULL CHECK (desired IN ('running', 'paused', 'stopped')),
        resume_state text CHECK (resume_state ~ '^[0-9a-f]{64}$'),
        updated_at   timestamptz(3) NOT NULL
      )`);
    await runner.query(`CREATE INDEX vm_status_by_host ON vm_status (host)`);
    await runner.query(`CREATE INDEX vm_status_by_state_file ON vm_status (resume_state)`);
    await runner.query(`
      CREATE TABLE snapshot (
        id         uuid PRIMARY KEY,
        name       text NOT NULL,
        vm_id      uuid NOT NULL,
        vm_name    text NOT NULL,
        host       text NOT NULL,
        memory_mib int NOT NULL,
        image      text NOT NULL,
        nics       jsonb NOT NULL,
        bytes      bigint NOT NULL,
        digest     text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        CONSTRAINT snapshot_name_unique UNIQUE (vm_id, name)
      )`);
    await runner.query(`CREATE INDEX snapshot_by_digest ON snapshot (digest)`);
    await runner.query(`
      CREATE TABLE operation (
        id         uuid PRIMARY KEY,
        verb       text NOT NULL,
        target     text NOT NULL,
        done       boolean NOT NULL,
        progress   text NOT NULL,
        error      jsonb,
        response   jsonb,
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        ended_at   timestamptz(3),
        actor      text NOT NULL,
        CHECK (done = (ended_at IS NOT NULL))
      )`);
    await runner.query(`CREATE INDEX operation_by_age ON operation (created_at, id)`);
    await runner.query(`
      CREATE TABLE operation_lock (
        resource     text CONSTRAINT operation_lock_exclusive PRIMARY KEY,
        operation_id uuid NOT NULL REFERENCES operation (id) ON DELETE CASCADE
      )`);
    await runner.query(`
      CREATE TABLE request (
        request_id   uuid CONSTRAINT request_id_unique PRIMARY KEY,
        fingerprint  text NOT NULL,
        status       int,
        response     jsonb,
        operation_id uuid REFERENCES operation (id) ON DELETE CASCADE,
        created_at   timestamptz(3) NOT NULL DEFAULT now()
      )`);
    await runner.query(`CREATE INDEX request_by_age ON request (created_at)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      `DROP TABLE request, operation_lock, operation, snapshot, vm_status, nic, vm, network, host`,
    );
  }
}
