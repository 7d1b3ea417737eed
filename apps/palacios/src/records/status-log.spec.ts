import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { ensurePostgres, freePort, resolvePaths, startPostgres, type Daemon } from '@v3vee/setup';
import { createDataSource, HostRepository, migrate, VmRepository, VmStatusRepository } from '@v3vee/store';
import { stateFolder } from '@v3vee/testkit';
import type { StatusRecord } from '../lifecycle/ports';
import { DurableStatusLog } from './status-log';

const incarnation = randomUUID();

describe('the status log on a real Postgres', () => {
  let dir: string;
  let start: () => Promise<Daemon>;
  let postgres: Daemon;
  let dataSource: ReturnType<typeof createDataSource>;
  let statuses: VmStatusRepository;
  let vms: VmRepository;

  beforeAll(async () => {
    dir = await stateFolder();
    const binaries = await ensurePostgres({ cache: resolvePaths().cache });
    const port = await freePort();
    start = () => startPostgres({ binaries, dir, port });
    postgres = await start();
    dataSource = createDataSource(postgres.url);
    await migrate(dataSource);
    statuses = new VmStatusRepository(dataSource);
    vms = new VmRepository(dataSource);
    await new HostRepository(dataSource).save({
      name: 'alpha',
      memoryMiB: 1024,
      cores: 8,
      nics: [],
      radios: [],
    });
  }, 60_000);
  afterAll(async () => {
    await dataSource?.destroy();
    await postgres?.stop();
    await rm(dir, { recursive: true, force: true });
  });

  const newLog = (repository: Pick<VmStatusRepository, 'save' | 'forget'> = statuses) =>
    new DurableStatusLog({
      host: 'alpha',
      repository,
      bus: { announce: () => undefined },
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    });
  const newRecord = async (name: string): Promise<StatusRecord> => {
    const { id } = await vms.create({
      name,
      host: 'alpha',
      memoryMiB: 64,
      image: 'debian',
      autostart: false,
      boot: 'template',
      managed: false,
      nics: [],
    });
    return {
      vmId: id,
      host: 'alpha',
      epoch: 1,
      state: 'STOPPED',
      reason: 'new',
      agent: false,
      ips: [],
      startedAt: null,
      incarnation,
      desired: 'stopped',
      resumeState: null,
    };
  };

  it('writes what it is given, the newest last', async () => {
    const log = newLog();
    const record = await newRecord('a1');
    void log.write(record);
    void log.write({ ...record, reason: 'then' });
    await log.write({ ...record, state: 'RUNNING', reason: 'last', ips: [['10.0.0.1/24'], []] });
    expect(await statuses.get(record.vmId)).toMatchObject({
      state: 'RUNNING',
      reason: 'last',
      ips: [['10.0.0.1/24'], []],
      incarnation,
    });
    expect(log.behind).toBe(0);
    await log.forget(record.vmId);
    expect(await statuses.get(record.vmId)).toBeNull();
  });

  it('does not lose what happens while the database is away', async () => {
    const log = newLog();
    const record = await newRecord('a2');
    await log.write({ ...record, state: 'RUNNING', reason: 'started' });
    await postgres.stop();
    const failed = log.write({ ...record, state: 'ERROR', reason: 'fault' });
    const stopped = log.write({ ...record, state: 'STOPPED', reason: 'stopped since' });
    expect(log.behind).toBe(1);
    postgres = await start();
    await Promise.all([failed, stopped]);
    expect(await statuses.get(record.vmId)).toMatchObject({ state: 'STOPPED', reason: 'stopped since' });
    expect(log.behind).toBe(0);
  }, 60_000);

  it('lets no older record overwrite the one that is written with a saved state', async () => {
    const log = newLog();
    const record = await newRecord('a3');
    void log.write({ ...record, state: 'RUNNING', reason: 'started' });
    const digest = 'b'.repeat(64);
    await dataSource.transaction(transaction =>
      log.writeWith({ ...record, reason: 'saved', resumeState: digest }, transaction),
    );
    expect(await statuses.get(record.vmId)).toMatchObject({ reason: 'saved', resumeState: digest });
  });

  it('gives up on a VM that is deleted, and refuses a saved state for it', async () => {
    const log = newLog();
    const record = await newRecord('a4');
    await vms.remove(record.vmId);
    await log.write(record);
    const saving = dataSource.transaction(transaction => log.writeWith(record, transaction));
    await expect(saving).rejects.toMatchObject({ code: 'VM_NOT_FOUND' });
  });

  it('ends in time when the database does not come back', async () => {
    const away = {
      save: () => Promise.reject(new Error('away')),
      forget: () => Promise.reject(new Error('away')),
    };
    const log = newLog(away);
    const writing = log.write(await newRecord('a5'));
    await log.close(20);
    await writing;
    expect(log.behind).toBe(0);
  });
});
