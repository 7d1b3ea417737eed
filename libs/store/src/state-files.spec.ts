import { createHash, randomUUID } from 'node:crypto';
import { access, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { V3Error } from '@v3vee/contracts';
import type { DataSource, EntityManager } from 'typeorm';
import { createDataSource, migrate } from './data-source';
import { SnapshotRepository } from './repositories/snapshot.repository';
import { StateFiles, type SavedState } from './state-files';
import { testPostgres, type TestPostgres } from './testing/database.fixture';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

describe('saved states', () => {
  let postgres: TestPostgres;
  let source: DataSource;
  let snapshots: SnapshotRepository;
  let folder: string;
  let files: StateFiles;
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
    files = new StateFiles({ folder, dataSource: source, owner: 'alpha' });
    await files.open();
  });
  afterEach(async () => {
    await source.query('DELETE FROM snapshot');
    await rm(join(folder, '..'), { recursive: true });
  });

  const from = (text: string) => async (path: string) => writeFile(path, text);
  async function* stream(...parts: string[]) {
    for (const part of parts) yield Buffer.from(part);
  }
  const row = ({ digest, bytes }: SavedState, name: string = randomUUID()) => ({
    ...{ id: randomUUID(), name, vmId: '00000000-0000-4000-8000-000000000001', vmName: 'a1', host: 'alpha' },
    ...{ memoryMiB: 64, image: 'debian', nics: [], bytes, digest },
  });
  const refer = async (saved: SavedState, manager: EntityManager) => {
    await snapshots.insert(row(saved), manager);
  };
  const present = () => readdir(folder);

  it('are kept under their digest, whether written or streamed', async () => {
    expect(await files.write(from('state'), refer)).toEqual({ digest: sha256('state'), bytes: 5 });
    expect(await files.write(stream('st', 'ream'), refer)).toEqual({ digest: sha256('stream'), bytes: 6 });
    expect((await present()).sort()).toEqual([sha256('state'), sha256('stream')].sort());
    expect(await readFile(files.path(sha256('stream')), 'utf8')).toBe('stream');
    expect(await files.verify(sha256('state'))).toBe(join(folder, sha256('state')));
  });

  it('are complete on the disk before a row refers to them', async () => {
    await files.write(from('state'), async (saved, manager) => {
      expect(await readFile(files.path(saved.digest), 'utf8')).toBe('state');
      await refer(saved, manager);
    });
  });

  it('that are equal are one file, which stays as long as any row refers to it', async () => {
    const { digest } = await files.write(from('same'), refer);
    await files.write(from('same'), refer);
    const [first, second] = await snapshots.list({ limit: 2 });
    expect(await present()).toEqual([digest]);
    await snapshots.remove(first!.id);
    expect(await files.remove(digest)).toBe(false);
    expect(await files.verify(digest)).toBe(files.path(digest));
    await snapshots.remove(second!.id);
    expect(await files.remove(digest)).toBe(true);
    expect(await files.remove(digest)).toBe(false);
    expect(await present()).toEqual([]);
  });

  it('a removal waits for a writer of the same state, and then finds it referred to', async () => {
    let removal: Promise<boolean> | undefined;
    const { digest } = await files.write(from('race'), async (saved, manager) => {
      removal = files.remove(saved.digest);
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
    expect(await files.verify(digest)).toBe(files.path(digest));
  });

  it.each([
    ['the row', from('state'), () => Promise.reject(new V3Error('SNAPSHOT_EXISTS', 'no'))],
    ['the writer', () => Promise.reject(new V3Error('SNAPSHOT_EXISTS', 'no')), refer],
    [
      'the stream',
      (async function* () {
        yield Buffer.from('half');
        throw new V3Error('SNAPSHOT_EXISTS', 'no');
      })(),
      refer,
    ],
  ])('leave nothing when %s fails', async (_, state, reference) => {
    await expect(files.write(state, reference)).rejects.toMatchObject({ code: 'SNAPSHOT_EXISTS' });
    expect(await present()).toEqual([]);
    expect(await snapshots.list({ limit: 1 })).toEqual([]);
  });

  it('a failed row does not take a state with it that others have', async () => {
    const { digest } = await files.write(from('shared'), refer);
    await expect(files.write(from('shared'), () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await files.verify(digest)).toBe(files.path(digest));
  });

  it('for which there is no space say so', async () => {
    // The kernel's own ENOSPC.
    const full = () => writeFile('/dev/full', 'state');
    await expect(files.write(full, refer)).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    expect(await present()).toEqual([]);
  });

  it('that are damaged or missing are told from good ones', async () => {
    const { digest } = await files.write(from('good'), refer);
    await writeFile(files.path(digest), 'evil');
    await expect(files.verify(digest)).rejects.toMatchObject({
      code: 'STATE_CORRUPT',
      message: expect.stringContaining(sha256('evil')),
    });
    await rm(files.path(digest));
    await expect(files.verify(digest)).rejects.toMatchObject({ code: 'STATE_CORRUPT' });
    for (const name of ['../../etc/passwd', '', 'A'.repeat(64)]) {
      expect(() => files.path(name)).toThrow(expect.objectContaining({ code: 'STATE_CORRUPT' }));
    }
  });

  it('are swept at the start: what this owner left unfinished, and what nobody refers to', async () => {
    const { digest } = await files.write(from('kept'), refer);
    await writeFile(join(folder, sha256('orphan')), 'orphan');
    await writeFile(join(folder, `alpha.${randomUUID()}.part`), 'half');
    const others = `beta.${randomUUID()}.part`;
    await writeFile(join(folder, others), 'being written');
    await new StateFiles({ folder, dataSource: source, owner: 'alpha' }).open();
    expect((await present()).sort()).toEqual([digest, others].sort());
  });

  it('can be written while another is being removed, many times over', async () => {
    const churn = async (text: string) => {
      for (let n = 0; n < 10; n++) {
        const saved = await files.write(from(text), refer);
        await access(files.path(saved.digest));
        await files.remove(saved.digest);
        await files.verify(saved.digest);
        await source.query('DELETE FROM snapshot WHERE digest = $1', [saved.digest]);
        await files.remove(saved.digest);
      }
    };
    await Promise.all([churn('a'), churn('b'), churn('c')]);
    expect(await present()).toEqual([]);
  });
});
