import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Runs of labs: one at a time, and their results. */
export class LabRuns1765000000000 implements MigrationInterface {
  readonly name = 'LabRuns1765000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE lab_run (
        id         uuid PRIMARY KEY,
        lab        text NOT NULL,
        runs       int,
        state      text NOT NULL CHECK (state IN ('RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED')),
        reason     text NOT NULL,
        progress   jsonb,
        rows       jsonb NOT NULL DEFAULT '[]',
        holds      int NOT NULL DEFAULT 0,
        missed     int NOT NULL DEFAULT 0,
        actor      text NOT NULL,
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        ended_at   timestamptz(3)
      )`);
    await runner.query(`
      CREATE UNIQUE INDEX lab_run_one_at_a_time ON lab_run ((true)) WHERE ended_at IS NULL`);
    await runner.query(`CREATE INDEX lab_run_by_age ON lab_run (created_at DESC, id DESC)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE lab_run`);
  }
}
