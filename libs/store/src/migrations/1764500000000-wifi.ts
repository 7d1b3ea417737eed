import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Virtual WiFi: access points, Wi-Fi NICs of VMs, and SNRs that were set. Radios are of their host's row. That a radio is
 * there, and that a MAC address is of one NIC or access point only, concerns more than one table:
 * `repositories/radios.ts` and `repositories/macs.ts` look at it in the transaction of each write.
 */
export class Wifi1764500000000 implements MigrationInterface {
  readonly name = 'Wifi1764500000000';

  async up(runner: QueryRunner): Promise<void> {
    // They were a list of channel numbers that nobody used; now they are a number.
    await runner.query(`
      UPDATE host SET radios =
        (SELECT coalesce(jsonb_agg(radio - 'channels'), '[]') FROM jsonb_array_elements(radios) AS radio)`);
    await runner.query(`
      CREATE TABLE access_point (
        name            text PRIMARY KEY,
        bssid           text NOT NULL CONSTRAINT access_point_bssid_unique UNIQUE
                        CHECK (bssid ~ '^[0-9a-f]{2}(:[0-9a-f]{2}){5}$'),
        ssid            text NOT NULL CHECK (octet_length(ssid) BETWEEN 1 AND 32),
        passphrase      text CHECK (octet_length(passphrase) BETWEEN 8 AND 63),
        channel         int NOT NULL,
        network_id      uuid NOT NULL CONSTRAINT access_point_network_exists REFERENCES network (id),
        position        jsonb,
        tx_power        double precision NOT NULL,
        beacon_interval int NOT NULL CHECK (beacon_interval BETWEEN 1 AND 65535),
        hidden          boolean NOT NULL,
        managed         boolean NOT NULL,
        created_at      timestamptz(3) NOT NULL DEFAULT now()
      )`);
    await runner.query(`
      CREATE TABLE wifi_nic (
        vm_id      uuid NOT NULL REFERENCES vm (id) ON DELETE CASCADE,
        index      smallint NOT NULL CHECK (index BETWEEN 0 AND 3),
        radio      text NOT NULL,
        ssid       text CHECK (octet_length(ssid) BETWEEN 1 AND 32),
        passphrase text CHECK (octet_length(passphrase) BETWEEN 8 AND 63),
        mac        text NOT NULL CHECK (mac ~ '^[0-9a-f]{2}(:[0-9a-f]{2}){5}$'),
        ip         text,
        dhcp       boolean NOT NULL,
        PRIMARY KEY (vm_id, index),
        CONSTRAINT wifi_nic_mac_unique UNIQUE (mac) DEFERRABLE INITIALLY IMMEDIATE,
        CHECK (passphrase IS NULL OR ssid IS NOT NULL),
        CHECK (NOT dhcp OR ip IS NULL)
      )`);
    await runner.query(`
      CREATE TABLE wifi_snr (
        a   text COLLATE "C" NOT NULL,
        b   text COLLATE "C" NOT NULL,
        snr double precision NOT NULL,
        PRIMARY KEY (a, b),
        CHECK (a < b)
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE wifi_snr, wifi_nic, access_point`);
    await runner.query(`
      UPDATE host SET radios =
        (SELECT coalesce(jsonb_agg(jsonb_build_object('name', radio -> 'name')), '[]')
         FROM jsonb_array_elements(radios) AS radio)`);
  }
}
