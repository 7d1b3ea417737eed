import 'reflect-metadata';
import { DataSource } from 'typeorm';
import * as entities from './entities';
import { InitialSchema1763800000000 } from './migrations/1763800000000-initial-schema';
import { Overlay1764000000000 } from './migrations/1764000000000-overlay';
import { DhcpLeases1764000001000 } from './migrations/1764000001000-dhcp-leases';
import { PhysicalNics1764100000000 } from './migrations/1764100000000-physical-nics';
import { Dmm1764100001000 } from './migrations/1764100001000-dmm';
import { VmMigrations1764200000000 } from './migrations/1764200000000-vm-migrations';
import { Failover1764300000000 } from './migrations/1764300000000-failover';
import { PageStore1764400000000 } from './migrations/1764400000000-page-store';
import { Wifi1764500000000 } from './migrations/1764500000000-wifi';
import { OperationMetadata1764600000000 } from './migrations/1764600000000-operation-metadata';
import { Disks1764700000000 } from './migrations/1764700000000-disks';
import { MachineOptions1764710000000 } from './migrations/1764710000000-machine-options';
import { Access1764800000000 } from './migrations/1764800000000-access';
import { Events1764900000000 } from './migrations/1764900000000-events';
import { LabRuns1765000000000 } from './migrations/1765000000000-lab-runs';
import { DisabledUsers1765100000000 } from './migrations/1765100000000-disabled-users';

/** Any constant does, if all services use the same: 'V3VE' in ASCII. */
const MIGRATION_LOCK = 0x56335645;

/**
 * The connection pool to Postgres. Not connected yet: `migrate` does that.
 * @param url `postgres://user:password@host:port/database`
 */
export function createDataSource(url: string): DataSource {
  return new DataSource({
    type: 'postgres',
    url,
    entities: Object.values(entities),
    migrations: [
      InitialSchema1763800000000,
      Overlay1764000000000,
      DhcpLeases1764000001000,
      PhysicalNics1764100000000,
      Dmm1764100001000,
      VmMigrations1764200000000,
      Failover1764300000000,
      PageStore1764400000000,
      Wifi1764500000000,
      OperationMetadata1764600000000,
      Disks1764700000000,
      MachineOptions1764710000000,
      Access1764800000000,
      Events1764900000000,
      LabRuns1765000000000,
      DisabledUsers1765100000000,
    ],
    migrationsTableName: 'migration',
    synchronize: false,
    logging: false,
    connectTimeoutMS: 5_000,
    // A few services with a pool each share Postgres's default of 100 connections.
    poolSize: 8,
  });
}

/**
 * Connects if need be and brings the schema up to date. Several services may do so at once: an advisory lock
 * lets one migrate while the others wait, and those then find nothing to do.
 */
export async function migrate(dataSource: DataSource): Promise<void> {
  if (!dataSource.isInitialized) await dataSource.initialize();
  const lock = dataSource.createQueryRunner();
  await lock.connect();
  try {
    await lock.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    try {
      await dataSource.runMigrations({ transaction: 'all' });
    } finally {
      await lock.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]);
    }
  } finally {
    await lock.release();
  }
}
