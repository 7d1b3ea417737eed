import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Leases of hosts, what becomes of a VM when its host is lost, and the checkpoints for that. */
export class Failover1764300000000 implements MigrationInterface {
  readonly name = 'Failover1764300000000';

  async up(runner: QueryRunner): Promise<void> {
    // It refers to no host: a Palacios may start before its host is declared.
    await runner.query(`
      CREATE TABLE host_lease (
        host        text PRIMARY KEY,
        incarnation uuid NOT NULL,
        holder      text NOT NULL,
        expires_at  timestamptz NOT NULL
      )`);
    await runner.query(`ALTER TABLE host ADD COLUMN cordoned boolean NOT NULL DEFAULT false`);
    await runner.query(`
      ALTER TABLE vm
        ADD COLUMN failover text NOT NULL DEFAULT 'none' CHECK (failover IN ('none', 'restart', 'checkpoint')),
        ADD COLUMN checkpoint_every int CHECK (checkpoint_every > 0),
        ADD CHECK ((failover = 'checkpoint') = (checkpoint_every IS NOT NULL))`);
    await runner.query(`
      ALTER TABLE snapshot
        ADD COLUMN kind text NOT NULL DEFAULT 'named' CHECK (kind IN ('named', 'checkpoint'))`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE snapshot DROP COLUMN kind`);
    await runner.query(`ALTER TABLE vm DROP COLUMN checkpoint_every, DROP COLUMN failover`);
    await runner.query(`ALTER TABLE host DROP COLUMN cordoned`);
    await runner.query(`DROP TABLE host_lease`);
  }
}
