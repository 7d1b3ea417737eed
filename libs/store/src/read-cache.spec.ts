import type { DataSource } from 'typeorm';
import { createDataSource } from './data-source';
import { ReadCache } from './read-cache';
import { testPostgres, type TestPostgres } from './testing/database.fixture';

describe('the cache of what was read', () => {
  let postgres: TestPostgres;
  let source: DataSource;
  let cache: ReadCache;
  let readings: number;

  beforeAll(async () => {
    postgres = await testPostgres();
    source = createDataSource(postgres.url);
    await source.initialize();
  });
  afterAll(async () => {
    await source?.destroy();
    await postgres?.remove();
  });
  beforeEach(async () => {
    await source.query('DROP TABLE IF EXISTS thing');
    await source.query('CREATE TABLE thing (name text)');
    cache = new ReadCache(source);
    readings = 0;
  });

  const names = async (): Promise<{ name: string }[]> => {
    readings++;
    return source.query('SELECT name FROM thing ORDER BY name');
  };
  /** Other databases of the same server are written, too, which only costs a reading. */
  const readUntilKept = async (key = 'names'): Promise<number> => {
    for (;;) {
      const before = readings;
      await cache.get(key, names);
      if (readings === before) return readings;
    }
  };

  it('reads once for as long as nobody writes', async () => {
    const before = await readUntilKept();
    expect(before).toBeGreaterThan(0);
    await source.query('SELECT name FROM thing');
    await readUntilKept();
    expect(await cache.get('other', () => Promise.resolve(['another']))).toEqual(['another']);
  });

  it('reads again exactly when the snapshot is another', async () => {
    const snapshots = ['1', '1', '1', '2', '2', '1'];
    const asked = jest
      .spyOn(source, 'query')
      .mockImplementation(() => Promise.resolve([{ snapshot: snapshots.shift() }]));
    let count = 0;
    const seen: unknown[] = [];
    while (snapshots.length > 0) seen.push(...(await cache.get('count', () => Promise.resolve([++count]))));
    asked.mockRestore();
    expect(seen).toEqual([1, 1, 1, 2, 2, 3]);
  });

  it('keeps no more than so many rows', async () => {
    const rows = (length: number) => () => Promise.resolve(Array.from({ length }, (_, row) => row));
    const asked = jest.spyOn(source, 'query').mockImplementation(() => Promise.resolve([{ snapshot: '1' }]));
    const first = await cache.get('first', rows(5_000));
    expect(await cache.get('first', rows(5_000))).toBe(first);
    await cache.get('second', rows(1));
    expect(await cache.get('first', rows(5_000))).not.toBe(first);
    asked.mockRestore();
  });

  it('sees each write that was committed before it was asked', async () => {
    for (let count = 1; count <= 50; count++) {
      await source.query(`INSERT INTO thing VALUES ('${count}')`);
      expect(await cache.get('names', names)).toHaveLength(count);
      expect(await cache.get('names', names)).toHaveLength(count);
    }
  });

  it('sees none that is not committed, and each that is, however they overlap', async () => {
    const first = source.createQueryRunner();
    const second = source.createQueryRunner();
    await first.startTransaction();
    await first.query(`INSERT INTO thing VALUES ('first')`);
    await second.startTransaction();
    await second.query(`INSERT INTO thing VALUES ('second')`);
    expect(await cache.get('names', names)).toEqual([]);
    await second.commitTransaction();
    expect(await cache.get('names', names)).toEqual([{ name: 'second' }]);
    await first.commitTransaction();
    expect(await cache.get('names', names)).toEqual([{ name: 'first' }, { name: 'second' }]);
    await Promise.all([first.release(), second.release()]);
  });

  it('gives nothing old to those who ask while others do', async () => {
    let written = 0;
    const seen: Promise<void>[] = [];
    for (let round = 0; round < 40; round++) {
      await source.query(`INSERT INTO thing VALUES ('${round}')`);
      written++;
      for (let asker = 0; asker < 5; asker++) {
        const least = written;
        seen.push(
          cache.get('names', names).then(found => expect(found.length).toBeGreaterThanOrEqual(least)),
        );
      }
    }
    await Promise.all(seen);
  });

  it('asks the store less often than it is asked itself when many ask at once', async () => {
    const asked = jest.spyOn(source, 'query');
    await Promise.all(Array.from({ length: 100 }, () => cache.get('names', () => Promise.resolve([]))));
    expect(asked).toHaveBeenCalledTimes(2);
    asked.mockRestore();
  });

  it('does not keep a failure', async () => {
    const fails = () => Promise.reject(new Error('not now'));
    await expect(cache.get('names', fails)).rejects.toThrow('not now');
    expect(await cache.get('names', names)).toEqual([]);
  });

  it('goes on when the store could not be asked', async () => {
    const failing = jest.spyOn(source, 'query').mockRejectedValueOnce(new Error('connection lost'));
    const both = await Promise.allSettled([cache.get('names', names), cache.get('names', names)]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
    failing.mockRestore();
    expect(await cache.get('names', names)).toEqual([]);
  });

  it('lets nobody change what others are given', async () => {
    await source.query(`INSERT INTO thing VALUES ('first')`);
    const [thing] = (await cache.get('names', names)) as [{ name: string }];
    expect(() => (thing.name = 'changed')).toThrow(TypeError);
  });

  it('keeps no more than so many', async () => {
    for (let index = 0; index < 1000; index++) await cache.get(`${index}`, () => Promise.resolve([index]));
    expect((cache as unknown as { kept: Map<string, unknown> }).kept.size).toBeLessThanOrEqual(256);
  });
});
