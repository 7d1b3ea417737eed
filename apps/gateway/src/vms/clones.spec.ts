import { randomUUID } from 'node:crypto';
import { palaciosCalls, V3Error, type List, type Snapshot, type Vm } from '@v3vee/contracts';
import { OperationRepository, VmRepository } from '@v3vee/store';
import type { ScriptedHost } from '../testing/scripted-host.fixture';
import { TestGateway } from '../testing/test-gateway.fixture';

describe('clones', () => {
  let gateway: TestGateway;
  let alpha: ScriptedHost;
  let beta: ScriptedHost;
  let source: Vm;
  beforeAll(async () => {
    gateway = await TestGateway.start();
    [alpha, beta] = (await gateway.withHosts('alpha', 'beta')) as [ScriptedHost, ScriptedHost];
    await gateway.ok('post', '/v1/networks', { name: 'lan', subnet: '10.0.0.0/24' });
  });
  afterAll(() => gateway?.stop());
  let count = 0;
  beforeEach(async () => {
    source = await gateway.ok<Vm>('post', '/v1/vms', {
      name: `source-${++count}`,
      host: 'alpha',
      memoryMiB: 96,
      nics: [{ network: 'lan', ip: `10.0.0.${count}/24` }],
    });
    await gateway.operate('post', `/v1/vms/${source.name}:start`);
  });

  const clone = (body: object) => gateway.operate('post', `/v1/vms/${source.name}:clone`, body);
  const refused = async (body: object) =>
    (await gateway.call('post', `/v1/vms/${source.name}:clone`, body)).body as Record<string, unknown>;
  const snapshots = async () => (await gateway.ok<List<Snapshot>>('get', '/v1/snapshots')).items;
  const exists = async (name: string) => (await gateway.call('get', `/v1/vms/${name}`)).status === 200;

  it('go on from the present state, as a VM of their own', async () => {
    const name = `clone-of-${source.name}`;
    const { error, response } = await clone({ name, host: 'beta', ips: [`10.0.0.10${count}/24`] });
    expect(error).toBeNull();
    const made = response as Vm;
    expect(made).toMatchObject({ name, host: 'beta', memoryMiB: 96, image: 'debian', state: 'RUNNING' });
    expect(made.id).not.toBe(source.id);
    expect(made.nics).toMatchObject([{ network: 'lan', ips: [`10.0.0.10${count}/24`] }]);
    expect(made.nics[0]?.mac).not.toBe(source.nics[0]?.mac);
    expect(alpha.verbs().slice(-2)).toEqual(['snapshot', 'deleteSnapshot']);
    expect(beta.calls.at(-1)).toMatchObject({ verb: 'restore', request: { vmId: made.id, identity: true } });
    expect(await snapshots()).toEqual([]);
  });

  it('without addresses have none', async () => {
    const { response } = await clone({ name: `bare-${source.name}` });
    expect((response as Vm).nics).toMatchObject([{ network: 'lan', ips: [] }]);
  });

  it('go on from a snapshot, which stays, also of a stopped VM', async () => {
    await gateway.operate('post', `/v1/vms/${source.name}:snapshot`, { name: 'then' });
    await gateway.operate('post', `/v1/vms/${source.name}:stop`);
    const { error, response } = await clone({ name: `later-${source.name}`, snapshot: 'then' });
    expect(error).toBeNull();
    expect(response).toMatchObject({ state: 'RUNNING', host: 'alpha' });
    expect(await snapshots()).toMatchObject([{ name: 'then' }]);
    await gateway.ok('delete', '/v1/snapshots/then');
  });

  it.each([
    ['snapshot', () => alpha],
    ['restore', () => beta],
  ] as const)('that fail at %s leave nothing behind', async (verb, host) => {
    host().failing(verb, new V3Error('STORAGE_FULL', 'no space'));
    const name = `half-${verb}`;
    const { error } = await clone({ name, host: 'beta' });
    host().failing(verb, undefined);
    expect(error).toMatchObject({ code: 'STORAGE_FULL', detail: 'no space' });
    expect(await exists(name)).toBe(false);
    expect(await snapshots()).toEqual([]);
    // The name is free again.
    expect(await clone({ name, host: 'beta' })).toMatchObject({ error: null });
  });

  it('whose gateway is killed half way are removed when it is back', async () => {
    // What a process leaves that dies during the restore.
    const id = randomUUID();
    const name = `orphan-${source.name}`;
    const operations = new OperationRepository(gateway.dataSource);
    await operations.insert({ id, verb: 'clone', target: `vms/${source.name}`, actor: 'admin' });
    await operations.lock(id, `vms/${source.id}`);
    await gateway.bus.call(palaciosCalls.snapshot, 'alpha', { vmId: source.id, name: `clone-${id}` });
    await new VmRepository(gateway.dataSource).create({
      id,
      name,
      host: 'beta',
      memoryMiB: 96,
      image: 'debian',
      autostart: false,
      boot: 'template',
      managed: false,
      nics: [],
    });
    await beta.put(id, 'RUNNING');
    beta.stop();
    await gateway.restart();
    expect(await gateway.ok('get', `/v1/operations/${id}`)).toMatchObject({
      done: true,
      error: { code: 'SERVICE_UNAVAILABLE' },
    });
    // It may be running there: as long as nobody can know, it is not forgotten.
    await gateway.until(async () => (await gateway.hostState('alpha')) === 'READY');
    expect(await exists(name)).toBe(true);
    beta.start();
    await gateway.until(async () => !(await exists(name)) && (await snapshots()).length === 0);
    expect(beta.verbs().slice(-2)).toEqual(['stop', 'forget']);
    expect(await exists(source.name)).toBe(true);
  });

  it('are refused with what would be right', async () => {
    expect(await refused({ name: source.name })).toMatchObject({ status: 409, code: 'VM_EXISTS' });
    expect(await refused({ name: 'x', host: 'zeta' })).toMatchObject({ code: 'HOST_NOT_FOUND' });
    expect(await refused({ name: 'x', snapshot: 'never' })).toMatchObject({ code: 'SNAPSHOT_NOT_FOUND' });
    expect(await refused({ name: 'x', ips: [] })).toMatchObject({
      code: 'INVALID_REQUEST',
      detail: `ips: ${source.name} has 1 NICs; give as many addresses, or leave "ips" out`,
    });
    await gateway.operate('post', `/v1/vms/${source.name}:stop`);
    expect(await refused({ name: 'x' })).toMatchObject({
      code: 'VM_WRONG_STATE',
      detail: `${source.name} is STOPPED; a clone of its present state needs it to be RUNNING or PAUSED; or name a snapshot to clone`,
    });
    expect(await exists('x')).toBe(false);
  });
});
