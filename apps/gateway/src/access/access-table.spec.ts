import { once } from 'node:events';
import { Client as Channel, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import {
  isAtLeast,
  rest,
  restStreams,
  streams,
  type Access,
  type Endpoint,
  type EndpointName,
  type List,
  type NewToken,
  type Role,
  type RestStream,
  type RestStreamName,
  type Session,
  type StreamEndpoint,
  type StreamName,
} from '@v3vee/contracts';
import { api, errorOf, GrpcClient, pathParameters, serviceDefinition, type Wire } from '@v3vee/grpc';
import request from 'supertest';
import WebSocket from 'ws';
import { routeOf } from '../http/endpoint';
import { fillProject, type Owned } from '../testing/owned.fixture';
import { TestGateway } from '../testing/test-gateway.fixture';
import { isProjectKind } from './access-control.service';

interface Caller {
  token: string | undefined;
  role: Role;
  /** Whether what is asked for is the caller's, too. */
  owns: 'all' | 'own' | 'other';
}

/** Each address of the tables, asked by each kind of caller. */
describe('who may use which address', () => {
  let gateway: TestGateway;
  let owned: Owned;
  const callers = new Map<string, Caller>();
  beforeAll(async () => {
    gateway = await TestGateway.start({ V3_RATE_LIMIT: '10000' });
    owned = await fillProject(gateway, 'own');
    await gateway.ok('post', '/v1/projects', { name: 'other' });
    const add = async (
      name: string,
      role: Role,
      owns: Caller['owns'],
      more: { project?: string; expiresIn?: number } = {},
    ) => {
      const { token, id } = await gateway.user(role, more);
      callers.set(name, { token, role, owns });
      return id;
    };
    await add('viewer', 'viewer', 'all');
    await add('operator', 'operator', 'all');
    await add('admin', 'admin', 'all');
    await add('viewer of the project', 'viewer', 'own', { project: 'own' });
    await add('operator of the project', 'operator', 'own', { project: 'own' });
    await add('operator of another project', 'operator', 'other', { project: 'other' });
    const refused = async (name: string, id: string, column: string) => {
      await gateway.dataSource.query(
        `UPDATE access_token SET ${column} = now() - interval '1 s' WHERE id = $1`,
        [id],
      );
      callers.set(name, { ...(callers.get(name) as Caller), role: 'viewer', owns: 'all' });
    };
    await refused('expired token', await add('expired token', 'admin', 'all'), 'expires_at');
    await refused('revoked token', await add('revoked token', 'admin', 'all'), 'revoked_at');
    const stolen = await add('stolen token', 'admin', 'all');
    const { token: session } = (
      await gateway.call('post', '/v1/sessions', undefined, callers.get('stolen token')?.token)
    ).body as Session;
    await gateway.ok('post', `/v1/tokens/${stolen}:revoke`);
    const nobody = (name: string, token: string | undefined) =>
      callers.set(name, { token, role: 'viewer', owns: 'all' });
    nobody('session of a stolen token', session);
    nobody('no token', undefined);
    nobody('garbage', `v3_${'/+%00;~'.repeat(8)}`);
    const elsewhere = await TestGateway.start();
    nobody('token of another cluster', (await elsewhere.user('admin')).token);
    nobody('administrator of another cluster', elsewhere.token);
    nobody('session of another cluster', (await elsewhere.ok<Session>('post', '/v1/sessions')).token);
    await elsewhere.stop();
    const confined = async (name: string, role: Role, project: string, owns: Caller['owns']) => {
      const { user } = await gateway.user(role);
      const { token } = await gateway.ok<NewToken>('post', '/v1/tokens', { user, project });
      callers.set(name, { token, role, owns });
    };
    await confined('operator, confined to the project', 'operator', 'own', 'own');
    await confined('admin, confined to another', 'admin', 'other', 'other');
  });
  afterAll(() => gateway?.stop());

  const nobodies = [
    ...['no token', 'garbage', 'expired token', 'revoked token', 'stolen token', 'session of a stolen token'],
    ...['token of another cluster', 'administrator of another cluster', 'session of another cluster'],
  ];
  const names = [
    ...[...nobodies, 'viewer', 'operator', 'admin', 'viewer of the project', 'operator of the project'],
    ...['operator of another project', 'operator, confined to the project', 'admin, confined to another'],
  ];
  const isNobody = (name: string) => nobodies.includes(name);
  const filled = (path: string) =>
    path.replace(/\{(\w+)\}/g, (_, key: string) =>
      encodeURIComponent((owned as Record<string, string>)[key] ?? 'x'),
    );
  const ask = (name: string, method: string, path: string) => {
    const { token } = callers.get(name) as Caller;
    const test = request(gateway.server)[method.toLowerCase() as 'get'](path);
    return token === undefined ? test : test.set('Authorization', `Bearer ${token}`);
  };
  /** What is refused by the tables alone; undefined: it is let through. */
  const refusal = (name: string, [least, scope]: Access, names: string): number | undefined => {
    if (isNobody(name)) return 401;
    const { role, owns } = callers.get(name) as Caller;
    if (!isAtLeast(role, least) || (scope === 'cluster' && owns !== 'all')) return 403;
    return owns === 'other' && isProjectKind(scope) && names.includes(`{${scope}}`) ? 404 : undefined;
  };

  describe.each(Object.entries<Endpoint>(rest))('%s', (_, { method, path, access }) => {
    // A query that is no endpoint's: who is let through is told so, and nothing happens.
    it.each(names)('%s', async name => {
      const response = await ask(name, method, `/v1${filled(path)}?nonsense=1`);
      const expected = refusal(name, access, path) ?? 400;
      expect([response.status, response.body.code]).toEqual([
        expected,
        {
          400: 'INVALID_REQUEST',
          401: 'UNAUTHENTICATED',
          403: 'PERMISSION_DENIED',
          404: expect.stringMatching(/_NOT_FOUND$/),
        }[expected],
      ]);
    });
  });

  const lists = (Object.keys(rest) as EndpointName[]).filter(name => {
    const { method, path, response, access } = rest[name] as Endpoint;
    const isList = 'shape' in response && 'items' in (response.shape as object);
    return (
      method === 'GET' && isList && !path.includes('{') && access[1] !== 'cluster' && access[1] !== 'shared'
    );
  });
  it.each(lists)('%s shows a project’s people what is theirs, and others nothing of it', async name => {
    const path = `/v1${rest[name].path}`;
    const own = (await ask('operator of the project', 'GET', path).expect(200)).body as List<unknown>;
    const all = (await ask('admin', 'GET', path).expect(200)).body as List<unknown>;
    const other = await ask('operator of another project', 'GET', path).expect(200);
    expect(JSON.stringify(all)).toMatch(/mine|"own"/);
    expect(JSON.stringify(own)).toMatch(/mine|"own"/);
    expect(other.text).not.toMatch(/mine|"own"/);
    for (const item of own.items)
      expect(all.items).toContainEqual(expect.objectContaining({ ...namesOf(item) }));
  });

  it('the overview is the same lists', async () => {
    const parts =
      'hosts,vms,networks,interfaces,routes,links,accessPoints,stations,snapshots,operations,migrations,telemetry';
    const path = `/v1/overview?parts=${parts},devices,overlay`;
    const own = await ask('operator of the project', 'GET', path).expect(200);
    const other = await ask('operator of another project', 'GET', path).expect(200);
    expect(own.body.vms).toHaveLength(1);
    expect(own.body.telemetry).toHaveLength(1);
    expect(own.body.missing.map(({ part }: { part: string }) => part).sort()).toEqual(['devices', 'overlay']);
    expect(other.body).toMatchObject({ vms: [], telemetry: [], operations: [], migrations: [] });
    expect(other.text).not.toContain('mine');
  });

  describe.each(Object.entries<StreamEndpoint>(streams).filter(([name]) => name !== 'console'))(
    '%s',
    (stream, { method, path, access }) => {
      it.each(names)('%s', async name => {
        // So that what is let through ends at once.
        const isList = stream.startsWith('watch') && !path.includes('{');
        const query =
          { capture: '?point=mine/net0&filter=nonsense+(', traceDevice: '?device=x' }[stream] ??
          (isList ? '?resourceVersion=nonsense' : '');
        const expected = refusal(name, access, `${path}${stream === 'capture' ? '{point}' : ''}`);
        const response = await ask(name, method, `${filled(path)}${query}`);
        if (expected !== undefined) expect(response.status).toBe(expected);
        else {
          expect([401, 403]).not.toContain(response.status);
          expect(response.body.code ?? '').not.toMatch(
            /^(VM|SNAPSHOT|DISK|MIGRATION|CAPTURE_POINT)_NOT_FOUND$/,
          );
        }
      });
    },
  );

  describe('by gRPC who is refused gets no further, and nobody else is refused', () => {
    const clients = new Map<string, GrpcClient>();
    beforeAll(() => {
      for (const [name, { token = '' }] of callers)
        clients.set(name, new GrpcClient({ address: gateway.grpcAddress, token, retryForMs: 0 }));
    });
    afterAll(() => {
      for (const client of clients.values()) client.close();
    });
    const told: Record<number, unknown> = {
      401: 'UNAUTHENTICATED',
      403: 'PERMISSION_DENIED',
      404: expect.stringMatching(/_NOT_FOUND$/),
    };
    const params = (path: string) =>
      Object.fromEntries(
        pathParameters(path).map(key => [key, (owned as Record<string, string>)[key] ?? 'x']),
      );
    const refusedOf = (access: Access, path: string) =>
      names.flatMap(name => {
        const status = refusal(name, access, path);
        return status === undefined ? [] : [[clients.get(name) as GrpcClient, told[status]] as const];
      });
    const takenOf = (access: Access, path: string) =>
      names
        .filter(name => refusal(name, access, path) === undefined)
        .map(name => clients.get(name) as GrpcClient);
    /** Of things that there are not, so that nothing happens. */
    const absent = (path: string) => Object.fromEntries(pathParameters(path).map(key => [key, 'nothing']));
    const refusals = ['UNAUTHENTICATED', 'PERMISSION_DENIED'];
    const codeOf = (call: Promise<unknown>): Promise<string> =>
      call.then(
        () => 'OK',
        (thrown: { code: string }) => thrown.code,
      );

    it.each(Object.entries<Endpoint>(rest))('%s', async (name, { path, access, body }) => {
      const ask = (client: GrpcClient, of: object) => {
        const call = client.call as (name: string, params: object, options: object) => Promise<unknown>;
        return codeOf(call.call(client, name, of, body ? { body: {} } : {}));
      };
      for (const [client, code] of refusedOf(access, path))
        expect(await ask(client, params(path))).toEqual(code);
      for (const client of takenOf(access, path))
        expect(refusals).not.toContain(await ask(client, absent(path)));
    });

    it.each(Object.entries<RestStream>(restStreams))('%s', async (name, { path, access }) => {
      const query = { capture: { point: 'mine/net0' }, traceDevice: { device: 'x' } }[name];
      const ask = (client: GrpcClient, of: object) =>
        codeOf(client.stream(name as RestStreamName, { ...of, ...query }).then(({ stop }) => stop()));
      const whose = `${path}${name === 'capture' ? '{point}' : ''}`;
      for (const [client, code] of refusedOf(access, whose))
        expect(await ask(client, params(path))).toEqual(code);
      for (const client of takenOf(access, whose))
        expect(refusals).not.toContain(await ask(client, absent(path)));
    });

    it('the console', async () => {
      const { path, access } = streams.console;
      const channel = new Channel(gateway.grpcAddress, credentials.createInsecure());
      const definition = serviceDefinition(api().services.find(({ name }) => name === 'Vms')!).Console!;
      for (const name of names) {
        const metadata = new Metadata();
        const { token } = callers.get(name) as Caller;
        if (token !== undefined) metadata.set('authorization', `Bearer ${token}`);
        const call = channel.makeBidiStreamRequest<Wire, Wire>(
          definition.path,
          definition.requestSerialize as (wire: Wire) => Buffer,
          definition.responseDeserialize as (bytes: Buffer) => Wire,
          metadata,
        );
        const over = new Promise<string>(resolve => {
          call.on('data', () => resolve('OK'));
          call.on('error', (error: ServiceError) => resolve(errorOf(error)?.code ?? String(error.code)));
        });
        call.write({ vm: owned.vm });
        const status = refusal(name, access, path);
        expect([name, await over]).toEqual([name, status === undefined ? 'OK' : told[status]]);
        call.cancel();
      }
      channel.close();
    });
  });

  it.each(names)('the console: %s', async name => {
    const { token } = callers.get(name) as Caller;
    const url = `ws://127.0.0.1:${gateway.port}${filled(streams.console.path)}`;
    const socket = new WebSocket(url, { headers: token ? { Authorization: `Bearer ${token}` } : {} });
    // It is left before it was opened.
    socket.on('error', () => undefined);
    const expected = refusal(name, streams.console.access, streams.console.path);
    if (expected === undefined) await once(socket, 'open');
    else {
      const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }];
      expect(response.statusCode).toBe(expected);
    }
    socket.terminate();
  });

  it('has every address under /v1 that is served', () => {
    interface Layer {
      route?: { path: string; methods: Record<string, boolean> };
    }
    const express = gateway.express as { router: { stack: Layer[] } };
    const served = express.router.stack.flatMap(({ route }) =>
      route && /^\/?v1\b/.test(route.path)
        ? Object.keys(route.methods).map(
            method => `${method.toUpperCase()} ${route.path.replace(/^\/?/, '')}`,
          )
        : [],
    );
    const declared = [...Object.values<Endpoint>(rest), ...Object.values<StreamEndpoint>(streams)].map(
      ({ method, path }) => `${method} ${routeOf(path.replace(/^\/v1/, ''))}`,
    );
    expect(served.length).toBeGreaterThan(100);
    for (const address of served) expect(declared).toContain(address);
    const onSocket: StreamName = 'console';
    expect(served).toHaveLength(declared.length - [onSocket].length);
  });
});

/** What tells an item, and does not change from one look to the next. */
const namesOf = (item: unknown): object =>
  Object.fromEntries(
    Object.entries(item as object).filter(([key]) => ['id', 'name', 'mac', 'index', 'text'].includes(key)),
  );
