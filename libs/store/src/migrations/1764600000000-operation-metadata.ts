import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How far an operation is, as data. */
export class OperationMetadata1764600000000 implements MigrationInterface {
  readonly name = 'OperationMetadata1764600000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE operation ADD COLUMN metadata jsonb`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE operation DROP COLUMN metadata`);
  }
}
