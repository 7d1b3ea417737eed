import type { AuditEntry, List, NewToken, Problem } from '@v3vee/contracts';
import { TestGateway } from '../testing/test-gateway.fixture';

describe('the audit log', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await TestGateway.start({ V3_RATE_LIMIT: '1000' });
    await gateway.withHosts('alpha');
    await gateway.ok('post', '/v1/projects', { name: 'red' });
  });
  afterAll(() => gateway?.stop());
  afterEach(async () => {
    for (const table of ['vm', 'network']) await gateway.dataSource.query(`DELETE FROM ${table}`);
  });

  const as = (who: NewToken, method: 'get' | 'post' | 'delete', path: string, body?: object) =>
    gateway.call(method, path, body, who.token);
  const refused = async (test: ReturnType<TestGateway['call']>) => (await test).body as Problem;
  const audit = async (user: string) =>
    (await gateway.ok<List<AuditEntry>>('get', `/v1/audit?user=${user}`)).items;

  it('has who changed what and what was refused, and nothing of what is only looked at', async () => {
    const who = await gateway.user('operator', { project: 'red' });
    const requestId = '00000000-0000-4000-8000-00000000aaaa';
    await as(who, 'get', '/v1/vms').expect(200);
    await as(who, 'post', `/v1/vms?requestId=${requestId}`, { name: 'r1', host: 'alpha' }).expect(201);
    await as(who, 'get', '/v1/users').expect(403);
    await as(who, 'delete', '/v1/vms/none').expect(404);
    const [deletion, users, creation, ...others] = await audit(who.user);
    expect(others).toEqual([]);
    const common = { user: who.user, token: who.id, project: 'red', from: '127.0.0.1' };
    expect(creation).toMatchObject({ ...common, action: 'createVm', status: 201, code: null, requestId });
    expect(users).toMatchObject({ ...common, action: 'listUsers', status: 403, code: 'PERMISSION_DENIED' });
    expect(deletion).toMatchObject({
      ...common,
      action: 'deleteVm',
      target: '/v1/vms/none',
      code: 'VM_NOT_FOUND',
    });
  });

  it('has refusals of strangers, without their tokens', async () => {
    await gateway.call('get', '/v1/vms?stranger', undefined, `v3_${'x'.repeat(43)}`).expect(401);
    const { items } = await gateway.ok<List<AuditEntry>>('get', '/v1/audit?pageSize=5');
    const entry = items.find(({ target }) => target === '/v1/vms?stranger');
    expect(entry).toMatchObject({
      user: null,
      token: null,
      action: 'GET',
      status: 401,
      code: 'UNAUTHENTICATED',
    });
  });

  it('is asked for by who, what, when and how it ended, page by page', async () => {
    const who = await gateway.user('operator', { project: 'red' });
    await as(who, 'post', '/v1/networks', { name: 'n1' }).expect(201);
    await as(who, 'get', '/v1/users').expect(403);
    await as(who, 'delete', '/v1/vms/none').expect(404);
    await as(who, 'post', '/v1/networks', { name: 'n2' }).expect(201);
    const ask = (more: string) => gateway.ok<List<AuditEntry>>('get', `/v1/audit?user=${who.user}&${more}`);
    const actions = async (more: string) => (await ask(more)).items.map(({ action }) => action);
    expect(await actions('outcome=done')).toEqual(['createNetwork', 'createNetwork']);
    expect(await actions('outcome=refused')).toEqual(['listUsers']);
    expect(await actions('outcome=failed')).toEqual(['deleteVm']);
    expect(await actions('action=deleteVm&outcome=done')).toEqual([]);
    expect(await actions('target=/vms/')).toEqual(['deleteVm']);
    const [last] = (await ask('')).items;
    const instant = encodeURIComponent(last!.at);
    expect((await ask(`since=${instant}`)).items.map(({ id }) => id)).toContain(last!.id);
    expect((await ask(`until=${instant}`)).items.map(({ id }) => id)).not.toContain(last!.id);
    const first = await ask('action=createNetwork&pageSize=1');
    const next = await ask(`action=createNetwork&pageSize=1&pageToken=${first.nextPageToken}`);
    expect(next.items[0]!.id).toBeLessThan(first.items[0]!.id);
    const other = gateway.call('get', `/v1/audit?action=deleteVm&pageToken=${first.nextPageToken}`);
    expect((await refused(other)).code).toBe('PAGE_TOKEN_INVALID');
    expect((await refused(gateway.call('get', '/v1/audit?since=yesterday'))).code).toBe('INVALID_REQUEST');
  });

  it('is kept for as long as it is to be', async () => {
    const who = await gateway.user('operator');
    for (const name of ['old', 'new']) await as(who, 'post', '/v1/networks', { name }).expect(201);
    const [latest, older] = await audit(who.user);
    await gateway.dataSource.query(`UPDATE audit_entry SET at = now() - interval '91 days' WHERE id = $1`, [
      older?.id,
    ]);
    await gateway.restart();
    expect((await audit(who.user)).map(({ id }) => id)).toEqual([latest?.id]);
  });
});
