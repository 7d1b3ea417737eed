import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Users whose tokens are no good for a while. */
export class DisabledUsers1765100000000 implements MigrationInterface {
  readonly name = 'DisabledUsers1765100000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE user_account ADD COLUMN disabled boolean NOT NULL DEFAULT false`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE user_account DROP COLUMN disabled`);
  }
}
