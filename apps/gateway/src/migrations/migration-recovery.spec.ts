import type { Migration, Operation, Vm } from '@v3vee/contracts';
import { VmMigrationRepository, VmRepository } from '@v3vee/store';
import type { ScriptedHost } from '../testing/scripted-host.fixture';
import { TestGateway } from '../testing/test-gateway.fixture';

describe('a migration whose source or gateway goes', () => {
  let gateway: TestGateway;
  let alpha: ScriptedHost;
  let beta: ScriptedHost;
  let vm: Vm;
  let id: string;
  let count = 0;
  beforeAll(async () => {
    gateway = await TestGateway.start();
    [alpha, beta] = (await gateway.withHosts('alpha', 'beta')) as [ScriptedHost, ScriptedHost];
  });
  afterAll(() => gateway?.stop());
  /** One that is held in the middle of its copy. */
  beforeEach(async () => {
    vm = await gateway.ok<Vm>('post', '/v1/vms', { name: `v${count++}`, host: 'alpha' });
    await gateway.operate('post', `/v1/vms/${vm.name}:start`);
    alpha.migrations.holds.add('COPYING');
    id = (await gateway.ok<Operation>('post', `/v1/vms/${vm.name}:migrate`, { host: 'beta' })).id;
    await gateway.until(async () => (await migration()).phase === 'COPYING');
    beta.migrations.abandoned.length = 0;
  });
  afterEach(async () => {
    alpha.migrations.release();
    for (const host of [alpha, beta]) host.start();
    for (const name of ['alpha', 'beta']) {
      await gateway.until(async () => (await gateway.hostState(name)) === 'READY');
    }
  });

  const migration = () => gateway.ok<Migration>('get', `/v1/migrations/${id}`);
  const ended = async () => {
    await gateway.until(async () => (await migration()).endedAt !== null);
    return migration();
  };
  const swap = () =>
    new VmRepository(gateway.dataSource).swapOwner(vm.id, { from: 'alpha', epoch: vm.epoch, to: 'beta' });
  /** Its Palacios is another process now. */
  const restartAlpha = () => {
    alpha.stop();
    alpha.reincarnate();
    alpha.start();
  };

  it('goes on under the next gateway and ends truly, though its operation has failed', async () => {
    await gateway.restart();
    expect(await gateway.ended(id)).toMatchObject({
      error: { code: 'SERVICE_UNAVAILABLE', detail: 'the gateway stopped meanwhile' },
    });
    expect(await migration()).toMatchObject({ phase: 'COPYING', endedAt: null });
    const refused = await gateway.call('post', `/v1/vms/${vm.name}:migrate`, { host: 'beta' });
    expect(refused.body.detail).toContain(`being moved to beta already (migration ${id})`);
    alpha.migrations.release();
    expect(await ended()).toMatchObject({ phase: 'COMPLETED', downtimeMs: 31, pagesSent: 1_100 });
    expect(await gateway.ok('get', `/v1/vms/${vm.name}`)).toMatchObject({ host: 'beta' });
  });

  it('can be cancelled at the next gateway', async () => {
    await gateway.restart();
    await gateway.until(async () => (await gateway.hostState('alpha')) === 'READY');
    expect(await gateway.ok('post', `/v1/migrations/${id}:cancel`)).toMatchObject({ phase: 'CANCELLED' });
  });

  it('that ended while there was no gateway ends as it did', async () => {
    await gateway.restart(async () => {
      alpha.migrations.release();
      await gateway.until(async () => alpha.migrations.phase === 'COMPLETED');
    });
    expect(await ended()).toMatchObject({ phase: 'COMPLETED', downtimeMs: 31 });
  });

  it('that its source knows nothing of has failed if that owns the VM, and nobody can swap it any more', async () => {
    restartAlpha();
    expect(await ended()).toMatchObject({
      phase: 'FAILED',
      reason: `alpha has ${vm.name}; alpha knows nothing of migration ${id}`,
    });
    expect(beta.migrations.abandoned).toContain(id);
    expect((await gateway.ended(id)).error).toMatchObject({ code: 'MIGRATION_FAILED' });
  });

  it('that its source knows nothing of is complete if the target owns the VM', async () => {
    await swap();
    restartAlpha();
    expect(await ended()).toMatchObject({
      phase: 'COMPLETED',
      reason: expect.stringContaining(`beta has ${vm.name}`),
      // As far as it was known.
      ...{ downtimeMs: null, pagesSent: 1_100 },
    });
    expect((await gateway.ended(id)).error).toBeNull();
  });

  it('whose source is gone for good is settled by the owner', async () => {
    alpha.stop();
    expect(await ended()).toMatchObject({
      phase: 'FAILED',
      reason: expect.stringContaining(`alpha has ${vm.name}; host alpha is not ready`),
    });
  });

  describe('that nobody can be asked of', () => {
    beforeEach(async () => {
      alpha.stop();
      beta.stop();
      // Whoever waits for it is told; what is not known is not said to be.
      expect((await gateway.ended(id)).error).toMatchObject({
        code: 'MIGRATION_FAILED',
        detail: expect.stringContaining(
          'neither alpha nor beta can be asked, and beta may still take it over',
        ),
      });
      expect(await migration()).toMatchObject({ phase: 'COPYING', endedAt: null });
    });

    it('is complete when the target, cut off from all but the store, takes it over late', async () => {
      await swap();
      expect(await ended()).toMatchObject({
        phase: 'COMPLETED',
        reason: expect.stringContaining(`beta has ${vm.name}`),
      });
      expect(beta.migrations.abandoned).toEqual([]);
    });

    it('has failed when the target can be asked again, and nobody can take it over any more', async () => {
      beta.start();
      expect(await ended()).toMatchObject({
        phase: 'FAILED',
        reason: expect.stringContaining(`alpha has ${vm.name}`),
      });
      expect(beta.migrations.abandoned).toContain(id);
    });

    it('has failed when the VM was taken from both', async () => {
      const vms = new VmRepository(gateway.dataSource);
      await vms.swapOwner(vm.id, { from: 'alpha', epoch: vm.epoch, to: 'alpha' });
      expect(await ended()).toMatchObject({ phase: 'FAILED' });
    });

    it('is followed by the next gateway', async () => {
      await gateway.restart();
      await swap();
      expect(await ended()).toMatchObject({ phase: 'COMPLETED' });
    });
  });

  it('of a VM that was deleted has failed', async () => {
    await gateway.dataSource.query('DELETE FROM vm WHERE id = $1', [vm.id]);
    restartAlpha();
    expect(await ended()).toMatchObject({
      phase: 'FAILED',
      reason: expect.stringContaining(`${vm.name} was deleted`),
    });
  });

  it('is kept for 30 days', async () => {
    alpha.migrations.release();
    await ended();
    const rows = new VmMigrationRepository(gateway.dataSource);
    const days = (age: number) =>
      gateway.dataSource.query(`UPDATE vm_migration SET ended_at = now() - $1 * interval '1 day'`, [age]);
    await days(29.9);
    await gateway.restart();
    expect(await rows.get(id)).not.toBeNull();
    await days(30.1);
    await gateway.restart();
    expect(await rows.get(id)).toBeNull();
  });
});
