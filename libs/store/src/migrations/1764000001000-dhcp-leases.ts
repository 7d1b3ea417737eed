import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Addresses that the vnet service lent. A lease that has ended stays, so that its client gets the address again. */
export class DhcpLeases1764000001000 implements MigrationInterface {
  readonly name = 'DhcpLeases1764000001000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE dhcp_lease (
        network_id uuid NOT NULL REFERENCES network (id) ON DELETE CASCADE,
        mac        text NOT NULL CHECK (mac ~ '^[0-9a-f]{2}(:[0-9a-f]{2}){5}$'),
        address    inet NOT NULL CHECK (family(address) = 4 AND masklen(address) = 32),
        expires_at timestamptz(3) NOT NULL,
        PRIMARY KEY (network_id, mac),
        UNIQUE (network_id, address)
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE dhcp_lease`);
  }
}
