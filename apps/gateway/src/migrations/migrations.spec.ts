import {
  migrationChanged,
  V3Error,
  type List,
  type Migration,
  type MigrationCheck,
  type Operation,
  type Problem,
  type Vm,
} from '@v3vee/contracts';
import { HostRepository } from '@v3vee/store';
import type { ScriptedHost } from '../testing/scripted-host.fixture';
import { TestGateway } from '../testing/test-gateway.fixture';

describe('the move of a VM to another host', () => {
  let gateway: TestGateway;
  let alpha: ScriptedHost;
  let beta: ScriptedHost;
  beforeAll(async () => {
    gateway = await TestGateway.start();
    [alpha, beta] = (await gateway.withHosts('alpha', 'beta', 'gamma')) as [ScriptedHost, ScriptedHost];
    const card = (name: string, model: string) => ({ name, model, network: 'lan' });
    const { error } = await gateway.operate('post', '/v1/cluster:apply', {
      hosts: {
        alpha: { nics: [card('eth0', 'rtl8139'), card('eth1', 'rtl8139')] },
        beta: { nics: [card('eth0', 'ne2000'), card('eth7', 'rtl8139'), card('eth1', 'rtl8139')] },
        gamma: { nics: [card('eth0', 'ne2000')] },
      },
      networks: { lan: { subnet: '10.0.0.0/24' } },
    });
    expect(error).toBeNull();
  });
  afterAll(() => gateway?.stop());
  afterEach(async () => {
    alpha.migrations.release();
    alpha.migrations.refusal = undefined;
    await gateway.until(async () => (await open()).length === 0);
    await gateway.dataSource.query('DELETE FROM vm');
    await gateway.dataSource.query('DELETE FROM vm_migration');
    alpha.migrations.forget();
  });

  const open = (): Promise<unknown[]> =>
    gateway.dataSource.query('SELECT id FROM vm_migration WHERE ended_at IS NULL');
  const running = async (nics: object[], host = 'alpha', name = 'a1') => {
    const vm = await gateway.ok<Vm>('post', '/v1/vms', { name, host, nics });
    await gateway.operate('post', `/v1/vms/${name}:start`);
    return vm;
  };
  const show = () => gateway.ok<Vm>('get', '/v1/vms/a1');
  const migrate = (body: object) => gateway.ok<Operation>('post', '/v1/vms/a1:migrate', body);
  const migration = (id: string) => gateway.ok<Migration>('get', `/v1/migrations/${id}`);
  const refused = async (host: string) =>
    (await gateway.call('post', '/v1/vms/a1:migrate', { host })).body as Problem;
  const blockers = async (host: string) =>
    (await gateway.ok<MigrationCheck>('post', '/v1/vms/a1:checkMigration', { host })).blockers;
  const codes = async (host: string) => (await blockers(host)).map(({ code }) => code);
  const card = (access = 'vpio', device = 'eth0') => ({ network: 'lan', device, access });
  const inPhase = (id: string, phase: string) =>
    gateway.until(async () => (await migration(id)).phase === phase);

  it('is followed through its phases to the end, under the operation’s id, and takes its card’s twin', async () => {
    const before = await running([{ network: 'lan', ip: '10.0.0.2/24' }, card()]);
    alpha.migrations.holds.add('COPYING');
    const { id } = await migrate({ host: 'beta', downtimeLimitMs: 20, autoConverge: true });
    await inPhase(id, 'COPYING');
    expect(await migration(id)).toMatchObject({
      ...{ id, operation: id, vm: 'a1', source: 'alpha', target: 'beta', endedAt: null, downtimeMs: null },
      options: { mode: 'precopy', downtimeLimitMs: 20, autoConverge: true, maxRounds: 32 },
      ...{ pagesSent: 1_100, pagesLeft: 100, bytesSent: 4_400_000, predictedDowntimeMs: 28 },
      rounds: [{ pages: 900 }, { pages: 100 }, { pages: 100 }],
    });
    expect(alpha.migrations.last.request).toMatchObject({
      ...{ vmId: before.id, epoch: before.epoch, cards: [{ nic: 1, device: 'eth7' }] },
    });
    alpha.migrations.release();
    const operation = await gateway.ended(id);
    expect(operation).toMatchObject({ error: null, verb: 'migrate', response: { host: 'beta' } });
    const done = await migration(id);
    expect(done).toMatchObject({
      phase: 'COMPLETED',
      downtimeMs: 31,
      pagesLeft: 0,
      endedAt: expect.any(String),
    });
    expect(done.phases.map(({ phase }) => phase)).toEqual([
      ...['PREPARING', 'COPYING', 'STOPPED', 'SWITCHING', 'COMPLETED'],
    ]);
    expect(await show()).toMatchObject({
      ...{ id: before.id, host: 'beta', epoch: before.epoch + 1, state: 'RUNNING' },
      nics: [
        { mac: before.nics[0]!.mac, device: null },
        { mac: before.nics[1]!.mac, device: 'eth7', access: 'vpio', model: 'rtl8139' },
      ],
    });
  });

  it('gives each of its NICs a card of its own, of the same name where that fits', async () => {
    await running([card('vpio', 'eth0'), card('emulated', 'eth1')]);
    expect(await gateway.operate('post', '/v1/vms/a1:migrate', { host: 'beta' })).toMatchObject({
      error: null,
    });
    expect((await show()).nics).toMatchObject([{ device: 'eth7' }, { device: 'eth1' }]);
  });

  it('is refused before anything happens where it could not arrive, by what keeps it', async () => {
    await running([card()]);
    expect(await refused('gamma')).toMatchObject({
      code: 'DEVICE_MISMATCH',
      detail: expect.stringContaining('host gamma has no rtl8139 on network lan, which a1/net0 uses'),
    });
    expect(await refused('delta')).toMatchObject({ code: 'HOST_NOT_FOUND' });
    expect(await refused('alpha')).toMatchObject({
      code: 'INVALID_REQUEST',
      detail: 'a1 is on alpha already',
    });
    const alone = [card('passthrough', 'eth7'), card('passthrough', 'eth1')];
    await running(alone, 'beta', 'b1');
    expect(await refused('beta')).toMatchObject({
      code: 'DEVICE_IN_USE',
      detail: expect.stringContaining('beta/eth7 is used by VM b1'),
    });
    expect(
      (await gateway.call('post', '/v1/vms/a1:migrate', { host: 'beta', maxRounds: 0 })).body,
    ).toMatchObject({
      ...{ code: 'INVALID_REQUEST', errors: [{ path: 'maxRounds' }] },
    });
    expect((await gateway.ok<List<Migration>>('get', '/v1/migrations')).items).toEqual([]);
    expect(await show()).toMatchObject({ state: 'RUNNING', host: 'alpha' });
  });

  it('names all that keeps it, when asked for that', async () => {
    await gateway.ok('post', '/v1/vms', { name: 'a1', host: 'alpha', memoryMiB: 1024, nics: [card()] });
    expect(await blockers('gamma')).toEqual([
      { code: 'VM_WRONG_STATE', detail: expect.stringContaining('migrate needs it to be RUNNING or PAUSED') },
      { code: 'HOST_MEMORY_EXHAUSTED', detail: expect.stringContaining('a1 needs 1024 MiB in one piece') },
      { code: 'DEVICE_MISMATCH', detail: expect.stringContaining('a1/net0') },
    ]);
    const { code, detail } = await refused('gamma');
    expect(code).toBe('MIGRATION_BLOCKED');
    for (const blocker of await blockers('gamma')) expect(detail).toContain(blocker.detail);
    expect((await gateway.call('post', '/v1/vms/nobody:checkMigration', { host: 'beta' })).status).toBe(404);
  });

  it('is kept by a host that is cordoned, and by an image that is not there', async () => {
    await running([]);
    expect(await codes('beta')).toEqual([]);
    await new HostRepository(gateway.dataSource).setCordoned('beta', true);
    await gateway.dataSource.query(`UPDATE vm SET image = 'lost'`);
    expect(await codes('beta')).toEqual(['HOST_CORDONED', 'IMAGE_NOT_FOUND']);
    await new HostRepository(gateway.dataSource).setCordoned('beta', false);
  });

  it('is kept by a host that is silent, there or here', async () => {
    await running([]);
    beta.stop();
    await gateway.until(async () => (await gateway.hostState('beta')) === 'NOT_READY');
    expect(await refused('beta')).toMatchObject({
      code: 'HOST_NOT_READY',
      detail: expect.stringContaining('beta'),
    });
    beta.start();
    await gateway.until(async () => (await gateway.hostState('beta')) === 'READY');
    alpha.stop();
    await gateway.until(async () => (await gateway.hostState('alpha')) === 'NOT_READY');
    expect(await refused('beta')).toMatchObject({
      code: 'HOST_NOT_READY',
      detail: expect.stringContaining('alpha'),
    });
    alpha.start();
    await gateway.until(async () => (await gateway.hostState('alpha')) === 'READY');
  });

  it('is one at a time, and nothing else beside it', async () => {
    await running([]);
    alpha.migrations.holds.add('COPYING');
    const { id } = await migrate({ host: 'beta' });
    await inPhase(id, 'COPYING');
    expect(await refused('gamma')).toMatchObject({
      code: 'VM_BUSY',
      detail: `a1 is being moved to beta already (migration ${id})`,
    });
    expect((await gateway.call('post', '/v1/vms/a1:stop')).body).toMatchObject({
      code: 'VM_BUSY',
      detail: expect.stringContaining(`(migrate)`),
    });
    alpha.migrations.release();
    expect(await gateway.ended(id)).toMatchObject({ error: null });
    const held = beta.hold('pause');
    const { id: pausing } = await gateway.ok<Operation>('post', '/v1/vms/a1:pause');
    await held.arrived;
    expect(await refused('alpha')).toMatchObject({
      code: 'VM_BUSY',
      detail: expect.stringContaining('(pause)'),
    });
    held.release();
    await gateway.ended(pausing);
  });

  it('fails as its source refuses it', async () => {
    await running([]);
    alpha.migrations.refusal = new V3Error('STATE_INCOMPATIBLE', 'so it is');
    const { id, error } = await gateway.operate('post', '/v1/vms/a1:migrate', { host: 'beta' });
    expect(error).toMatchObject({ code: 'STATE_INCOMPATIBLE', detail: 'so it is' });
    expect(await migration(id)).toMatchObject({ phase: 'FAILED', reason: 'so it is' });
    expect(await show()).toMatchObject({ host: 'alpha', epoch: 1, state: 'RUNNING' });
  });

  it('fails with the reason when the target cannot go on with it', async () => {
    await running([card()]);
    beta.migrations.incomplete = new V3Error('STATE_CORRUPT', 'a page is damaged');
    const { id, error } = await gateway.operate('post', '/v1/vms/a1:migrate', { host: 'beta' });
    beta.migrations.incomplete = undefined;
    expect(error).toMatchObject({
      code: 'MIGRATION_FAILED',
      detail: 'a1 did not move to beta: a page is damaged',
    });
    expect(await migration(id)).toMatchObject({ phase: 'FAILED', reason: 'a page is damaged' });
    expect(await show()).toMatchObject({ host: 'alpha', epoch: 1, nics: [{ device: 'eth0' }] });
  });

  it.each(['PREPARING', 'COPYING', 'STOPPED'] as const)('is cancelled in phase %s', async phase => {
    await running([]);
    alpha.migrations.holds.add(phase);
    const { id } = await migrate({ host: 'beta' });
    await gateway.until(async () => alpha.migrations.phase === phase);
    expect(await gateway.ok('post', `/v1/migrations/${id}:cancel`)).toMatchObject({
      ...{ phase: 'CANCELLED', endedAt: expect.any(String) },
    });
    expect((await gateway.ended(id)).error).toMatchObject({
      code: 'MIGRATION_CANCELLED',
      detail: 'a1 stays on alpha: the migration was cancelled',
    });
    // Again, it is as it was.
    expect(await gateway.ok('post', `/v1/migrations/${id}:cancel`)).toMatchObject({ phase: 'CANCELLED' });
    expect(await show()).toMatchObject({ host: 'alpha', epoch: 1, state: 'RUNNING' });
  });

  it('is not cancelled any more when it was handed over', async () => {
    await running([]);
    alpha.migrations.holds.add('SWITCHING');
    const { id } = await migrate({ host: 'beta' });
    await inPhase(id, 'SWITCHING');
    const tooLate = { status: 409, code: 'MIGRATION_TOO_LATE' };
    expect((await gateway.call('post', `/v1/migrations/${id}:cancel`)).body).toMatchObject(tooLate);
    alpha.migrations.release();
    expect(await gateway.ended(id)).toMatchObject({ error: null });
    expect((await gateway.call('post', `/v1/migrations/${id}:cancel`)).body).toMatchObject({
      ...{ ...tooLate, detail: 'a1 has been handed over to beta' },
    });
  });

  it('is asked for when nothing is heard of it', async () => {
    await running([]);
    alpha.migrations.isMute = true;
    const { id, error } = await gateway.operate('post', '/v1/vms/a1:migrate', { host: 'beta' });
    alpha.migrations.isMute = false;
    expect(error).toBeNull();
    expect(await migration(id)).toMatchObject({ phase: 'COMPLETED', downtimeMs: 31 });
  });

  it('is told of by its source alone', async () => {
    await running([]);
    alpha.migrations.holds.add('COPYING');
    const { id } = await migrate({ host: 'beta' });
    await inPhase(id, 'COPYING');
    const progress = { ...alpha.migrations.last.progress, phase: 'FAILED' as const, reason: 'a lie' };
    gateway.bus.announce(migrationChanged, 'gamma', { migrationId: id, progress });
    gateway.bus.announce(migrationChanged, 'alpha', {
      migrationId: id,
      progress: { ...alpha.migrations.last.progress, reason: 'the truth' },
    });
    await gateway.until(async () => (await migration(id)).reason === 'the truth');
    expect(await migration(id)).toMatchObject({ phase: 'COPYING' });
    alpha.migrations.release();
    await gateway.ended(id);
  });

  it('is listed, newest first, in pages, also of one VM', async () => {
    await running([]);
    await running([], 'alpha', 'a2');
    const ids: string[] = [];
    for (const [vm, host] of [
      ['a1', 'beta'],
      ['a2', 'beta'],
      ['a1', 'gamma'],
    ]) {
      ids.unshift((await gateway.operate('post', `/v1/vms/${vm}:migrate`, { host })).id);
    }
    const list = (query: string) => gateway.ok<List<Migration>>('get', `/v1/migrations?${query}`);
    expect((await list('')).items.map(({ id }) => id)).toEqual(ids);
    const first = await list('pageSize=2');
    expect(first.items.map(({ id }) => id)).toEqual(ids.slice(0, 2));
    const { items, nextPageToken } = await list(`pageSize=2&pageToken=${first.nextPageToken}`);
    expect([items.map(({ id }) => id), nextPageToken]).toEqual([ids.slice(2), '']);
    expect((await list('vm=a1')).items.map(({ target }) => target)).toEqual(['gamma', 'beta']);
    const { id } = await show();
    await gateway.operate('post', '/v1/vms/a1:stop');
    await gateway.operate('delete', '/v1/vms/a1');
    expect((await list(`vm=${id}`)).items).toHaveLength(2);
    expect((await list('vm=a1')).items).toHaveLength(2);
    expect((await gateway.call('get', `/v1/migrations/${id}`)).body).toMatchObject({
      ...{ status: 404, code: 'MIGRATION_NOT_FOUND', detail: `there is no migration "${id}"` },
    });
    expect((await gateway.call('post', '/v1/migrations/x:cancel')).status).toBe(404);
  });
});
