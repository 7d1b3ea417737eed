import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { V3Error } from '@v3vee/contracts';
import type { MachineState } from '@v3vee/page-store';
import type { DataSource, EntityManager } from 'typeorm';
import { createDataSource, migrate } from './data-source';
import { SnapshotRepository } from './repositories/snapshot.repository';
import { StateStore, type SavedState } from './state-store';
import { testPostgres, type TestPostgres } from './testing/database.fixture';

describe('saved states', () => {
  let postgres: TestPostgres;
  let source: DataSource;
  let snapshots: SnapshotRepository;
  let folder: string;
  let states: StateStore;
  const opened = (owner = 'alpha', quotaBytes?: number) =>
    StateStore.open({ folder, dataSource: source, owner, quotaBytes });
  beforeAll(async () => {
    postgres = await testPostgres();
    source = createDataSource(postgres.url);
    await migrate(source);
    snapshots = new SnapshotRepository(source);
  });
  afterAll(async () => {
    await source?.destroy();
    await postgres?.remove();
  });
  beforeEach(async () => {
    folder = join(await mkdtemp(join(tmpdir(), 'v3-states-')), 'states');
    states = await opened();
  });
  afterEach(async () => {
    await source.query('DELETE FROM snapshot');
    await rm(join(folder, '..'), { recursive: true });
  });

  /** 1 MiB with some pages in use, each of which has the number of its content everywhere. */
  function state(...contents: number[]): MachineState {
    const memory = new Uint8Array(new SharedArrayBuffer(1 << 20));
    contents.forEach((content, page) => memory.fill(content, page * 4096, (page + 1) * 4096));
    const devices = Uint8Array.of(1, 2, 3);
    return { format: 1, engineVersion: 'v86', memoryMiB: 1, nicCount: 0, devices, memory };
  }
  const row = ({ digest, storedBytes, pages, newPages }: SavedState, name: string = randomUUID()) => ({
    ...{ id: randomUUID(), name, vmId: '00000000-0000-4000-8000-000000000001', vmName: 'a1', host: 'alpha' },
    ...{ memoryMiB: 1, image: 'debian', nics: [], bytes: storedBytes, pages, newPages, digest },
    ...{ pauseMs: 1.5, parent: null },
  });
  const refer = async (saved: SavedState, manager: EntityManager) => {
    await snapshots.insert(row(saved), manager);
  };
  const whole = (pages: number) => ({ pages, damagedPages: 0, damage: [] });
  const present = () => readdir(join(folder, 'checkpoints'));
  const taken = () => Promise.reject(new V3Error('SNAPSHOT_EXISTS', 'no'));

  it('are kept under their digest, and read by others', async () => {
    const { digest } = await states.write(state(1, 2), refer);
    expect(await present()).toEqual([digest]);
    const other = await opened('beta');
    const { memory } = await other.read(digest);
    expect([memory[0], memory[4096], memory[8192]]).toEqual([1, 2, 0]);
    expect(await other.verify(digest)).toEqual(whole(2));
  });

  it('are complete on the disk before a row refers to them', async () => {
    await states.write(state(1), async (saved, manager) => {
      expect(await states.verify(saved.digest)).toEqual(whole(1));
      await refer(saved, manager);
    });
  });

  it('that are equal are one, which stays as long as any row refers to it', async () => {
    const { digest } = await states.write(state(1), refer);
    expect(await states.write(state(1), refer)).toMatchObject({ digest, newPages: 0, storedBytes: 0 });
    const [first, second] = await snapshots.list({ limit: 2 });
    await snapshots.remove(first!.id);
    expect(await states.remove(digest)).toBe(false);
    expect(await states.verify(digest)).toEqual(whole(1));
    await snapshots.remove(second!.id);
    expect(await states.remove(digest)).toBe(true);
    expect(await states.remove(digest)).toBe(false);
    expect(await present()).toEqual([]);
    expect(await states.collect()).toBeGreaterThan(0);
    expect(await readdir(join(folder, 'packs'))).toEqual([]);
  });

  it('a removal waits for a writer of the same state, and then finds it referred to', async () => {
    const other = await opened('beta');
    let removal: Promise<boolean> | undefined;
    const { digest } = await states.write(state(1), async (saved, manager) => {
      removal = other.remove(saved.digest);
      // The removal is at the lock once Postgres says that somebody waits for it.
      for (;;) {
        const waiting: unknown[] = await manager.query(
          `SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`,
        );
        if (waiting.length > 0) break;
      }
      await refer(saved, manager);
    });
    expect(await removal).toBe(false);
    expect(await states.verify(digest)).toEqual(whole(1));
  });

  it('leave nothing when the row fails, be it at the very end', async () => {
    await expect(states.write(state(1), taken)).rejects.toMatchObject({ code: 'SNAPSHOT_EXISTS' });
    const late = async (saved: SavedState, manager: EntityManager) => {
      await refer(saved, manager);
      await manager.query(
        'CREATE TEMP TABLE late (a int, UNIQUE (a) DEFERRABLE INITIALLY DEFERRED) ON COMMIT DROP',
      );
      await manager.query('INSERT INTO late VALUES (1), (1)');
    };
    await expect(states.write(state(1), late)).rejects.toThrow('late');
    expect(await present()).toEqual([]);
    expect(await snapshots.list({ limit: 1 })).toEqual([]);
    await states.collect();
    expect(await readdir(join(folder, 'packs'))).toEqual([]);
    expect(await readdir(join(folder, 'incoming'))).toEqual([]);
  });

  it('a failed row does not take a state with it that others have', async () => {
    const { digest } = await states.write(state(1), refer);
    await expect(states.write(state(1), taken)).rejects.toMatchObject({ code: 'SNAPSHOT_EXISTS' });
    expect(await states.verify(digest)).toEqual(whole(1));
  });

  it('for which there is no space say so', async () => {
    const bounded = await opened('beta', 100);
    await expect(bounded.write(state(1), refer)).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    expect(await present()).toEqual([]);
    // Of a guest that would be lost otherwise.
    await bounded.write(state(1), refer, { beyondQuota: true });
    expect(await present()).toHaveLength(1);
  });

  it('that are damaged or missing are told from good ones', async () => {
    const { digest } = await states.write(state(1), refer);
    await truncate(join(folder, 'checkpoints', digest), 100);
    expect(await states.verify(digest)).toMatchObject({
      pages: 0,
      damage: [expect.stringContaining('was changed')],
    });
    await expect(states.read(digest)).rejects.toMatchObject({ code: 'STATE_CORRUPT' });
    await rm(join(folder, 'checkpoints', digest));
    await expect(states.read(digest)).rejects.toMatchObject({ code: 'STATE_CORRUPT' });
    await expect(states.remove('../../etc/passwd')).rejects.toMatchObject({ code: 'STATE_CORRUPT' });
  });

  it('are swept at the start: what this owner left unfinished, and what nobody refers to', async () => {
    const { digest } = await states.write(state(1), refer);
    await states.write(state(2), async () => undefined);
    for (const name of ['alpha.1.pack', 'beta.1.pack'])
      await writeFile(join(folder, 'incoming', name), 'half');
    await opened();
    expect(await present()).toEqual([digest]);
    expect(await readdir(join(folder, 'incoming'))).toEqual(['beta.1.pack']);
  });

  it('can be taken out as one file and in again, with their row', async () => {
    const { digest } = await states.write(state(1, 2, 1), refer);
    const file: Buffer[] = [];
    for await (const part of states.export(digest, Buffer.from('label'))) file.push(part);
    await source.query('DELETE FROM snapshot');
    await states.remove(digest);
    const parts = async function* () {
      yield* file;
    };
    const saved = await states.import(parts(), async (found, { label, memoryMiB, nicCount }, manager) => {
      expect([label.toString(), memoryMiB, nicCount]).toEqual(['label', 1, 0]);
      await refer(found, manager);
    });
    expect(saved.digest).toBe(digest);
    expect(await states.verify(digest)).toEqual(whole(3));
    await expect(states.import(parts(), taken)).rejects.toMatchObject({ code: 'SNAPSHOT_EXISTS' });
    expect(await states.verify(digest)).toEqual(whole(3));
  });

  it('can be written while others are being removed and collected, many times over', async () => {
    const churn = async (owner: string, content: number) => {
      const mine = await opened(owner);
      for (let n = 0; n < 10; n++) {
        const { digest } = await mine.write(state(7, content), refer);
        await mine.remove(digest);
        await mine.collect();
        expect(await mine.verify(digest)).toEqual(whole(2));
        await source.query('DELETE FROM snapshot WHERE digest = $1', [digest]);
        await mine.remove(digest);
      }
      await mine.collect();
    };
    await Promise.all([churn('alpha', 1), churn('beta', 2), churn('gamma', 3)]);
    expect(await present()).toEqual([]);
    await states.collect();
    expect(await readdir(join(folder, 'packs'))).toEqual([]);
  });
});
