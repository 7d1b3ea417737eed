import type { Operation, Vm } from '@v3vee/contracts';
import type { ScriptedHost } from '../testing/scripted-host.fixture';
import { TestGateway } from '../testing/test-gateway.fixture';

describe('hosts', () => {
  let gateway: TestGateway;
  let alpha: ScriptedHost;
  let vm: Vm;
  beforeAll(async () => {
    gateway = await TestGateway.start();
  });
  afterAll(() => gateway?.stop());
  let count = 0;
  beforeEach(async () => {
    const name = `host-${count++}`;
    [alpha] = (await gateway.withHosts(name)) as [ScriptedHost];
    vm = await gateway.ok<Vm>('post', '/v1/vms', { name: `on-${name}`, host: name });
    // The next test's hosts take the place of this one, which it may not leave with VMs.
  });
  afterEach(async () => {
    alpha.start();
    await gateway.until(async () => (await gateway.hostState(alpha.name)) === 'READY');
    await alpha.put(vm.id, 'STOPPED');
    await gateway.operate('delete', `/v1/vms/${vm.name}`);
    alpha.stop();
  });

  const shown = () => gateway.ok<Vm>('get', `/v1/vms/${vm.name}`);
  const silent = () => gateway.until(async () => (await gateway.hostState(alpha.name)) === 'NOT_READY');

  it('show what their Kitten says', async () => {
    expect(await gateway.ok('get', `/v1/hosts/${alpha.name}`)).toMatchObject({
      name: alpha.name,
      state: 'READY',
      memoryMiB: 1008,
      memoryFreeMiB: 944,
      memoryLargestHoleMiB: 900,
      cores: 8,
      coresFree: 7,
      vms: 1,
      heardAt: expect.any(String),
    });
  });

  it.each(['kitten', 'palacios'] as const)(
    'are NOT_READY when their %s is silent, and say so',
    async service => {
      alpha.alive.delete(service);
      await silent();
      const other = service === 'kitten' ? 'palacios' : 'kitten';
      const host = await gateway.ok<{ reason: string }>('get', `/v1/hosts/${alpha.name}`);
      expect(host.reason).toMatch(new RegExp(`^the ${service} of ${alpha.name} is silent since 20.*Z$`));
      expect(host.reason).not.toContain(other);
      const response = await gateway.call('post', `/v1/vms/${vm.name}:start`);
      expect(response.body).toMatchObject({
        status: 503,
        code: 'HOST_NOT_READY',
        detail: expect.stringContaining(
          `host ${alpha.name} is not ready: the ${service} of ${alpha.name} is silent`,
        ),
      });
      alpha.alive.add(service);
    },
  );

  it('take their VMs’ word with them: RUNNING becomes ERROR while nobody can know', async () => {
    await alpha.put(vm.id, 'RUNNING');
    alpha.stop();
    await silent();
    expect(await shown()).toMatchObject({
      state: 'ERROR',
      reason: expect.stringMatching(
        /^the palacios of .* is silent since .*; it was RUNNING when last heard of$/,
      ),
      agent: false,
    });
    alpha.start();
    await gateway.until(async () => (await shown()).state === 'RUNNING');
  });

  it('STOPPED stays STOPPED, whoever is silent', async () => {
    await alpha.put(vm.id, 'STOPPED');
    alpha.stop();
    await silent();
    expect(await shown()).toMatchObject({ state: 'STOPPED' });
  });

  it('a VM that ran under an earlier Palacios is not taken for running', async () => {
    await alpha.put(vm.id, 'RUNNING');
    alpha.reincarnate();
    await gateway.until(async () => (await shown()).state === 'ERROR');
    expect((await shown()).reason).toContain('was restarted and has not taken it up again');
    await alpha.put(vm.id, 'RUNNING');
    expect(await shown()).toMatchObject({ state: 'RUNNING' });
  });

  it.each([
    ['falls silent', () => alpha.stop(), /is silent since/],
    ['is restarted', () => alpha.reincarnate(), /was restarted meanwhile/],
  ])('an operation under way fails when its Palacios %s', async (_, happens, reason) => {
    const held = alpha.hold('start');
    const { id } = await gateway.ok<Operation>('post', `/v1/vms/${vm.name}:start`);
    await held.arrived;
    happens();
    const operation = await gateway.ended(id);
    expect(operation.error).toMatchObject({ code: 'HOST_NOT_READY', detail: expect.stringMatching(reason) });
    held.release();
  });

  it('a Palacios that beats but does not serve is not ready', async () => {
    await alpha.put(vm.id, 'RUNNING');
    alpha.stop();
    // Its last beat is fresh still.
    const { error } = await gateway.operate('post', `/v1/vms/${vm.name}:pause`);
    expect(error).toMatchObject({
      code: 'HOST_NOT_READY',
      detail: expect.stringContaining('does not answer'),
    });
  });
});

describe('a gateway without its servers', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await TestGateway.start();
    await gateway.withHosts('alpha');
  });
  afterAll(() => gateway?.stop());

  it('says that it is itself cut off from NATS, and goes on answering', async () => {
    await gateway.nats.stop();
    const reason = async () => (await gateway.ok<{ reason: string }>('get', '/v1/hosts/alpha')).reason;
    await gateway.until(async () => (await reason()).includes('the gateway itself is cut off from NATS'));
    await gateway.call('get', '/health/ready').expect(503);
  });

  it('says that the database does not answer, and still has its metrics', async () => {
    await gateway.database.stop();
    expect((await gateway.call('get', '/v1/vms')).body).toMatchObject({
      status: 503,
      code: 'SERVICE_UNAVAILABLE',
      detail: 'the database does not answer; try again in a moment',
    });
    const { text } = await gateway.call('get', '/metrics').expect(200);
    expect(text).toContain('v3_http_request_duration_seconds_count');
    expect(text).not.toContain('v3_vms{');
  });
});
