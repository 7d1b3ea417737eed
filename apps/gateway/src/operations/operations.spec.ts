import { randomUUID } from 'node:crypto';
import type { List, Operation, Vm } from '@v3vee/contracts';
import { OperationRepository, RequestRepository } from '@v3vee/store';
import type { ScriptedHost } from '../testing/scripted-host.fixture';
import { TestGateway } from '../testing/test-gateway.fixture';

describe('operations and repeated requests', () => {
  let gateway: TestGateway;
  let alpha: ScriptedHost;
  let vm: Vm;
  beforeAll(async () => {
    gateway = await TestGateway.start();
    [alpha] = (await gateway.withHosts('alpha')) as [ScriptedHost];
  });
  afterAll(() => gateway?.stop());
  let count = 0;
  beforeEach(async () => {
    vm = await gateway.ok<Vm>('post', '/v1/vms', { name: `v${count++}`, host: 'alpha' });
  });
  const starts = () =>
    alpha.calls.filter(({ verb, request }) => verb === 'start' && request.vmId === vm.id).length;

  it('wait answers when the operation ends, or when the time is over', async () => {
    const held = alpha.hold('start');
    const { id } = await gateway.ok<Operation>('post', `/v1/vms/${vm.name}:start`);
    expect(await gateway.ok('get', `/v1/operations/${id}:wait?timeoutSeconds=0.05`)).toMatchObject({
      done: false,
    });
    const waiting = gateway.ok<Operation>('get', `/v1/operations/${id}:wait?timeoutSeconds=60`);
    held.release();
    expect(await waiting).toMatchObject({ done: true, error: null });
  });

  it('a gateway that stops fails its unfinished operations, and frees their VMs', async () => {
    const held = alpha.hold('start');
    const { id } = await gateway.ok<Operation>('post', `/v1/vms/${vm.name}:start`);
    await held.arrived;
    await gateway.restart();
    expect(await gateway.ok('get', `/v1/operations/${id}`)).toMatchObject({
      done: true,
      error: { code: 'SERVICE_UNAVAILABLE', detail: 'the gateway stopped meanwhile' },
    });
    held.release();
    // What the host did all the same is what is shown.
    await gateway.until(async () => (await gateway.ok<Vm>('get', `/v1/vms/${vm.name}`)).state === 'RUNNING');
    expect(await gateway.operate('post', `/v1/vms/${vm.name}:stop`)).toMatchObject({ error: null });
  });

  it('a gateway that was killed fails them when it is back', async () => {
    const operations = new OperationRepository(gateway.dataSource);
    const id = randomUUID();
    await gateway.restart();
    await gateway.until(async () => (await gateway.hostState('alpha')) === 'READY');
    await operations.insert({ id, verb: 'start', target: `vms/${vm.name}`, actor: 'admin' });
    await operations.lock(id, `vms/${vm.id}`);
    expect((await gateway.call('post', `/v1/vms/${vm.name}:start`)).body).toMatchObject({ code: 'VM_BUSY' });
    await gateway.restart();
    expect(await gateway.ok('get', `/v1/operations/${id}`)).toMatchObject({
      done: true,
      error: {
        code: 'SERVICE_UNAVAILABLE',
        detail: `the gateway was restarted during start of vms/${vm.name}; look at vms/${vm.name} for its true state`,
      },
    });
    await gateway.until(async () => (await gateway.hostState('alpha')) === 'READY');
    expect(await gateway.operate('post', `/v1/vms/${vm.name}:start`)).toMatchObject({ error: null });
  });

  describe('a request id', () => {
    it('gives a repeat the same operation, also after it has ended and after a restart', async () => {
      const path = `/v1/vms/${vm.name}:start?requestId=${randomUUID()}`;
      const first = await gateway.ok<Operation>('post', path);
      const again = await gateway.ok<Operation>('post', path);
      expect(again.id).toBe(first.id);
      await gateway.ended(first.id);
      expect(await gateway.ok('post', path)).toMatchObject({ id: first.id, done: true });
      await gateway.restart();
      expect(await gateway.ok('post', path)).toMatchObject({ id: first.id, done: true });
      expect(starts()).toBe(1);
      await gateway.until(async () => (await gateway.hostState('alpha')) === 'READY');
    });

    it('gives a repeat the first resource, even when that has changed since', async () => {
      const path = `/v1/vms?requestId=${randomUUID()}`;
      const body = { name: `made-${vm.name}`, host: 'alpha', nics: [] };
      const first = await gateway.call('post', path, body);
      expect(first.status).toBe(201);
      await gateway.ok('patch', `/v1/vms/${first.body.name}`, { memoryMiB: 256 });
      // Key order does not make another request.
      const again = await gateway.call('post', path, { nics: [], host: 'alpha', name: `made-${vm.name}` });
      expect([again.status, again.body]).toEqual([201, first.body]);
    });

    it('is refused for another request', async () => {
      const requestId = randomUUID();
      await gateway.ok('post', `/v1/networks?requestId=${requestId}`, { name: `n-${vm.name}` });
      for (const [path, body] of [
        ['/v1/networks', { name: 'another' }],
        ['/v1/vms', { name: `n-${vm.name}`, host: 'alpha' }],
        [`/v1/vms/${vm.name}:start`, undefined],
      ] as const) {
        expect((await gateway.call('post', `${path}?requestId=${requestId}`, body)).body).toMatchObject({
          status: 409,
          code: 'REQUEST_ID_REUSED',
          detail: expect.stringContaining(requestId),
        });
      }
      const { items } = await gateway.ok<List<unknown>>('get', '/v1/networks');
      expect(items).not.toContainEqual(expect.objectContaining({ name: 'another' }));
    });

    it('of a request that is under way says so', async () => {
      const requestId = randomUUID();
      const path = `/v1/vms/${vm.name}?requestId=${requestId}`;
      await alpha.put(vm.id, 'STOPPED');
      await gateway.ok('post', '/v1/networks', { name: `n-${vm.name}` });
      const held = alpha.hold('forget');
      const { id: beta } = await declareBeta();
      await gateway.ended(beta);
      const first = gateway.ok('patch', path, { host: 'beta' });
      await Promise.race([held.arrived, first]);
      expect((await gateway.call('patch', path, { host: 'beta' })).body).toMatchObject({
        status: 409,
        code: 'REQUEST_IN_PROGRESS',
        detail: expect.stringContaining(requestId),
      });
      held.release();
      await first;
      expect(await gateway.ok('patch', path, { host: 'beta' })).toMatchObject({ host: 'beta', epoch: 2 });
    });

    it('of a refused request may be used again: there was no effect to repeat', async () => {
      const path = `/v1/vms/${vm.name}:pause?requestId=${randomUUID()}`;
      expect((await gateway.call('post', path)).body).toMatchObject({ code: 'VM_WRONG_STATE' });
      await alpha.put(vm.id, 'RUNNING');
      expect(await gateway.operate('post', path)).toMatchObject({ response: { state: 'PAUSED' } });
    });

    it('takes effect once, however many come at the same time', async () => {
      const path = `/v1/vms/${vm.name}:start?requestId=${randomUUID()}`;
      const answers = await Promise.all(Array.from({ length: 5 }, () => gateway.call('post', path)));
      const ids = new Set(
        answers.filter(({ status }) => status === 202).map(({ body }) => body.id as string),
      );
      expect(ids.size).toBe(1);
      for (const { status, body } of answers) {
        if (status !== 202) expect(body.code).toBe('REQUEST_IN_PROGRESS');
      }
      await gateway.ended([...ids][0] as string);
      expect(starts()).toBe(1);
    });

    it('is kept for 24 hours', async () => {
      const path = `/v1/networks?requestId=${randomUUID()}`;
      const hours = (age: number) =>
        gateway.dataSource.query(`UPDATE request SET created_at = now() - $1 * interval '1 hour'`, [age]);
      await gateway.ok('post', path, { name: `n-${vm.name}` });
      await hours(23.9);
      await gateway.restart();
      await gateway.ok('post', path, { name: `n-${vm.name}` });
      await hours(24.1);
      await gateway.restart();
      expect((await gateway.call('post', path, { name: `n-${vm.name}` })).body).toMatchObject({
        code: 'NETWORK_EXISTS',
      });
      await gateway.until(async () => (await gateway.hostState('alpha')) === 'READY');
    });

    it('of a request whose gateway died half way is free again', async () => {
      const requestId = randomUUID();
      await new RequestRepository(gateway.dataSource).claim(requestId, 'whatever');
      const send = () =>
        gateway.call('post', `/v1/networks?requestId=${requestId}`, { name: `n-${vm.name}` });
      expect((await send()).status).toBe(409);
      await gateway.restart();
      expect((await send()).status).toBe(201);
      await gateway.until(async () => (await gateway.hostState('alpha')) === 'READY');
    });
  });

  const declareBeta = () =>
    gateway.ok<Operation>('post', '/v1/cluster:apply', { hosts: { alpha: null, beta: null } });
});
