import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Saved states are pages that they share. Those that were files of their own can't be read any more. */
export class PageStore1764400000000 implements MigrationInterface {
  readonly name = 'PageStore1764400000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`UPDATE vm_status SET resume_state = NULL`);
    await runner.query(`DELETE FROM snapshot`);
    await runner.query(`
      ALTER TABLE snapshot
        ADD COLUMN pages int NOT NULL,
        ADD COLUMN new_pages int NOT NULL,
        ADD COLUMN pause_ms real,
        ADD COLUMN parent uuid`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DELETE FROM snapshot`);
    await runner.query(`UPDATE vm_status SET resume_state = NULL`);
    await runner.query(`
      ALTER TABLE snapshot
        DROP COLUMN pages, DROP COLUMN new_pages, DROP COLUMN pause_ms, DROP COLUMN parent`);
  }
}
