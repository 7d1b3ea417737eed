import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What users control of the overlay: routes, links, a network's services and a NIC's settings. The numbers of
 * routes and links are serial: one that was deleted is never given again, so `DEL 3` never means another route.
 *
 * A link cannot go while routes lead over it or its network is there; a network's routes go with it.
 */
export class Overlay1764000000000 implements MigrationInterface {
  readonly name = 'Overlay1764000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE network
        ADD COLUMN dhcp boolean NOT NULL DEFAULT false,
        ADD COLUMN dns  boolean NOT NULL DEFAULT false`);
    await runner.query(`ALTER TABLE nic ADD COLUMN settings jsonb NOT NULL DEFAULT '{}'`);
    await runner.query(`
      CREATE TABLE vnet_link (
        index          serial PRIMARY KEY,
        name           text NOT NULL CONSTRAINT vnet_link_name_unique UNIQUE,
        type           text NOT NULL CHECK (type IN ('udp', 'tcp', 'vxlan')),
        remote_address text NOT NULL,
        remote_port    int NOT NULL CHECK (remote_port BETWEEN 1 AND 65535),
        local_address  text NOT NULL,
        local_port     int NOT NULL CHECK (local_port BETWEEN 1 AND 65535),
        network_id     uuid NOT NULL CONSTRAINT vnet_link_network_exists REFERENCES network (id),
        wire_vni       int CHECK (wire_vni BETWEEN 0 AND 16777215),
        mtu            int NOT NULL CHECK (mtu BETWEEN 68 AND 65521),
        up             boolean NOT NULL,
        impairment     jsonb,
        managed        boolean NOT NULL,
        created_at     timestamptz(3) NOT NULL DEFAULT now(),
        CHECK ((type = 'vxlan') = (wire_vni IS NOT NULL))
      )`);
    // A frame that arrives tells who sent it and (VXLAN) under which number, and must belong to one link only.
    await runner.query(`
      CREATE UNIQUE INDEX vnet_link_peer_unique ON vnet_link
        (type, remote_address, remote_port, local_address, local_port, coalesce(wire_vni, -1))`);
    await runner.query(`
      CREATE TABLE vnet_route (
        index       serial PRIMARY KEY,
        network_id  uuid NOT NULL CONSTRAINT vnet_route_network_exists REFERENCES network (id) ON DELETE CASCADE,
        source      text NOT NULL CHECK (source ~ '^(any|none|(not-)?[0-9a-f]{2}(:[0-9a-f]{2}){5})$'),
        destination text NOT NULL CHECK (destination ~ '^(any|none|(not-)?[0-9a-f]{2}(:[0-9a-f]{2}){5})$'),
        to_type     text NOT NULL,
        to_mac      text,
        to_link     int CONSTRAINT vnet_route_to_link_exists REFERENCES vnet_link (index),
        from_type   text NOT NULL,
        from_mac    text,
        from_link   int CONSTRAINT vnet_route_from_link_exists REFERENCES vnet_link (index),
        managed     boolean NOT NULL,
        created_at  timestamptz(3) NOT NULL DEFAULT now(),
        CHECK (to_type = 'interface' AND to_mac IS NOT NULL AND to_link IS NULL
            OR to_type = 'edge' AND to_mac IS NULL AND to_link IS NOT NULL),
        CHECK (from_type = 'any' AND from_mac IS NULL AND from_link IS NULL
            OR from_type = 'interface' AND from_mac IS NOT NULL AND from_link IS NULL
            OR from_type = 'edge' AND from_mac IS NULL AND from_link IS NOT NULL)
      )`);
    await runner.query(`
      CREATE UNIQUE INDEX vnet_route_unique ON vnet_route
        (network_id, source, destination, coalesce(to_mac, ''), coalesce(to_link, 0),
         coalesce(from_mac, ''), coalesce(from_link, 0))`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE vnet_route, vnet_link`);
    await runner.query(`ALTER TABLE nic DROP COLUMN settings`);
    await runner.query(`ALTER TABLE network DROP COLUMN dhcp, DROP COLUMN dns`);
  }
}
