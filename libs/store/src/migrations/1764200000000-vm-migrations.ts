import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Live migrations of VMs (the table `migration` is TypeORM's own). At most one of a VM is under way. */
export class VmMigrations1764200000000 implements MigrationInterface {
  readonly name = 'VmMigrations1764200000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE vm_migration (
        id           uuid PRIMARY KEY,
        vm_id        uuid NOT NULL,
        vm           text NOT NULL,
        epoch        int NOT NULL,
        source       text NOT NULL,
        target       text NOT NULL CHECK (target <> source),
        operation_id uuid NOT NULL,
        options      jsonb NOT NULL CHECK (jsonb_typeof(options) = 'object'),
        progress     jsonb NOT NULL CHECK (jsonb_typeof(progress) = 'object'),
        created_at   timestamptz(3) NOT NULL DEFAULT now(),
        ended_at     timestamptz(3)
      )`);
    await runner.query(
      `CREATE UNIQUE INDEX vm_migration_one_at_a_time ON vm_migration (vm_id) WHERE ended_at IS NULL`,
    );
    await runner.query(`CREATE INDEX vm_migration_by_age ON vm_migration (created_at, id)`);
    await runner.query(`CREATE INDEX vm_migration_by_vm ON vm_migration (vm_id, created_at, id)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE vm_migration`);
  }
}
