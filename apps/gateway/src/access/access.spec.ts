import { once } from 'node:events';
import { Agent, get, request as ask, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import {
  captureCalls,
  type AccessToken,
  type List,
  type Login,
  type NewToken,
  type Operation,
  type Problem,
  type Project,
  type Self,
  type Session,
  type Snapshot,
  type User,
  type Vm,
} from '@v3vee/contracts';
import request from 'supertest';
import { TestGateway } from '../testing/test-gateway.fixture';
import { RateLimits } from './rate-limits';

describe('users, tokens and projects', () => {
  let gateway: TestGateway;
  let red: NewToken;
  let blue: NewToken;
  beforeAll(async () => {
    gateway = await TestGateway.start({ V3_RATE_LIMIT: '1000' });
    await gateway.withHosts('alpha');
    for (const name of ['red', 'blue']) await gateway.ok('post', '/v1/projects', { name });
    red = await gateway.user('operator', { project: 'red' });
    blue = await gateway.user('operator', { project: 'blue' });
  });
  afterAll(() => gateway?.stop());
  afterEach(async () => {
    for (const table of ['vm', 'network', 'snapshot']) await gateway.dataSource.query(`DELETE FROM ${table}`);
    await gateway.ok('patch', '/v1/projects/red', {
      maxVms: null,
      maxMemoryMiB: null,
      maxSnapshotBytes: null,
    });
  });

  const as = (who: NewToken, method: 'get' | 'post' | 'patch' | 'delete', path: string, body?: object) =>
    gateway.call(method, path, body, who.token);
  const refused = async (test: ReturnType<TestGateway['call']>) => (await test).body as Problem;
  const createVm = (who: NewToken, name: string, more: object = {}) =>
    as(who, 'post', '/v1/vms', { name, host: 'alpha', ...more });
  const ended = async ({ body }: { body: Operation }) => gateway.ended(body.id);

  describe('tokens', () => {
    it('are shown once, kept as a digest, and say who somebody is', async () => {
      const { body } = await as(red, 'get', '/v1/self').expect(200);
      expect(body).toEqual({
        user: red.user,
        role: 'operator',
        project: 'red',
        expiresAt: null,
      } satisfies Self);
      const listed = await gateway.call('get', `/v1/tokens?user=${red.user}`);
      expect(listed.text).not.toContain(red.token);
      const [known] = (listed.body as List<AccessToken>).items;
      expect(known).toMatchObject({ id: red.id, state: 'VALID', project: 'red', usedAt: expect.any(String) });
      const [row] = await gateway.dataSource.query('SELECT * FROM access_token WHERE id = $1', [red.id]);
      expect(JSON.stringify(row)).not.toContain(red.token.slice(3));
    });

    it('let no admin take the own access away', async () => {
      const admin = await gateway.user('admin');
      for (const [path, body] of [
        ['disabled', { disabled: true }],
        ['role', { role: 'viewer' }],
      ] as const) {
        const { body: problem } = await as(admin, 'patch', `/v1/users/${admin.user}`, body).expect(400);
        expect(problem).toMatchObject({ code: 'INVALID_REQUEST', errors: [{ path }] });
      }
      await as(admin, 'get', '/v1/users').expect(200);
    });

    it('end when they are revoked, with their sessions and what they have open', async () => {
      const token = await gateway.user('operator');
      const session = (await as(token, 'post', '/v1/sessions').expect(201)).body as Session;
      expect(session).toMatchObject({ user: token.user, role: 'operator', project: null });
      await gateway.call('get', '/v1/vms', undefined, session.token).expect(200);
      const served = [
        gateway.bus.serve(captureCalls.start, 'alpha', () => ({})),
        gateway.bus.serve(captureCalls.renew, 'alpha', () => ({ captured: 0, dropped: 0 })),
        gateway.bus.serve(captureCalls.stop, 'alpha', () => ({})),
      ];
      await gateway.bus.flush();
      const url = `http://127.0.0.1:${gateway.port}/v1/captures?point=host/alpha`;
      const capture = get(url, { headers: { Authorization: `Bearer ${token.token}` }, agent: false });
      const [response] = (await once(capture, 'response')) as [IncomingMessage];
      expect(response.statusCode).toBe(200);
      const cut = new Promise(resolve => response.resume().on('close', resolve));
      response.on('error', () => undefined);

      const revoked = await gateway.ok<AccessToken>('post', `/v1/tokens/${token.id}:revoke`);
      expect(revoked.state).toBe('REVOKED');
      await cut;
      for (const each of served) each.stop();
      for (const each of [token.token, session.token]) {
        const { body } = await gateway.call('get', '/v1/vms', undefined, each).expect(401);
        expect(body.detail).toContain('revoked');
      }
    });

    it('may be revoked by themselves: the answer comes, and no other', async () => {
      const admin = await gateway.user('admin');
      const agent = new Agent({ keepAlive: true });
      const url = `http://127.0.0.1:${gateway.port}/v1/tokens/${admin.id}:revoke`;
      const headers = { Authorization: `Bearer ${admin.token}` };
      const [response] = (await once(ask(url, { method: 'POST', headers, agent }).end(), 'response')) as [
        IncomingMessage,
      ];
      expect(JSON.parse(await text(response))).toMatchObject({ id: admin.id, state: 'REVOKED' });
      expect([response.statusCode, response.headers.connection]).toEqual([200, 'close']);
      await as(admin, 'get', '/v1/self').expect(401);
      agent.destroy();
    });

    it('end with their user', async () => {
      const token = await gateway.user('viewer');
      await gateway.ok('delete', `/v1/users/${token.user}`);
      await as(token, 'get', '/v1/self').expect(401);
      await gateway.call('get', `/v1/users/${token.user}`).expect(404);
    });

    it('are no good as long as their user is disabled; what they have open ends', async () => {
      const token = await gateway.user('operator');
      const session = (await as(token, 'post', '/v1/sessions').expect(201)).body as Session;
      const url = `http://127.0.0.1:${gateway.port}/v1/vms?watch=true`;
      const watch = get(url, { headers: { Authorization: `Bearer ${session.token}` }, agent: false });
      const [response] = (await once(watch, 'response')) as [IncomingMessage];
      const cut = new Promise(resolve => response.resume().on('close', resolve));
      response.on('error', () => undefined);
      const path = `/v1/users/${token.user}`;
      const state = async () =>
        (await gateway.ok<List<AccessToken>>('get', `/v1/tokens?user=${token.user}`)).items[0]?.state;
      const disabled = await gateway.ok<User>('patch', path, { disabled: true });
      expect(disabled).toMatchObject({ disabled: true, tokens: 0, role: 'operator' });
      expect(await state()).toBe('DISABLED');
      await cut;
      for (const each of [token.token, session.token]) {
        const { body } = await gateway.call('get', '/v1/vms', undefined, each).expect(401);
        expect(body.detail).toContain('is disabled');
      }
      expect(await gateway.ok<User>('patch', path, { disabled: false })).toMatchObject({ tokens: 1 });
      expect(await state()).toBe('VALID');
      await as(token, 'get', '/v1/vms').expect(200);
      await gateway.call('get', '/v1/vms', undefined, session.token).expect(200);
    });

    it('may do what their user’s role is now', async () => {
      const token = await gateway.user('viewer', { project: 'red' });
      const path = `/v1/users/${token.user}`;
      await createVm(token, 'r1').expect(403);
      await gateway.ok('patch', path, { role: 'operator' });
      await createVm(token, 'r1').expect(201);
      await gateway.ok('patch', path, { role: 'viewer' });
      await as(token, 'delete', '/v1/vms/r1').expect(403);
      const wider = await refused(gateway.call('patch', path, { role: 'admin' }));
      expect([wider.code, wider.errors?.[0]?.path]).toEqual(['INVALID_REQUEST', 'role']);
      expect((await refused(gateway.call('patch', '/v1/users/nobody', {}))).code).toBe('USER_NOT_FOUND');
    });

    it('let no admin lock themselves out', async () => {
      const admin = await gateway.user('admin');
      const path = `/v1/users/${admin.user}`;
      const bodies = [['patch', { role: 'viewer' }], ['patch', { disabled: true }], ['delete']] as const;
      for (const [method, body] of bodies)
        expect(await refused(gateway.call(method, path, body, admin.token))).toMatchObject({
          code: 'INVALID_REQUEST',
          detail: expect.stringContaining('another admin has to'),
        });
      await as(admin, 'get', '/v1/users').expect(200);
    });

    it('have an end of their own, and their sessions none later', async () => {
      const token = await gateway.user('viewer', { expiresIn: 60 });
      const { body } = await as(token, 'post', '/v1/sessions').expect(201);
      expect(Date.parse((body as Session).expiresAt)).toBeLessThanOrEqual(
        Date.parse(token.expiresAt as string),
      );
    });

    it('may confine a user who is not; an admin is an operator there', async () => {
      const admin = await gateway.user('admin');
      const body = { user: admin.user, project: 'red' };
      const narrow = await gateway.ok<NewToken>('post', '/v1/tokens', body);
      expect((await as(narrow, 'get', '/v1/self')).body).toMatchObject({ role: 'operator', project: 'red' });
      await as(narrow, 'get', '/v1/users').expect(403);
      await createVm(blue, 'b1').expect(201);
      await as(narrow, 'get', '/v1/vms/b1').expect(404);
      const wider = await gateway.call('post', '/v1/tokens', { user: red.user, project: 'blue' }).expect(400);
      expect(wider.body.detail).toContain('is of project red');
    });

    it('a login code is for whoever made it', async () => {
      const { code } = (await as(red, 'post', '/v1/logins').expect(201)).body as Login;
      const begun = await gateway.call('post', '/v1/sessions', undefined, code).expect(201);
      expect(begun.body).toMatchObject({ user: red.user, project: 'red' });
    });

    it('users and projects that are not there, or are, are told', async () => {
      const code = async (test: ReturnType<TestGateway['call']>) => (await refused(test)).code;
      const post = (path: string, body: object) => gateway.call('post', path, body);
      expect(await code(post('/v1/tokens', { user: 'nobody' }))).toBe('USER_NOT_FOUND');
      expect(await code(post('/v1/users', { name: red.user, role: 'viewer' }))).toBe('USER_EXISTS');
      expect(await code(post('/v1/users', { name: 'admin', role: 'viewer' }))).toBe('USER_EXISTS');
      expect(await code(post('/v1/users', { name: 'x', role: 'viewer', project: 'x' }))).toBe(
        'PROJECT_NOT_FOUND',
      );
      expect(await code(post('/v1/users', { name: 'x', role: 'admin', project: 'red' }))).toBe(
        'INVALID_REQUEST',
      );
      expect(await code(post('/v1/projects', { name: 'red' }))).toBe('PROJECT_EXISTS');
      expect(await code(gateway.call('delete', '/v1/projects/red'))).toBe('PROJECT_IN_USE');
      expect(await code(gateway.call('delete', '/v1/projects/default'))).toBe('PROJECT_IN_USE');
      expect(await code(post('/v1/tokens/x:revoke', {}))).toBe('TOKEN_NOT_FOUND');
      await gateway.ok('post', '/v1/projects', { name: 'empty' });
      await gateway.ok('delete', '/v1/projects/empty');
    });
  });

  describe('projects', () => {
    it('what is made is of its maker’s, and others find nothing there', async () => {
      await as(red, 'post', '/v1/networks', { name: 'lan' }).expect(201);
      const { body: vm } = await createVm(red, 'r1', { nics: [{ network: 'lan' }] }).expect(201);
      expect(vm.project).toBe('red');
      const missing = await refused(as(blue, 'get', '/v1/vms/none'));
      const foreign = await refused(as(blue, 'get', '/v1/vms/r1'));
      const words = ({ requestId, ...problem }: Problem) => [JSON.stringify(problem), typeof requestId];
      expect(words(foreign)).toEqual(words({ ...missing, detail: missing.detail!.replace('none', 'r1') }));
      await as(blue, 'post', '/v1/vms/r1:start').expect(404);
      await as(blue, 'get', `/v1/vms/${vm.id}`).expect(404);
      await as(red, 'get', `/v1/vms/${vm.id}`).expect(200);
    });

    it('nobody joins another project’s network, not even by an admin', async () => {
      await as(red, 'post', '/v1/networks', { name: 'lan' }).expect(201);
      const nics = [{ network: 'lan' }];
      const foreign = await refused(createVm(blue, 'b1', { nics }));
      const missing = await refused(createVm(blue, 'b1', { nics: [{ network: 'wan' }] }));
      expect(foreign.detail).toBe(missing.detail.replace('wan', 'lan'));
      const admin = gateway.call('post', '/v1/vms', { name: 'd1', host: 'alpha', nics });
      expect((await refused(admin)).code).toBe('NETWORK_NOT_FOUND');
      await createVm(blue, 'b1').expect(201);
      expect((await as(blue, 'patch', '/v1/vms/b1', { nics })).body.code).toBe('NETWORK_NOT_FOUND');
    });

    it('a project is named by who may only', async () => {
      expect(await refused(createVm(blue, 'b1', { project: 'red' }))).toMatchObject({
        code: 'PROJECT_NOT_FOUND',
      });
      const { body } = await gateway.call('post', '/v1/vms', { name: 'r1', host: 'alpha', project: 'red' });
      expect(body.project).toBe('red');
      expect((await gateway.ok<Vm>('post', '/v1/vms', { name: 'd1', host: 'alpha' })).project).toBe(
        'default',
      );
    });

    it('a VM named like another’s id does not open that one', async () => {
      const { body: vm } = await createVm(red, 'r1').expect(201);
      await createVm(blue, vm.id).expect(201);
      await as(blue, 'get', `/v1/vms/${vm.id}`).expect(404);
      await as(blue, 'delete', `/v1/vms/${vm.id}`).expect(404);
      expect((await as(red, 'get', `/v1/vms/${vm.id}`)).body.name).toBe('r1');
    });

    it('snapshots of one name are each project’s own', async () => {
      for (const [who, name] of [
        [red, 'r1'],
        [blue, 'b1'],
      ] as const) {
        await createVm(who, name).expect(201);
        await ended(await as(who, 'post', `/v1/vms/${name}:start`).expect(202));
        await ended(await as(who, 'post', `/v1/vms/${name}:snapshot`, { name: 'before' }).expect(202));
      }
      const { body: snapshot } = await as(blue, 'get', '/v1/snapshots/before').expect(200);
      expect((snapshot as Snapshot).vmName).toBe('b1');
      const { detail } = await refused(as(red, 'post', '/v1/vms/r1:restore', { snapshot: snapshot.id }));
      expect(detail).toBe(`r1 has no snapshot "${snapshot.id}"`);
      const clone = as(red, 'post', '/v1/vms/r1:clone', { name: 'r2', snapshot: 'before' });
      expect((await ended(await clone.expect(202))).error).toBeNull();
      expect((await as(red, 'get', '/v1/vms/r2')).body.project).toBe('red');
    });

    it('an import says whose VM it is for: its label could say anything', async () => {
      const { detail } = await refused(as(red, 'post', '/v1/snapshots:import', { blob: 'a'.repeat(64) }));
      expect(detail).toContain('name the VM');
      await createVm(blue, 'b1').expect(201);
      const foreign = as(red, 'post', '/v1/snapshots:import', { blob: 'a'.repeat(64), vm: 'b1' });
      expect((await refused(foreign)).code).toBe('VM_NOT_FOUND');
    });

    it('pages go on where they stopped, with what is one’s own', async () => {
      for (const [who, name] of [
        [red, 'a'],
        [blue, 'b'],
        [red, 'c'],
        [blue, 'd'],
        [red, 'e'],
      ] as const)
        await createVm(who, name).expect(201);
      const names: string[] = [];
      for (let token: string | undefined; token !== '';) {
        const more = token === undefined ? '' : `&pageToken=${token}`;
        const { body } = await as(red, 'get', `/v1/vms?pageSize=2${more}`).expect(200);
        names.push(...(body as List<Vm>).items.map(({ name }) => name));
        token = body.nextPageToken as string;
      }
      expect(names).toEqual(['a', 'c', 'e']);
    });

    it('a cluster file puts things into projects that are there', async () => {
      const file = (project: string) => ({
        hosts: { alpha: null },
        networks: { lan: { project } },
        vms: { r1: { host: 'alpha', project, nics: [{ network: 'lan' }], autostart: false } },
      });
      expect((await gateway.operate('post', '/v1/cluster:apply', file('red'))).error).toBeNull();
      await as(red, 'get', '/v1/vms/r1').expect(200);
      expect((await gateway.operate('post', '/v1/cluster:apply', file('red'))).response).toEqual({
        changes: [],
      });
      const moved = await refused(gateway.call('post', '/v1/cluster:apply', file('blue')));
      expect(moved).toMatchObject({
        code: 'CLUSTER_FILE_INVALID',
        detail: expect.stringContaining('is of project red'),
      });
      const unknown = await refused(gateway.call('post', '/v1/cluster:apply', file('green')));
      expect(unknown.errors?.[0]?.path).toBe('networks.lan.project');
    });
  });

  describe('quotas', () => {
    const quota = (quotas: object) => gateway.ok<Project>('patch', '/v1/projects/red', quotas);

    it('of VMs and memory hold, also when many ask at once', async () => {
      await quota({ maxVms: 2, maxMemoryMiB: 160 });
      const answers = await Promise.all(['r1', 'r2', 'r3', 'r4'].map(name => createVm(red, name)));
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 409, 409]);
      const [full] = answers.filter(({ status }) => status === 409);
      expect(full?.body).toMatchObject({
        code: 'QUOTA_EXCEEDED',
        detail: expect.stringContaining('at most 2 virtual machines'),
      });
      const [made] = answers.filter(({ status }) => status === 201);
      const grow = as(red, 'patch', `/v1/vms/${made?.body.name}`, { memoryMiB: 128 });
      expect(await refused(grow)).toMatchObject({ detail: expect.stringContaining('at most 160 MiB') });
      expect(await gateway.ok('get', '/v1/projects/red')).toMatchObject({
        vms: 2,
        memoryMiB: 128,
        maxVms: 2,
      });
      await createVm(blue, 'b1').expect(201);
    });

    it.each(['maxVms', 'maxMemoryMiB'])('of %s are no more than the store counts', async name => {
      const much = await refused(gateway.call('patch', '/v1/projects/red', { [name]: 2 ** 31 }));
      expect(much).toMatchObject({ code: 'INVALID_REQUEST', errors: [{ path: name }] });
      expect(await quota({ [name]: 2 ** 31 - 1 })).toMatchObject({ [name]: 2 ** 31 - 1 });
      await quota({ [name]: null });
    });

    it('of snapshots hold, and a refused one leaves no row', async () => {
      await createVm(red, 'r1').expect(201);
      await ended(await as(red, 'post', '/v1/vms/r1:start').expect(202));
      await quota({ maxSnapshotBytes: 0 });
      const failed = await ended(await as(red, 'post', '/v1/vms/r1:snapshot', { name: 's1' }).expect(202));
      expect(failed.error).toMatchObject({ code: 'QUOTA_EXCEEDED' });
      expect((await as(red, 'get', '/v1/snapshots')).body.items).toEqual([]);
      await quota({ maxSnapshotBytes: null });
      expect((await ended(await as(red, 'post', '/v1/vms/r1:snapshot', { name: 's1' }))).error).toBeNull();
    });
  });

  it('users are listed with how many tokens are good', async () => {
    const { items } = await gateway.ok<List<User>>('get', '/v1/users');
    expect(items).toContainEqual(expect.objectContaining({ name: red.user, role: 'operator', tokens: 1 }));
  });
});

