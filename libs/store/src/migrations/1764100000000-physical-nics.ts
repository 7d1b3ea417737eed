import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * NICs of VMs on physical cards of their host. That a card is there, and that passthrough has it alone, concerns more
 * than one row: `repositories/cards.ts` looks at it in the transaction of each write.
 */
export class PhysicalNics1764100000000 implements MigrationInterface {
  readonly name = 'PhysicalNics1764100000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE nic
        ADD COLUMN device text,
        ADD COLUMN access text CHECK (access IN ('vpio', 'passthrough', 'emulated')),
        ADD CHECK ((device IS NULL) = (access IS NULL)),
        ADD CONSTRAINT nic_device_once UNIQUE (vm_id, device)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE nic DROP COLUMN device, DROP COLUMN access`);
  }
}
