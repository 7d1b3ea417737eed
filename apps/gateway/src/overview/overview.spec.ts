import { overviewParts, V3Error, type Overview } from '@v3vee/contracts';
import type { ScriptedHost } from '../testing/scripted-host.fixture';
import { TestGateway } from '../testing/test-gateway.fixture';

describe('the overview', () => {
  let gateway: TestGateway;
  let alpha: ScriptedHost;
  beforeAll(async () => {
    gateway = await TestGateway.start();
    [alpha] = (await gateway.withHosts('alpha')) as [ScriptedHost];
    await gateway.ok('post', '/v1/networks', { name: 'lan', subnet: '10.10.0.0/24' });
    for (const name of ['a1', 'a2'])
      await gateway.ok('post', '/v1/vms', { name, host: 'alpha', nics: [{ network: 'lan' }] });
    await gateway.operate('post', '/v1/vms/a1:start');
  });
  afterAll(() => gateway?.stop());

  const overview = (query: string) => gateway.ok<Overview>('get', `/v1/overview?${query}`);

  it('is the lists that were asked for, and no others', async () => {
    const { at, missing, ...lists } = await overview('parts=hosts,vms,networks,operations');
    expect(Date.parse(at)).not.toBeNaN();
    expect(missing).toEqual([]);
    expect(Object.keys(lists).sort()).toEqual(['hosts', 'networks', 'operations', 'vms']);
    const { items } = await gateway.ok<{ items: unknown[] }>('get', '/v1/vms');
    expect(lists.vms).toEqual(items);
    expect(lists.operations?.map(({ verb }) => verb)).toEqual(['start', 'apply']);
  });

  it('has every part there is; of what nobody tells it says why', async () => {
    const answer = await overview(`parts=${overviewParts.join(',')}`);
    // No wifi service runs here.
    expect(answer.missing.map(({ part, code }) => `${part} ${code}`).sort()).toEqual([
      'airtime SERVICE_UNAVAILABLE',
      'wifiEvents SERVICE_UNAVAILABLE',
      'wifiLinks SERVICE_UNAVAILABLE',
    ]);
    const told = Object.keys(answer).filter(key => !['at', 'missing'].includes(key));
    expect(told.sort()).toEqual(
      overviewParts.filter(part => !answer.missing.some(each => each.part === part)).sort(),
    );
  });

  it('leaves out the telemetry of a VM whose host does not tell it', async () => {
    alpha.failing('telemetry', new V3Error('TIMEOUT', 'no'));
    const { telemetry, missing } = await overview('parts=telemetry');
    expect({ telemetry, missing }).toEqual({ telemetry: [], missing: [] });
    alpha.failing('telemetry', undefined);
  });

  it.each(['parts=', 'parts=secrets', '', 'parts=vms&vm=A B'])('refuses "%s"', async query => {
    const { body } = await gateway.call('get', `/v1/overview?${query}`);
    expect(body.code).toBe('INVALID_REQUEST');
  });
});
