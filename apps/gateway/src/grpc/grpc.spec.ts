import { randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import {
  rest,
  type AuditEntry,
  type Endpoint,
  type EndpointName,
  type List,
  type Problem,
} from '@v3vee/contracts';
import { api, errorOf, GrpcClient, PACKAGE, pathParameters, rpcName } from '@v3vee/grpc';
import { service as healthService } from 'grpc-health-check';
import { GrpcReflection } from '../testing/grpc-reflection.fixture';
import { failure, GrpcRig } from '../testing/grpc-rig.fixture';
import type { TestGateway } from '../testing/test-gateway.fixture';

const endpoints = Object.entries<Endpoint>(rest).map(([name, endpoint]) => ({
  ...endpoint,
  name: name as EndpointName,
}));
/** What two answers to the same question differ in. */
const volatile = new Set(['heardAt', 'leaseExpiresAt', 'at', 'code', 'token', 'expiresAt', 'uptimeSeconds']);
const steady = (json: unknown): unknown =>
  JSON.parse(JSON.stringify(json, (key, value: unknown) => (volatile.has(key) ? undefined : value)));

describe('gRPC', () => {
  let rig: GrpcRig;
  let gateway: TestGateway;
  let client: GrpcClient;
  beforeAll(async () => {
    rig = await GrpcRig.start();
    ({ gateway, client } = rig);
  });
  afterAll(() => rig?.stop());

  const known: Record<string, string> = {
    vm: 'a1',
    host: 'alpha',
    network: 'lan',
    image: 'debian',
    device: 'alpha/eth0',
  };
  const address = ({ path }: Endpoint, params: Record<string, string>, query = '') =>
    `/v1${path.replace(/\{(\w+)\}/g, (_, key: string) => encodeURIComponent(params[key] as string))}${query}`;
  const paramsOf = ({ path }: Endpoint, values: Record<string, string>) =>
    Object.fromEntries(pathParameters(path).map(name => [name, values[name] ?? 'nothing']));
  /** What a call over gRPC came to, as REST says it. */
  const outcome = async (name: EndpointName, params: object, options: object) => {
    const call = client.call as (name: string, params: object, options: object) => Promise<unknown>;
    try {
      return steady(await call.call(client, name, params, options));
    } catch (thrown) {
      const { code, message, fields } = thrown as { code: string; message: string; fields?: object };
      return { code, detail: message, errors: fields };
    }
  };
  const restOutcome = (body: unknown, status: number) => {
    if (status < 400) return steady(body);
    const { code, detail, errors } = body as Problem;
    return { code, detail, errors };
  };

  const queries: Partial<Record<EndpointName, Record<string, string | number>>> = {
    getOverview: { parts: 'hosts,vms,networks,operations' },
    hashVmMemory: { address: 0, length: 16 },
  };
  const reads = endpoints.filter(({ method }) => method === 'GET');
  it.each(reads.map(endpoint => [endpoint.name, endpoint] as const))(
    '%s answers as REST does',
    async (name, endpoint) => {
      const params = paramsOf(endpoint, known);
      const query = queries[name] ?? {};
      const search = new URLSearchParams(
        Object.entries(query).map(([key, value]): [string, string] => [key, String(value)]),
      );
      const there = await gateway.call('get', address(endpoint, params, `?${search}`));
      const here = await outcome(name, params, { query });
      expect(here).toEqual(restOutcome(there.body, there.status));
    },
  );

  const changes = endpoints.filter(({ method }) => method !== 'GET');
  it.each(changes.map(endpoint => [endpoint.name, endpoint] as const))(
    '%s fails as REST does',
    async (name, endpoint) => {
      const params = paramsOf(endpoint, {});
      const method = endpoint.method.toLowerCase() as 'post';
      // Of a list that must be there gRPC can't tell whether it is missing or empty.
      const body = endpoint.body && (name === 'execVm' ? { command: [] } : {});
      const there = await gateway.call(method, address(endpoint, params), body);
      const here = await outcome(name, params, body ? { body } : {});
      const expected = restOutcome(there.body, there.status);
      if (there.status < 400) expect(Object.keys(here as object)).toEqual(Object.keys(expected as object));
      else expect(here).toEqual(expected);
    },
  );

  it('pages, and refuses a page token that is none of its own', async () => {
    for (const name of ['p1', 'p2', 'p3']) await client.call('createNetwork', {}, { body: { name } });
    const first = await client.call('listNetworks', {}, { query: { pageSize: 2 } });
    expect(first.items).toHaveLength(2);
    const rest = await client.call('listNetworks', {}, { query: { pageToken: first.nextPageToken } });
    expect([...first.items, ...rest.items]).toEqual(
      (await gateway.ok<List<object>>('get', '/v1/networks')).items,
    );
    await expect(client.call('listNetworks', {}, { query: { pageToken: 'x' } })).rejects.toMatchObject({
      code: 'PAGE_TOKEN_INVALID',
    });
  });

  it('lets a request id take effect once, also across the doors', async () => {
    const requestId = randomUUID();
    const request = { query: { requestId }, body: { name: 'once' } };
    const made = await client.call('createNetwork', {}, request);
    expect(await client.call('createNetwork', {}, request)).toEqual(made);
    expect(await gateway.ok('post', `/v1/networks?requestId=${requestId}`, { name: 'once' })).toEqual(made);
    const other = client.call('createNetwork', {}, { query: { requestId }, body: { name: 'other' } });
    await expect(other).rejects.toMatchObject({ code: 'REQUEST_ID_REUSED' });
  });

  it('changes what the mask names, an empty list too, and leaves the rest', async () => {
    await client.call('createVm', {}, { body: { name: 'm1', host: 'alpha', nics: [{ network: 'lan' }] } });
    const kept = await rig.raw('updateVm', { vm: 'm1', body: { autostart: true } });
    expect(kept).toMatchObject({ autostart: true, nics: [{ network: 'lan' }] });
    const emptied = await client.call('updateVm', { vm: 'm1' }, { body: { nics: [] } });
    expect(emptied).toMatchObject({ autostart: true, nics: [] });
    const wrong = await failure(
      rig.raw('updateVm', { vm: 'm1', body: {}, update_mask: { paths: ['colour'] } }),
    );
    expect(wrong.code).toBe(status.INVALID_ARGUMENT);
    expect(errorOf(wrong)?.fields).toEqual([
      { path: 'update_mask', message: expect.stringContaining('"colour"') },
    ]);
  });

  it('tells an error by status, code and fields', async () => {
    const error = await failure(
      rig.raw('createVm', { body: { name: 'A 1', host: 'alpha', memory_mib: { numberValue: 8 } } }),
    );
    expect(error.code).toBe(status.INVALID_ARGUMENT);
    expect(errorOf(error)).toMatchObject({ code: 'INVALID_REQUEST' });
    expect(errorOf(error)?.fields?.map(({ path }) => path)).toEqual(['name', 'memoryMiB']);
    const noName = await failure(rig.raw('getVm', {}));
    expect(errorOf(noName)).toMatchObject({
      code: 'INVALID_REQUEST',
      message: 'vm: a string is required here',
    });
    const language = await failure(rig.raw('runVnetControl', { text: 'ADD nonsense' }));
    expect(errorOf(language)).toMatchObject({ code: 'VNET_CONTROL_INVALID' });
    expect(errorOf(language)?.fields?.[0]).toMatchObject({ line: 1 });
  });

  it.each([
    ['no token', null],
    ['a wrong token', 'x'.repeat(40)],
  ])('refuses %s at every RPC', async (_, token) => {
    const unary = api().services.flatMap(({ rpcs }) => rpcs.filter(({ kind }) => kind === 'unary'));
    for (const { name, request } of unary) {
      const texts = request.fields.filter(({ type }) => type.kind === 'scalar' && type.scalar === 'string');
      const wire = Object.fromEntries(texts.map(({ proto }) => [proto, 'x']));
      const error = await failure(rig.raw(name, wire, token));
      expect([name, error.code, errorOf(error)?.code]).toEqual([
        name,
        status.UNAUTHENTICATED,
        'UNAUTHENTICATED',
      ]);
    }
  });

  it('holds a user to what REST does: roles, audit with the peer’s address, the end of a token', async () => {
    const { token, user, id } = await gateway.user('operator', { project: 'default' });
    const theirs = new GrpcClient({ address: gateway.grpcAddress, token });
    await theirs.call('createNetwork', {}, { body: { name: 'theirs' } });
    await expect(theirs.call('cordonHost', { host: 'alpha' })).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
    });
    const audited = async () =>
      (await gateway.ok<List<AuditEntry>>('get', `/v1/audit?user=${user}`)).items.map(
        ({ action, from, status: answered }) => [action, from, answered],
      );
    await gateway.until(async () => (await audited()).length === 2);
    expect(await audited()).toEqual([
      ['cordonHost', '127.0.0.1', 403],
      ['createNetwork', '127.0.0.1', 201],
    ]);
    const { messages } = await theirs.stream('watchVms', {});
    const reading = (async () => {
      for await (const _ of messages);
    })();
    await gateway.ok('post', `/v1/tokens/${id}:revoke`);
    await expect(reading).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    await expect(theirs.call('getSelf', {})).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    theirs.close();
  });

  it('is found by reflection, whole, and says that it is healthy', async () => {
    const reflection = new GrpcReflection(rig.channel);
    const services = await reflection.services();
    expect(services).toEqual(expect.arrayContaining(api().services.map(({ name }) => `${PACKAGE}.${name}`)));
    expect(await reflection.methods(`${PACKAGE}.Vms`)).toEqual(
      api()
        .services.find(({ name }) => name === 'Vms')!
        .rpcs.map(rpcName)
        .sort(),
    );
    const { path, requestSerialize, responseDeserialize } = healthService.Check!;
    const health = await new Promise((resolve, reject) =>
      rig.channel.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        { service: `${PACKAGE}.Vms` },
        (error, it) => (error ? reject(error) : resolve(it)),
      ),
    );
    expect(health).toMatchObject({ status: 'SERVING' });
  });
});
