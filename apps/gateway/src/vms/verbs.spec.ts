import { V3Error, verbStates, vmStates, type Operation, type Snapshot, type Vm } from '@v3vee/contracts';
import type { ScriptedHost } from '../testing/scripted-host.fixture';
import { TestGateway } from '../testing/test-gateway.fixture';

describe('verbs', () => {
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

  const verb = (name: string, body?: object) => gateway.operate('post', `/v1/vms/${vm.name}:${name}`, body);
  const refusal = async (name: string, body?: object) =>
    (await gateway.call('post', `/v1/vms/${vm.name}:${name}`, body)).body as Record<string, unknown>;

  it('go through a VM’s life, each as an operation that ends with the VM', async () => {
    const walk = [
      ['start', 'RUNNING'],
      ['pause', 'PAUSED'],
      ['resume', 'RUNNING'],
      ['reset', 'RUNNING'],
      ['stop', 'STOPPED'],
    ] as const;
    for (const [name, state] of walk) {
      const operation = await verb(name);
      expect(operation).toMatchObject({
        verb: name,
        target: `vms/${vm.name}`,
        done: true,
        error: null,
        response: { id: vm.id, state },
        endedAt: expect.any(String),
      });
    }
    expect(alpha.verbs().slice(-5)).toEqual(['start', 'pause', 'resume', 'reset', 'stop']);
  });

  const bodies: Record<string, object> = {
    snapshot: { name: 's' },
    restore: { snapshot: 's' },
    exec: { command: ['true'] },
    simulate: { ms: 10 },
    moveCore: { core: 2 },
  };
  const stated = [
    ...(['start', 'stop', 'pause', 'resume', 'reset'] as const),
    ...(['simulate', 'moveCore', 'snapshot', 'exec'] as const),
  ];
  const cases = stated.flatMap(name =>
    vmStates
      .filter(state => !(verbStates[name] as readonly string[]).includes(state))
      .map(state => [name, state] as const),
  );
  it.each(cases)('%s of a VM that is %s says which states allow it', async (name, state) => {
    await alpha.put(vm.id, state, { reason: 'so it is' });
    expect(await refusal(name, bodies[name])).toMatchObject({
      status: 409,
      code: 'VM_WRONG_STATE',
      detail: `${vm.name} is ${state} (so it is); ${name} needs it to be ${verbStates[name].join(' or ')}`,
    });
  });

  it('a paused VM is simulated; the operation tells how far that is', async () => {
    await alpha.put(vm.id, 'PAUSED');
    const operation = await verb('simulate', { ms: 250 });
    expect(operation).toMatchObject({ error: null, response: { state: 'PAUSED' } });
    expect(operation.progress).toBe('simulating: 1 of 250 ms of guest time');
    expect(alpha.calls.at(-1)).toEqual({ verb: 'simulate', request: { vmId: vm.id, ms: 250 } });
  });

  it('a VM goes to another core, and not to one that is taken', async () => {
    await verb('start');
    expect(await verb('moveCore', { core: 2 })).toMatchObject({ error: null, response: { core: 2 } });
    expect(alpha.calls.at(-1)).toEqual({ verb: 'moveCore', request: { vmId: vm.id, core: 2 } });
    alpha.failing('moveCore', new V3Error('HOST_CORE_IN_USE', 'core 1 runs another'));
    expect(await verb('moveCore', { core: 1 })).toMatchObject({ error: { code: 'HOST_CORE_IN_USE' } });
    alpha.failing('moveCore', undefined);
  });

  it.each([
    ['simulate', { ms: 0 }, 'ms'],
    ['simulate', { ms: 600_001 }, 'a simulation takes at most 600000 ms'],
    ['simulate', {}, 'ms'],
    ['moveCore', { core: -1 }, 'core'],
    ['moveCore', { core: 'first' }, 'core'],
  ])('%s with %j is refused with what is wrong', async (name, body, what) => {
    const refused = await refusal(name, body);
    expect(refused).toMatchObject({ status: 400, code: 'INVALID_REQUEST' });
    expect(JSON.stringify(refused)).toContain(what);
  });

  it('a running VM is not deleted', async () => {
    await alpha.put(vm.id, 'RUNNING');
    const response = await gateway.call('delete', `/v1/vms/${vm.name}`);
    expect(response.body).toMatchObject({
      code: 'VM_WRONG_STATE',
      detail: expect.stringContaining('delete needs it to be STOPPED or ERROR'),
    });
    expect(await gateway.ok('get', `/v1/vms/${vm.name}`)).toMatchObject({ state: 'RUNNING' });
  });

  it('a deleted VM is gone, with what its Palacios kept', async () => {
    await verb('start');
    await verb('stop');
    expect(await gateway.operate('delete', `/v1/vms/${vm.name}`)).toMatchObject({
      verb: 'delete',
      error: null,
      response: {},
    });
    expect(alpha.calls.at(-1)).toEqual({ verb: 'forget', request: { vmId: vm.id } });
    expect((await gateway.call('get', `/v1/vms/${vm.id}`)).body).toMatchObject({ code: 'VM_NOT_FOUND' });
  });

  it('a VM that failed is stopped before it is forgotten, for it may still hold memory', async () => {
    await alpha.put(vm.id, 'ERROR');
    await gateway.operate('delete', `/v1/vms/${vm.name}`);
    expect(alpha.verbs().slice(-2)).toEqual(['stop', 'forget']);
  });

  it('one at a time: a busy VM says with what', async () => {
    const held = alpha.hold('start');
    const first = await gateway.ok<Operation>('post', `/v1/vms/${vm.name}:start`);
    await held.arrived;
    expect(await refusal('start')).toMatchObject({
      status: 409,
      code: 'VM_BUSY',
      detail: `${vm.name} is busy with operation ${first.id} (start); wait for it to end`,
    });
    expect((await gateway.call('patch', `/v1/vms/${vm.name}`, { autostart: true })).body).toMatchObject({
      code: 'VM_BUSY',
    });
    held.release();
    expect(await gateway.ended(first.id)).toMatchObject({ error: null });
    await verb('stop');
  });

  it('of two starts at once, one begins', async () => {
    const held = alpha.hold('start');
    const both = await Promise.all([1, 2].map(() => gateway.call('post', `/v1/vms/${vm.name}:start`)));
    expect(both.map(({ status }) => status).sort()).toEqual([202, 409]);
    held.release();
    await gateway.ended(both.find(({ status }) => status === 202)?.body.id);
  });

  it('what Palacios refuses is the operation’s error, and the VM can be tried again', async () => {
    alpha.failing('start', new V3Error('HOST_MEMORY_EXHAUSTED', 'asked for 64 MiB, largest hole is 32 MiB'));
    expect(await verb('start')).toMatchObject({
      done: true,
      response: null,
      error: {
        code: 'HOST_MEMORY_EXHAUSTED',
        status: 409,
        detail: 'asked for 64 MiB, largest hole is 32 MiB',
      },
    });
    alpha.failing('start', undefined);
    expect(await verb('start')).toMatchObject({ error: null });
  });

  it('the words of an unexpected failure stay in the log', async () => {
    alpha.failing('start', new V3Error('INTERNAL', 'secret at /root/x.ts:1'));
    const { error } = await verb('start');
    alpha.failing('start', undefined);
    expect(error).toMatchObject({ code: 'INTERNAL', requestId: expect.any(String) });
    expect(JSON.stringify(error)).not.toContain('secret');
  });

  describe('snapshots', () => {
    it('are taken, listed, restored and deleted', async () => {
      await verb('start');
      const { response } = await verb('snapshot', { name: 'before' });
      const snapshot = response as Snapshot;
      expect(snapshot).toMatchObject({ name: 'before', vmId: vm.id, vmName: vm.name, bytes: 4096 });
      expect(await gateway.ok('get', `/v1/snapshots?vm=${vm.name}`)).toEqual({
        items: [snapshot],
        nextPageToken: '',
      });
      // Nobody says here what it takes on the disk.
      const shown = await gateway.ok('get', `/v1/snapshots/${snapshot.id}`);
      expect(shown).toEqual({ ...snapshot, storage: null });
      expect(await verb('restore', { snapshot: 'before' })).toMatchObject({ response: { state: 'RUNNING' } });
      expect(alpha.calls.at(-1)).toEqual({
        verb: 'restore',
        request: { vmId: vm.id, snapshotId: snapshot.id, identity: false },
      });
      expect(await refusal('snapshot', { name: 'before' })).toMatchObject({
        status: 409,
        code: 'SNAPSHOT_EXISTS',
      });
      await gateway.ok('delete', `/v1/snapshots/${snapshot.id}`);
      expect((await gateway.call('get', `/v1/snapshots/${snapshot.id}`)).body).toMatchObject({
        code: 'SNAPSHOT_NOT_FOUND',
      });
    });

    it('that are not the VM’s own are not restored into it', async () => {
      await verb('start');
      const { response } = await verb('snapshot', { name: 'mine' });
      const other = await gateway.ok<Vm>('post', '/v1/vms', { name: `other-${vm.name}`, host: 'alpha' });
      const { id } = response as Snapshot;
      const answer = await gateway.call('post', `/v1/vms/${other.name}:restore`, { snapshot: id });
      expect(answer.body).toMatchObject({
        status: 404,
        code: 'SNAPSHOT_NOT_FOUND',
        detail: expect.stringContaining(`is ${vm.name}'s, not ${other.name}'s`),
      });
    });

    it('of one name in several VMs must be named by id', async () => {
      const second = await gateway.ok<Vm>('post', '/v1/vms', { name: `second-${vm.name}`, host: 'alpha' });
      for (const name of [vm.name, second.name]) {
        await gateway.operate('post', `/v1/vms/${name}:start`);
        await gateway.operate('post', `/v1/vms/${name}:snapshot`, { name: 'same' });
      }
      expect((await gateway.call('get', '/v1/snapshots/same')).body).toMatchObject({
        code: 'INVALID_REQUEST',
        detail: expect.stringMatching(/several snapshots are named "same"; give an id: .*, /),
      });
    });
  });

  describe('the agent', () => {
    beforeEach(() => verb('start'));

    it('runs commands', async () => {
      const result = await gateway.ok('post', `/v1/vms/${vm.name}:exec`, { command: ['false'] });
      expect(result).toEqual({
        exitCode: 3,
        stdout: 'out',
        stderr: 'err',
        encoding: 'utf8',
        truncated: false,
      });
      expect(alpha.calls.at(-1)?.request).toEqual({ vmId: vm.id, command: ['false'], timeoutSeconds: 60 });
    });

    it('that does not answer is an error of exec, not of refresh', async () => {
      const error = new V3Error('VM_NO_AGENT', 'the agent is silent');
      alpha.failing('exec', error);
      alpha.failing('refresh', error);
      expect(await refusal('exec', { command: ['true'] })).toMatchObject({
        status: 409,
        code: 'VM_NO_AGENT',
      });
      expect(await gateway.ok('post', `/v1/vms/${vm.name}:refresh`)).toMatchObject({ id: vm.id });
      alpha.failing('exec', undefined);
      alpha.failing('refresh', undefined);
    });
  });

  it('telemetry is there while there is a machine', async () => {
    const path = `/v1/vms/${vm.name}/telemetry`;
    expect((await gateway.call('get', path)).body).toMatchObject({
      code: 'VM_WRONG_STATE',
      detail: expect.stringContaining('telemetry needs it to be RUNNING or PAUSED'),
    });
    await verb('start');
    expect(await gateway.ok('get', path)).toMatchObject({ exits: { halt: { count: 7 } } });
  });

  it('are counted by verb and result, VMs by state, requests by route and status', async () => {
    await verb('start');
    const { text } = await gateway.call('get', '/metrics');
    expect(text).toMatch(/v3_operations_total\{verb="start",result="OK",service="gateway"\} [1-9]/);
    expect(text).toMatch(/v3_operations_total\{verb="start",result="HOST_MEMORY_EXHAUSTED",.*\} 1/);
    expect(text).toMatch(/v3_vms\{state="RUNNING",service="gateway"\} [1-9]/);
    expect(text).toMatch(
      /v3_http_request_duration_seconds_count\{.*method="POST",route="\/v1\/vms\/:vm:start",status="202"\} [1-9]/,
    );
    expect(text).not.toContain(vm.name);
  });
});
