import { V3Error, type List, type Operation, type Snapshot, type Vm } from '@v3vee/contracts';
import { HostLeaseRepository } from '@v3vee/store';
import type { ScriptedHost } from '../testing/scripted-host.fixture';
import { TestGateway } from '../testing/test-gateway.fixture';

describe('the loss of a host', () => {
  let gateway: TestGateway;
  let leases: HostLeaseRepository;
  let alpha: ScriptedHost;
  let beta: ScriptedHost;
  let gamma: ScriptedHost;
  beforeAll(async () => {
    gateway = await TestGateway.start();
    leases = new HostLeaseRepository(gateway.dataSource);
    [alpha, beta, gamma] = (await gateway.withHosts('alpha', 'beta', 'gamma')) as [
      ScriptedHost,
      ScriptedHost,
      ScriptedHost,
    ];
  });
  afterAll(() => gateway?.stop());
  beforeEach(async () => {
    for (const host of [alpha, beta, gamma]) {
      host.start();
      host.calls.length = 0;
      await take(host);
      await gateway.until(async () => (await gateway.hostState(host.name)) === 'READY');
    }
    await gateway.ok('post', '/v1/hosts/gamma:cordon');
  });
  afterEach(async () => {
    await gateway.until(async () => !(await operations()).some(({ done }) => !done));
    await gateway.dataSource.query('DELETE FROM vm; DELETE FROM host_lease; DELETE FROM operation');
  });

  const take = ({ name, incarnation }: ScriptedHost) =>
    leases.take({ host: name, incarnation, holder: name, seconds: 3_600 });
  const lose = async (host: ScriptedHost) => {
    host.stop();
    await gateway.dataSource.query(
      `UPDATE host_lease SET expires_at = now() - interval '1 min' WHERE host = $1`,
      [host.name],
    );
  };
  const operations = async () => (await gateway.ok<List<Operation>>('get', '/v1/operations')).items;
  const running = async (name: string, more: object = {}) => {
    const vm = await gateway.ok<Vm>('post', '/v1/vms', { name, host: 'alpha', ...more });
    await gateway.operate('post', `/v1/vms/${name}:start`);
    return vm;
  };
  const show = (name: string) => gateway.ok<Vm>('get', `/v1/vms/${name}`);
  const untilOn = (name: string, host: string) =>
    gateway.until(async () => {
      const vm = await show(name);
      return vm.host === host && vm.state === 'RUNNING';
    });
  const recoveries = (host: ScriptedHost) =>
    host.calls.filter(({ verb }) => verb === 'recover').map(({ request }) => request);

  it('starts a VM elsewhere if that is its policy, under a new epoch; others wait', async () => {
    const waits = await running('waits');
    const a1 = await running('a1', { failover: 'restart' });
    expect([a1.failover, a1.checkpointEvery]).toEqual(['restart', null]);
    await lose(alpha);
    await untilOn('a1', 'beta');
    expect(await show('a1')).toMatchObject({ epoch: a1.epoch + 1 });
    expect(recoveries(beta)).toEqual([
      {
        ...{ vmId: a1.id, epoch: a1.epoch + 1, snapshotIds: [], paused: false },
        reason:
          'after host alpha was lost (beta has as the only one room (944 MiB); not gamma: it is cordoned)',
      },
    ]);
    expect(await show('waits')).toMatchObject({ host: 'alpha', epoch: waits.epoch, state: 'ERROR' });
    expect((await operations()).filter(({ verb }) => verb === 'failover')).toMatchObject([
      { target: 'vms/a1', done: true, error: null },
    ]);
    expect(await gateway.ok('get', '/v1/hosts/alpha')).toMatchObject({ lease: 'LOST' });
  });

  it('goes on from the newest states, and leaves a paused VM paused', async () => {
    await running('a1', { failover: 'checkpoint', checkpointEvery: '1m' });
    expect(await show('a1')).toMatchObject({ failover: 'checkpoint', checkpointEvery: 60 });
    for (const name of ['s1', 's2']) await gateway.operate('post', '/v1/vms/a1:snapshot', { name });
    const { items } = await gateway.ok<List<Snapshot>>('get', '/v1/snapshots?vm=a1');
    await gateway.operate('post', '/v1/vms/a1:pause');
    await alpha.put((await show('a1')).id, 'PAUSED', { desired: 'paused' });
    await lose(alpha);
    await gateway.until(async () => recoveries(beta).length > 0);
    expect(recoveries(beta)).toMatchObject([
      { snapshotIds: items.map(({ id }) => id).reverse(), paused: true },
    ]);
  });

  it('is no loss while it holds its lease, however silent it is; nor after an orderly end', async () => {
    await running('a1', { failover: 'restart' });
    const b1 = await running('b1', { host: 'beta', failover: 'restart' });
    alpha.stop();
    // Until its silence is noticed, VMs are placed there; one that is waits for it to come back, or for its lease to end.
    await gateway.until(async () => (await gateway.hostState('alpha')) === 'NOT_READY');
    await gateway.ok('post', '/v1/hosts/gamma:uncordon');
    await lose(beta);
    await untilOn('b1', 'gamma');
    await leases.release('alpha', alpha.incarnation);
    // Whatever was done to a1 would have been done by the time that another VM has been seen to.
    gamma.start();
    await lose(gamma);
    beta.start();
    await take(beta);
    await gateway.until(async () => (await show('b1')).host === 'beta');
    expect(await show('b1')).toMatchObject({ epoch: b1.epoch + 2 });
    expect(await show('a1')).toMatchObject({ host: 'alpha', epoch: 1, state: 'ERROR' });
    expect(await gateway.ok('get', '/v1/hosts/alpha')).toMatchObject({ lease: 'NONE' });
  });

  it('is preceded by the end of its lease: it is not ready then, and nothing there counts as running', async () => {
    await running('a1');
    await gateway.dataSource.query(`UPDATE host_lease SET expires_at = now() WHERE host = 'alpha'`);
    await gateway.until(async () => (await gateway.hostState('alpha')) === 'NOT_READY');
    const reason = 'the lease of alpha is over, its guests stand still';
    expect(await gateway.ok('get', '/v1/hosts/alpha')).toMatchObject({ reason });
    expect(await show('a1')).toMatchObject({
      state: 'ERROR',
      reason: `${reason}; it was RUNNING when last heard of`,
    });
    await take(alpha);
    await gateway.until(async () => (await show('a1')).state === 'RUNNING');
  });

  it('of which the VMs find no place is shown with the reason, until there is one', async () => {
    await running('a1', { failover: 'restart' });
    await gateway.ok('post', '/v1/hosts/beta:cordon');
    await lose(alpha);
    await gateway.until(async () => (await show('a1')).reason.includes('fail-over'));
    expect((await show('a1')).reason).toMatch(
      /fail-over: no host can take a1; not beta: it is cordoned; gamma: it is cordoned$/,
    );
    expect((await operations()).filter(({ verb }) => verb === 'failover')).toEqual([]);
    await gateway.ok('post', '/v1/hosts/beta:uncordon');
    await untilOn('a1', 'beta');
  });

  it('does not start a VM that was stopped, or had failed', async () => {
    const [stopped, failed] = [
      await running('stopped', { failover: 'restart' }),
      await running('failed', { failover: 'restart' }),
    ];
    await alpha.put(stopped.id, 'STOPPED');
    await alpha.put(failed.id, 'ERROR', { desired: 'running' });
    await running('a1', { failover: 'restart' });
    await lose(alpha);
    await untilOn('a1', 'beta');
    expect(await show('stopped')).toMatchObject({ host: 'alpha', state: 'STOPPED' });
    expect(await show('failed')).toMatchObject({ host: 'alpha', state: 'ERROR' });
  });

  it('is seen to by the next gateway where this one was killed in the middle', async () => {
    const { epoch } = await running('a1', { failover: 'restart' });
    const held = beta.hold('recover');
    await lose(alpha);
    await held.arrived;
    expect(await show('a1')).toMatchObject({
      ...{ host: 'beta', epoch: epoch + 1, state: 'ERROR' },
      reason: 'beta is to go on with it; it was RUNNING on alpha',
    });
    await gateway.restart();
    await gateway.until(async () => recoveries(beta).length === 2);
    held.release();
    await untilOn('a1', 'beta');
    expect(recoveries(beta).map(request => request.epoch)).toEqual([epoch + 1, epoch + 1]);
    expect(await show('a1')).toMatchObject({ epoch: epoch + 1 });
  });

  describe('of which only the Palacios was killed', () => {
    /** Its successor has the lease. */
    const kill = async (host: ScriptedHost) => {
      const dead = host.incarnation;
      host.reincarnate();
      await leases.take(
        { host: host.name, incarnation: host.incarnation, holder: host.name, seconds: 3_600 },
        dead,
      );
    };

    it('takes its VMs elsewhere by their policy, for it is suspect; others are its own to restart', async () => {
      const waits = await running('waits');
      const { epoch } = await running('a1', { failover: 'restart' });
      await kill(alpha);
      await untilOn('a1', 'beta');
      expect(recoveries(beta)).toMatchObject([
        {
          epoch: epoch + 1,
          reason:
            'after the palacios of alpha was killed (beta has as the only one room (944 MiB); ' +
            'not alpha: its VMM crashed; gamma: it is cordoned)',
        },
      ]);
      expect(recoveries(alpha)).toEqual([]);
      expect(await show('waits')).toMatchObject({ host: 'alpha', epoch: waits.epoch });
    });

    it('has them itself, under a new epoch, if no other can take them; asked by the next gateway, too', async () => {
      const { epoch } = await running('a1', { failover: 'restart' });
      await gateway.ok('post', '/v1/hosts/beta:cordon');
      const held = alpha.hold('recover');
      await kill(alpha);
      await held.arrived;
      // It is alpha's to start by now, whoever could take it meanwhile.
      await gateway.ok('post', '/v1/hosts/beta:uncordon');
      await gateway.restart();
      await gateway.until(async () => recoveries(alpha).length === 2);
      held.release();
      await untilOn('a1', 'alpha');
      expect(recoveries(alpha)).toMatchObject([
        {
          epoch: epoch + 1,
          reason:
            'after the palacios of alpha was killed (no host can take a1; not alpha: its VMM crashed; ' +
            'beta: it is cordoned; gamma: it is cordoned; so on alpha again)',
        },
        { epoch: epoch + 1, reason: 'after the palacios of alpha was killed' },
      ]);
      expect(await show('a1')).toMatchObject({ epoch: epoch + 1 });
    });

    it('goes on by itself from what was saved in order, and starts nothing that was stopped', async () => {
      const [saved, stopped] = [
        await running('saved', { failover: 'restart' }),
        await running('stopped', { failover: 'restart' }),
      ];
      await alpha.put(saved.id, 'STOPPED', { desired: 'running', resumeState: 'd'.repeat(64) });
      await alpha.put(stopped.id, 'STOPPED');
      await running('a1', { failover: 'restart' });
      await kill(alpha);
      await untilOn('a1', 'beta');
      expect((await operations()).filter(({ verb }) => verb === 'failover')).toHaveLength(1);
      for (const name of ['saved', 'stopped'])
        expect(await show(name)).toMatchObject({ host: 'alpha', epoch: 1 });
    });
  });

  it('is no reason to touch a VM on which something is done', async () => {
    await running('a1', { failover: 'restart' });
    const held = alpha.hold('pause');
    const { id } = await gateway.ok<Operation>('post', '/v1/vms/a1:pause');
    await held.arrived;
    await lose(alpha);
    expect(await gateway.ended(id)).toMatchObject({ error: { code: 'HOST_NOT_READY' } });
    held.fail(new V3Error('INTERNAL', 'it is gone'));
    await untilOn('a1', 'beta');
  });
});