describe('rate limits', () => {
  it('let through a burst, then so many a second', () => {
    const limits = new RateLimits(2, 4);
    const waits = (now: number, times: number) => Array.from({ length: times }, () => limits.wait('a', now));
    expect(waits(0, 5)).toEqual([0, 0, 0, 0, 0.5]);
    expect(limits.wait('b', 0)).toBe(0);
    expect(waits(1000, 3)).toEqual([0, 0, 0.5]);
    expect(waits(1_000_000, 5)).toEqual([0, 0, 0, 0, 0.5]);
  });

  it('are each token’s own: 429 says when to come again, and the administrator’s has none', async () => {
    const gateway = await TestGateway.start({ V3_RATE_LIMIT: '1' });
    try {
      const [one, two] = [await gateway.user('viewer'), await gateway.user('viewer')];
      const statuses: number[] = [];
      for (let n = 0; n < 40; n++) {
        const answer = await request(gateway.server)
          .get('/v1/self')
          .set('Authorization', `Bearer ${one.token}`);
        statuses.push(answer.status);
        if (answer.status !== 429) continue;
        expect(answer.body.code).toBe('RATE_LIMITED');
        expect(answer.headers['retry-after']).toBe('1');
        break;
      }
      expect(statuses.slice(0, 4)).toEqual([200, 200, 200, 200]);
      expect(statuses.at(-1)).toBe(429);
      await gateway.call('get', '/v1/self', undefined, two.token).expect(200);
      for (let n = 0; n < 40; n++) await gateway.ok('get', '/v1/self');
    } finally {
      await gateway.stop();
    }
  });
});
