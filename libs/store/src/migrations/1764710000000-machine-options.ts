import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How a VM's core gives way to others, and the devices that it has beyond its NICs. */
export class MachineOptions1764710000000 implements MigrationInterface {
  readonly name = 'MachineOptions1764710000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE vm
        ADD COLUMN yield jsonb NOT NULL DEFAULT '{}',
        ADD COLUMN devices jsonb NOT NULL DEFAULT '[]'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE vm DROP COLUMN devices, DROP COLUMN yield`);
  }
}
