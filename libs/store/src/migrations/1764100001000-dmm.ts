import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What is kept of shared physical cards: policies, the contexts of the guests that share them, denied DMA. A context
 * goes with its VM; a violation stays, so that what a deleted VM did can still be seen.
 */
export class Dmm1764100001000 implements MigrationInterface {
  readonly name = 'Dmm1764100001000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE dmm_policy (
        device text PRIMARY KEY CHECK (device ~ '^[a-z0-9-]+/[a-z0-9-]+$'),
        policy jsonb NOT NULL CHECK (jsonb_typeof(policy) = 'object')
      )`);
    await runner.query(`
      CREATE TABLE dmm_context (
        device   text NOT NULL CHECK (device ~ '^[a-z0-9-]+/[a-z0-9-]+$'),
        vm_id    uuid NOT NULL REFERENCES vm (id) ON DELETE CASCADE,
        epoch    int NOT NULL,
        forced   boolean NOT NULL,
        state    jsonb NOT NULL,
        context  bytea NOT NULL,
        saved_at timestamptz(3) NOT NULL,
        PRIMARY KEY (device, vm_id)
      )`);
    await runner.query(`CREATE INDEX dmm_context_by_vm ON dmm_context (vm_id)`);
    await runner.query(`
      CREATE TABLE dmm_violation (
        id        uuid PRIMARY KEY,
        device    text NOT NULL CHECK (device ~ '^[a-z0-9-]+/[a-z0-9-]+$'),
        vm_id     uuid NOT NULL,
        vm        text NOT NULL,
        register  text NOT NULL,
        direction text NOT NULL CHECK (direction IN ('read', 'write')),
        address   double precision NOT NULL CHECK (address >= 0),
        length    double precision NOT NULL CHECK (length >= 0),
        action    text NOT NULL CHECK (action IN ('deny', 'stop')),
        at        timestamptz(3) NOT NULL
      )`);
    await runner.query(`CREATE INDEX dmm_violation_by_age ON dmm_violation (at, id)`);
    await runner.query(`CREATE INDEX dmm_violation_by_device ON dmm_violation (device, at, id)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE dmm_violation, dmm_context, dmm_policy`);
  }
}
