import { V3Error } from '@v3vee/contracts';
import { storeError } from './constraints';
import { createDataSource, migrate } from './data-source';
import { HostRepository } from './repositories/host.repository';
import { testPostgres, type TestPostgres } from './testing/database.fixture';

describe('the database', () => {
  let postgres: TestPostgres;
  beforeAll(async () => {
    postgres = await testPostgres();
  });
  afterAll(() => postgres?.remove());

  it('is migrated once, however many services start at the same time', async () => {
    const sources = Array.from({ length: 4 }, () => createDataSource(postgres.url));
    await Promise.all(sources.map(migrate));
    const [first] = sources;
    expect(await first?.query('SELECT name FROM migration')).toEqual([
      { name: 'InitialSchema1763800000000' },
      { name: 'Overlay1764000000000' },
      { name: 'DhcpLeases1764000001000' },
      { name: 'PhysicalNics1764100000000' },
      { name: 'Dmm1764100001000' },
      { name: 'VmMigrations1764200000000' },
      { name: 'Failover1764300000000' },
      { name: 'PageStore1764400000000' },
      { name: 'Wifi1764500000000' },
      { name: 'OperationMetadata1764600000000' },
      { name: 'Disks1764700000000' },
      { name: 'MachineOptions1764710000000' },
      { name: 'Access1764800000000' },
      { name: 'Events1764900000000' },
      { name: 'LabRuns1765000000000' },
      { name: 'DisabledUsers1765100000000' },
    ]);
    await Promise.all(sources.map(source => source.destroy()));
  });

  it('has the columns that the entities name, with their nullability', async () => {
    const source = createDataSource(postgres.url);
    await migrate(source);
    const rows: { table: string; column: string; nullable: string }[] = await source.query(
      `SELECT table_name AS table, column_name AS column, is_nullable AS nullable
       FROM information_schema.columns WHERE table_schema = 'public'`,
    );
    const actual = new Map(
      rows.map(({ table, column, nullable }) => [`${table}.${column}`, nullable === 'YES']),
    );
    for (const { tableName, columns } of source.entityMetadatas) {
      for (const { databaseName, isNullable } of columns) {
        const name = `${tableName}.${databaseName}`;
        expect([name, actual.get(name)]).toEqual([name, isNullable]);
      }
    }
    await source.destroy();
  });

  it('that is away is SERVICE_UNAVAILABLE; when it is back, all goes on', async () => {
    const source = createDataSource(postgres.url);
    await migrate(source);
    const hosts = new HostRepository(source);
    await hosts.save({ name: 'alpha', memoryMiB: 64, cores: 1, nics: [], radios: [] });
    await postgres.stop();
    // The pool's open connections fail in one way, new ones in another.
    for (let n = 0; n < 3; n++) {
      const error = await hosts.all().catch(storeError);
      expect(error).toBeInstanceOf(V3Error);
      expect(error).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    }
    await postgres.start();
    expect(await hosts.all()).toMatchObject([{ name: 'alpha' }]);
    await source.destroy();
  });

  it('its other failures are not taken for absence', async () => {
    const source = createDataSource(postgres.url);
    await migrate(source);
    const thrown = await source.query('SELECT nonsense').catch((error: unknown) => error);
    expect(storeError(thrown)).toBe(thrown);
    await source.destroy();
  });
});
