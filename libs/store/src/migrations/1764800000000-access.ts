import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Users, their tokens, projects with quotas, and the audit log. All that was there before is of project `default`. */
export class Access1764800000000 implements MigrationInterface {
  readonly name = 'Access1764800000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE project (
        name               text CONSTRAINT project_name_unique PRIMARY KEY,
        max_vms            int CHECK (max_vms >= 0),
        max_memory_mib     int CHECK (max_memory_mib >= 0),
        max_snapshot_bytes bigint CHECK (max_snapshot_bytes >= 0),
        created_at         timestamptz(3) NOT NULL DEFAULT now()
      )`);
    await runner.query(`INSERT INTO project (name) VALUES ('default')`);
    for (const table of ['vm', 'network', 'snapshot']) {
      await runner.query(
        `ALTER TABLE ${table} ADD COLUMN project text NOT NULL DEFAULT 'default'
           CONSTRAINT ${table}_project_exists REFERENCES project (name)`,
      );
      await runner.query(`CREATE INDEX ${table}_by_project ON ${table} (project)`);
    }
    await runner.query(`ALTER TABLE operation ADD COLUMN project text`);
    await runner.query(`
      CREATE TABLE user_account (
        name       text CONSTRAINT user_name_unique PRIMARY KEY,
        role       text NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
        project    text CONSTRAINT user_project_exists REFERENCES project (name),
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        CHECK (role <> 'admin' OR project IS NULL)
      )`);
    await runner.query(`
      CREATE TABLE access_token (
        id         uuid PRIMARY KEY,
        user_name  text NOT NULL CONSTRAINT token_user_exists REFERENCES user_account (name) ON DELETE CASCADE,
        digest     bytea NOT NULL UNIQUE CHECK (length(digest) = 32),
        project    text CONSTRAINT token_project_exists REFERENCES project (name),
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        expires_at timestamptz(3),
        revoked_at timestamptz(3),
        used_at    timestamptz(3)
      )`);
    await runner.query(`CREATE INDEX access_token_by_user ON access_token (user_name)`);
    await runner.query(`
      CREATE TABLE audit_entry (
        id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at         timestamptz(3) NOT NULL,
        user_name  text,
        token_id   uuid,
        project    text,
        action     text NOT NULL,
        target     text NOT NULL,
        source     text NOT NULL,
        status     int NOT NULL,
        code       text,
        request_id text
      )`);
    await runner.query(`CREATE INDEX audit_entry_by_age ON audit_entry (at)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE audit_entry, access_token, user_account`);
    await runner.query(`ALTER TABLE operation DROP COLUMN project`);
    for (const table of ['vm', 'network', 'snapshot'])
      await runner.query(`ALTER TABLE ${table} DROP COLUMN project`);
    await runner.query(`DROP TABLE project`);
  }
}
