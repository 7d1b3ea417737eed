import type { HostMemory, HostTask, HostTasks, KernelTask, Vm } from '@v3vee/contracts';
import type { ScriptedHost } from '../testing/scripted-host.fixture';
import { TestGateway } from '../testing/test-gateway.fixture';

describe('the kernel of a host', () => {
  let gateway: TestGateway;
  let alpha: ScriptedHost;
  let vm: Vm;
  const task = (name: string): KernelTask => ({
    ...{ id: 9, name, kind: 'guest', aspace: 3, core: 0, affinity: null, state: 'RUNNING' },
    ...{ policy: { kind: 'rr' }, onCore: true, shared: true, grantedMs: 5, usedMs: 4, share: 0.5 },
  });
  beforeAll(async () => {
    gateway = await TestGateway.start();
    [alpha] = (await gateway.withHosts('alpha')) as [ScriptedHost];
    vm = await gateway.ok<Vm>('post', '/v1/vms', { name: 'a1', host: 'alpha' });
    alpha.tasks = [task(`vm/${vm.id}`), task('vm/unknown'), task('job/1/0')];
  });
  afterAll(() => gateway?.stop());

  it('shows its memory and its tasks, with VMs by their names', async () => {
    const memory = await gateway.ok<HostMemory>('get', '/v1/hosts/alpha/memory');
    expect(memory.regions).toMatchObject([{ owner: `vm/${vm.id}`, vm: 'a1' }]);
    expect(memory.aspaces.map(space => space.vm)).toEqual(['a1', null, null]);
    const { tasks, ...rest } = await gateway.ok<HostTasks>('get', '/v1/hosts/alpha/tasks');
    expect(rest).toEqual({ host: 'alpha', schedHz: 1, overcommit: 2, contextSwitches: 7 });
    expect(tasks.map(each => each.vm)).toEqual(['a1', null, null]);
  });

  it('schedules a VM by its name, and a task by its own', async () => {
    const policy = { kind: 'edf', sliceMs: 20, periodMs: 100 };
    const schedule = (name: string) =>
      gateway.ok<HostTask>('post', '/v1/hosts/alpha:schedule', { task: name, policy });
    expect(await schedule('a1')).toMatchObject({ name: `vm/${vm.id}`, vm: 'a1', policy });
    expect(await schedule('job/1/0')).toMatchObject({ name: 'job/1/0', vm: null, policy });
  });

  it.each([
    [{ task: 'b1', policy: { kind: 'rr' } }, 404, 'TASK_NOT_FOUND', 'there is no task b1 on alpha'],
    [
      { task: 'a1', policy: { kind: 'edf', sliceMs: 200, periodMs: 100 } },
      400,
      'INVALID_REQUEST',
      'a slice is not longer than its period',
    ],
    [
      { task: 'a1', policy: { kind: 'edf', sliceMs: 5, periodMs: 100 } },
      400,
      'INVALID_REQUEST',
      '10 to 10000 ms',
    ],
    [{ task: 'a1', policy: { kind: 'fifo' } }, 400, 'INVALID_REQUEST', 'policy'],
  ])('refuses %j', async (body, status, code, detail) => {
    const response = await gateway.call('post', '/v1/hosts/alpha:schedule', body);
    expect(response.body).toMatchObject({ status, code, detail: expect.stringContaining(detail) });
  });

  it('says why it can’t be asked', async () => {
    expect((await gateway.call('get', '/v1/hosts/gamma/memory')).body).toMatchObject({
      code: 'HOST_NOT_FOUND',
    });
    alpha.alive.delete('kitten');
    await gateway.until(async () => (await gateway.hostState('alpha')) === 'NOT_READY');
    expect((await gateway.call('get', '/v1/hosts/alpha/tasks')).body).toMatchObject({
      code: 'HOST_NOT_READY',
      detail: expect.stringContaining('the kitten of alpha is silent'),
    });
  });
});
