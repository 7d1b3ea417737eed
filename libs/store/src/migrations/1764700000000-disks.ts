import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Disks of VMs, images that they are copies of, and what is on them. */
export class Disks1764700000000 implements MigrationInterface {
  readonly name = 'Disks1764700000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE disk_image (
        name       text PRIMARY KEY,
        bytes      bigint NOT NULL CHECK (bytes > 0 AND bytes % 512 = 0),
        layer      uuid NOT NULL,
        created_at timestamptz(3) NOT NULL DEFAULT now()
      )`);
    await runner.query(`
      CREATE TABLE vm_disk (
        id        uuid PRIMARY KEY,
        vm_id     uuid NOT NULL REFERENCES vm (id) ON DELETE CASCADE,
        index     smallint NOT NULL CHECK (index BETWEEN 0 AND 3),
        name      text NOT NULL,
        bytes     bigint NOT NULL CHECK (bytes > 0 AND bytes % 512 = 0),
        read_only boolean NOT NULL,
        cdrom     boolean NOT NULL,
        mount     text,
        root      boolean NOT NULL,
        image     text,
        base      jsonb NOT NULL DEFAULT '[]',
        CONSTRAINT vm_disk_index_unique UNIQUE (vm_id, index) DEFERRABLE INITIALLY IMMEDIATE,
        UNIQUE (vm_id, name)
      )`);
    await runner.query(`
      CREATE TABLE disk_state (
        disk_id uuid PRIMARY KEY REFERENCES vm_disk (id) ON DELETE CASCADE,
        epoch   int NOT NULL,
        sealed  boolean NOT NULL,
        layers  jsonb NOT NULL CHECK (jsonb_array_length(layers) > 0)
      )`);
    await runner.query(`ALTER TABLE snapshot ADD COLUMN disks jsonb NOT NULL DEFAULT '[]'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DELETE FROM snapshot WHERE disks <> '[]'`);
    await runner.query(`ALTER TABLE snapshot DROP COLUMN disks`);
    await runner.query(`DROP TABLE disk_state, vm_disk, disk_image`);
  }
}
