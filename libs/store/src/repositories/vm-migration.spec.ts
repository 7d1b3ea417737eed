import { randomUUID } from 'node:crypto';
import { migrationOptions, type MigrationProgress } from '@v3vee/contracts';
import type { DataSource } from 'typeorm';
import { createDataSource, migrate } from '../data-source';
import { testPostgres, type TestPostgres } from '../testing/database.fixture';
import { VmMigrationRepository, type NewVmMigration } from './vm-migration.repository';

let postgres: TestPostgres;
let source: DataSource;
let migrations: VmMigrationRepository;

beforeAll(async () => {
  postgres = await testPostgres();
  source = createDataSource(postgres.url);
  await migrate(source);
  migrations = new VmMigrationRepository(source);
});
afterAll(async () => {
  await source?.destroy();
  await postgres?.remove();
});
afterEach(() => source.query('DELETE FROM vm_migration'));

const progress = (more: Partial<MigrationProgress> = {}): MigrationProgress => ({
  ...{ phase: 'PREPARING', reason: '', phases: [], memoryPages: 16_384, bytesSent: 0, pagesSent: 0 },
  ...{ pagesLeft: 16_384, rounds: [], predictedDowntimeMs: null, downtimeMs: null, ...more },
});
const one = (more: Partial<NewVmMigration> = {}): NewVmMigration => ({
  ...{ id: randomUUID(), vmId: randomUUID(), vm: 'a1', epoch: 1, source: 'alpha', target: 'beta' },
  ...{ operationId: randomUUID(), options: migrationOptions.parse({}), progress: progress(), ...more },
});

describe('migrations of VMs', () => {
  it('are one at a time of a VM, the next when that has ended', async () => {
    const first = one();
    const entered = await migrations.insert(first);
    expect(entered).toEqual({ ...first, createdAt: expect.any(Date), endedAt: null });
    expect(await migrations.running(first.vmId)).toEqual(entered);
    const next = one({ vmId: first.vmId, target: 'gamma' });
    await expect(migrations.insert(next)).rejects.toMatchObject({
      code: 'VM_BUSY',
      message: expect.stringContaining('a1 is being moved already'),
    });
    await migrations.insert(one());
    await migrations.end(first.id, progress({ phase: 'FAILED' }));
    expect(await migrations.running(first.vmId)).toBeNull();
    await migrations.insert(next);
    expect(await migrations.running(first.vmId)).toMatchObject({ target: 'gamma' });
  });

  it('are one at a time also when many are begun at once', async () => {
    const vmId = randomUUID();
    const tries = Array.from({ length: 8 }, () => migrations.insert(one({ vmId })));
    const done = await Promise.allSettled(tries);
    expect(done.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('keep what they came to when they ended', async () => {
    const { id, vmId } = await migrations.insert(one());
    const copying = progress({ phase: 'COPYING', pagesSent: 10, predictedDowntimeMs: 12.5 });
    await migrations.progress(id, copying);
    expect(await migrations.get(id)).toMatchObject({ progress: copying, endedAt: null });
    const completed = progress({ phase: 'COMPLETED', downtimeMs: 31 });
    expect(await migrations.end(id, completed)).toMatchObject({
      progress: completed,
      endedAt: expect.any(Date),
    });
    await migrations.progress(id, copying);
    expect(await migrations.end(id, copying)).toBeNull();
    expect(await migrations.get(id)).toMatchObject({ vmId, progress: completed });
    expect(await migrations.get('no uuid')).toBeNull();
  });

  it('are listed newest first in pages, all or those of a VM by id or name', async () => {
    const [a, b] = [randomUUID(), randomUUID()];
    const rows = [one({ vmId: a }), one({ vmId: b, vm: 'b1' }), one({ vmId: a }), one({ vmId: a, vm: 'b1' })];
    for (const [minute, row] of rows.entries()) {
      await migrations.insert(row);
      await migrations.end(row.id, row.progress);
      const at = new Date(60_000 * minute);
      await source.query('UPDATE vm_migration SET created_at = $2 WHERE id = $1', [row.id, at]);
    }
    const ids = async (query: { limit: number; vm?: string; after?: { createdAt: Date; id: string } }) =>
      (await migrations.list(query)).map(({ id }) => rows.findIndex(row => row.id === id));
    expect(await ids({ limit: 10 })).toEqual([3, 2, 1, 0]);
    const [, second] = await migrations.list({ limit: 2 });
    expect(await ids({ limit: 10, after: second })).toEqual([1, 0]);
    expect(await ids({ limit: 10, vm: a })).toEqual([3, 2, 0]);
    expect(await ids({ limit: 10, vm: 'b1' })).toEqual([3, 1]);
    expect(await ids({ limit: 10, vm: 'b1', after: second })).toEqual([1]);
  });

  it('that a process left are found, oldest first, and only ended ones are forgotten', async () => {
    const [old, young] = [await migrations.insert(one()), await migrations.insert(one())];
    const ended = await migrations.insert(one());
    await source.query('UPDATE vm_migration SET created_at = $2 WHERE id = $1', [old.id, new Date(0)]);
    const { endedAt } = (await migrations.end(ended.id, ended.progress))!;
    expect((await migrations.unfinished()).map(({ id }) => id)).toEqual([old.id, young.id]);
    expect(await migrations.removeEndedBefore(endedAt!)).toBe(0);
    expect(await migrations.removeEndedBefore(new Date(endedAt!.getTime() + 1))).toBe(1);
    expect((await migrations.list({ limit: 10 })).map(({ id }) => id)).toEqual([young.id, old.id]);
  });
});
