import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { Client as Channel, credentials, Metadata, status, type ServiceError } from '@grpc/grpc-js';
import {
  MAX_BODY_BYTES,
  rawSubjects,
  rest,
  type AuditEntry,
  type Endpoint,
  type EndpointName,
  type List,
  type Problem,
  type TraceLine,
  type Vm,
} from '@v3vee/contracts';
import {
  api,
  errorOf,
  GrpcClient,
  PACKAGE,
  pathParameters,
  rpcName,
  serviceDefinition,
  type Wire,
} from '@v3vee/grpc';
import { service as healthService } from 'grpc-health-check';
import { GrpcReflection } from '../testing/grpc-reflection.fixture';
import type { ScriptedHost } from '../testing/scripted-host.fixture';
import { TestGateway } from '../testing/test-gateway.fixture';

const endpoints = Object.entries<Endpoint>(rest).map(([name, endpoint]) => ({
  ...endpoint,
  name: name as EndpointName,
}));
/** What two answers to the same question differ in. */
const volatile = new Set(['heardAt', 'leaseExpiresAt', 'at', 'code', 'token', 'expiresAt', 'uptimeSeconds']);
const steady = (json: unknown): unknown =>
  JSON.parse(JSON.stringify(json, (key, value: unknown) => (volatile.has(key) ? undefined : value)));

describe('gRPC', () => {
  let gateway: TestGateway;
  let alpha: ScriptedHost;
  let client: GrpcClient;
  let channel: Channel;
  let vm: Vm;
  beforeAll(async () => {
    gateway = await TestGateway.start();
    [alpha] = (await gateway.withHosts('alpha')) as [ScriptedHost];
    await gateway.operate('post', '/v1/cluster:apply', {
      hosts: { alpha: { nics: [{ name: 'eth0', model: 'rtl8139', network: 'lan' }] } },
      networks: { lan: { subnet: '10.10.0.0/24' } },
    });
    vm = await gateway.ok<Vm>('post', '/v1/vms', { name: 'a1', host: 'alpha', nics: [{ network: 'lan' }] });
    await gateway.operate('post', '/v1/vms/a1:start');
    client = new GrpcClient({ address: gateway.grpcAddress, token: gateway.token });
    channel = new Channel(gateway.grpcAddress, credentials.createInsecure());
  });
  afterAll(async () => {
    client?.close();
    channel?.close();
    await gateway?.stop();
  });

  /** A call with a message as it is. */
  const raw = (name: string, wire: Wire | Buffer, token: string | null = gateway.token): Promise<Wire> => {
    const service = api().services.find(({ rpcs }) => rpcs.some(rpc => rpc.name === name))!;
    const definition = serviceDefinition(service)[rpcName({ name })]!;
    const metadata = new Metadata();
    if (token !== null) metadata.set('authorization', `Bearer ${token}`);
    return new Promise((resolve, reject) =>
      channel.makeUnaryRequest(
        definition.path,
        (it: Wire | Buffer) => (Buffer.isBuffer(it) ? it : definition.requestSerialize(it)),
        definition.responseDeserialize as (bytes: Buffer) => Wire,
        wire,
        metadata,
        (error, answer) => (error ? reject(error) : resolve(answer as Wire)),
      ),
    );
  };
  const failure = (call: Promise<unknown>): Promise<ServiceError> =>
    call.then(
      () => Promise.reject(new Error('it succeeded')),
      (error: ServiceError) => error,
    );

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
    const kept = await raw('updateVm', { vm: 'm1', body: { autostart: true } });
    expect(kept).toMatchObject({ autostart: true, nics: [{ network: 'lan' }] });
    const emptied = await client.call('updateVm', { vm: 'm1' }, { body: { nics: [] } });
    expect(emptied).toMatchObject({ autostart: true, nics: [] });
    const wrong = await failure(raw('updateVm', { vm: 'm1', body: {}, update_mask: { paths: ['colour'] } }));
    expect(wrong.code).toBe(status.INVALID_ARGUMENT);
    expect(errorOf(wrong)?.fields).toEqual([
      { path: 'update_mask', message: expect.stringContaining('"colour"') },
    ]);
  });

  it('tells an error by status, code and fields', async () => {
    const error = await failure(
      raw('createVm', { body: { name: 'A 1', host: 'alpha', memory_mib: { numberValue: 8 } } }),
    );
    expect(error.code).toBe(status.INVALID_ARGUMENT);
    expect(errorOf(error)).toMatchObject({ code: 'INVALID_REQUEST' });
    expect(errorOf(error)?.fields?.map(({ path }) => path)).toEqual(['name', 'memoryMiB']);
    const noName = await failure(raw('getVm', {}));
    expect(errorOf(noName)).toMatchObject({
      code: 'INVALID_REQUEST',
      message: 'vm: a string is required here',
    });
    const language = await failure(raw('runVnetControl', { text: 'ADD nonsense' }));
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
      const error = await failure(raw(name, wire, token));
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
    const reflection = new GrpcReflection(channel);
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
      channel.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        { service: `${PACKAGE}.Vms` },
        (error, it) => (error ? reject(error) : resolve(it)),
      ),
    );
    expect(health).toMatchObject({ status: 'SERVING' });
  });

  describe('streams', () => {
    const event = (value: number, detail = '') =>
      JSON.stringify({
        ...{
          atUs: 1_700_000_000_000_000,
          vm: vm.id,
          event: 'write',
          register: 'ISR',
          offset: 62,
          size: 2,
          value,
        },
        ...{ class: 'open', detail },
      });

    it('a trace, until its reader leaves', async () => {
      const { messages, stop } = await client.stream('traceDevice', { device: 'alpha/eth0' });
      await gateway.until(async () => alpha.traces.size === 1);
      alpha.tracing(event(1), event(2));
      const values: unknown[] = [];
      for await (const line of messages) if (values.push((line as { value: number }).value) === 2) break;
      expect(values).toEqual([1, 2]);
      stop();
      await gateway.until(async () => alpha.traces.size === 0);
    });

    it('to a slow reader go without some, and say how many', async () => {
      const { messages } = await client.stream('traceDevice', { device: 'alpha/eth0' });
      await gateway.until(async () => alpha.traces.size === 1);
      const detail = 'x'.repeat(60_000);
      const count = 400;
      for (let n = 0; n < count; n++) {
        alpha.tracing(event(n, detail));
        await gateway.bus.flush();
      }
      let last: TraceLine | undefined;
      // Its device is no more, which ends it.
      await gateway.operate('post', '/v1/cluster:apply', {
        hosts: { alpha: null },
        networks: { lan: { subnet: '10.10.0.0/24' } },
      });
      for await (const line of messages) last = line as unknown as TraceLine;
      const { delivered, dropped, ended } = last as { delivered: number; dropped: number; ended: string };
      expect(delivered + dropped).toBe(count);
      expect(dropped).toBeGreaterThan(0);
      expect(ended).toContain('there is no physical device');
    });

    it('fail at once with what REST answers', async () => {
      await expect(client.stream('traceDevice', { device: 'alpha/eth9' })).rejects.toMatchObject({
        code: 'DEVICE_NOT_FOUND',
      });
      await expect(client.stream('watchMigration', { migration: 'x' })).rejects.toMatchObject({
        code: 'MIGRATION_NOT_FOUND',
      });
    });

    it('bytes both ways: what is uploaded comes back as a disk', async () => {
      const image = randomBytes(3 * 512 * 1024);
      const sha256 = createHash('sha256').update(image).digest('hex');
      const put = (pieces: Wire[]) => {
        const definition = serviceDefinition(api().services.find(({ name }) => name === 'Images')!).PutBlob!;
        const metadata = new Metadata();
        metadata.set('authorization', `Bearer ${gateway.token}`);
        return new Promise<Wire>((resolve, reject) => {
          const call = channel.makeClientStreamRequest(
            definition.path,
            definition.requestSerialize,
            definition.responseDeserialize as (bytes: Buffer) => Wire,
            metadata,
            (error, answer) => (error ? reject(error) : resolve(answer as Wire)),
          );
          for (const piece of pieces) call.write(piece);
          call.end();
        });
      };
      const pieces = [0, 1, 2].map(n => ({ data: image.subarray(n * 512 * 1024, (n + 1) * 512 * 1024) }));
      expect(await put([{ sha256 }, ...pieces])).toMatchObject({ sha256, bytes: image.length });
      await client.call('createDisk', {}, { body: { name: 'base', blob: sha256 } });
      const parts: Buffer[] = [];
      const { messages } = await client.stream('exportDisk', { disk: 'base' });
      for await (const { data } of messages) parts.push(data as Buffer);
      expect(Buffer.concat(parts).equals(image)).toBe(true);
      expect(errorOf(await failure(put([{ sha256 }, { data: Buffer.from('x') }])))).toMatchObject({
        code: 'BLOB_CORRUPT',
      });
      expect(errorOf(await failure(put([])))).toMatchObject({ code: 'INVALID_REQUEST' });
    });

    it('the console, until the VM stops', async () => {
      const typed: string[] = [];
      const input = gateway.bus.subscribeRaw(
        rawSubjects.consoleIn('alpha', vm.id),
        bytes => void typed.push(Buffer.from(bytes).toString()),
      );
      await gateway.bus.flush();
      const definition = serviceDefinition(api().services.find(({ name }) => name === 'Vms')!).Console!;
      const metadata = new Metadata();
      metadata.set('authorization', `Bearer ${gateway.token}`);
      const call = channel.makeBidiStreamRequest(
        definition.path,
        definition.requestSerialize as (wire: Wire) => Buffer,
        definition.responseDeserialize as (bytes: Buffer) => Wire,
        metadata,
      );
      let text = '';
      call.on('data', ({ data }: { data: Buffer }) => (text += data.toString()));
      const failing = new Promise<ServiceError>(resolve => call.once('error', resolve));
      call.write({ vm: 'a1', data: Buffer.from('ls\n') });
      await gateway.until(async () => typed.join('') === 'ls\n' && text.includes('login: '));
      await gateway.operate('post', '/v1/vms/a1:stop');
      expect(errorOf(await failing)).toMatchObject({
        code: 'VM_WRONG_STATE',
        message: expect.stringContaining('a1 is STOPPED'),
      });
      input.stop();
    });
  });

  describe('goes on after', () => {
    afterEach(async () => {
      expect((await client.call('getHost', { host: 'alpha' })).name).toBe('alpha');
      await gateway.ok('get', '/v1/vms');
    });

    it('a message larger than a body may be', async () => {
      const error = await failure(raw('createNetwork', { body: { name: 'x'.repeat(2 * MAX_BODY_BYTES) } }));
      expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
    });

    it.each([
      ['bytes that are no message', Buffer.from('ffffffffffffffff', 'hex')],
      ['a message that breaks off', Buffer.from([0x0a, 0x7f, 1])],
    ])('%s', async (_, bytes) => {
      const error = await failure(raw('createNetwork', bytes));
      expect([error.code, errorOf(error)?.code]).toEqual([status.INVALID_ARGUMENT, 'INVALID_REQUEST']);
    });

    it('JSON nested without end', async () => {
      let value: Buffer = Buffer.from([0x20, 1]);
      const around = (tag: number, content: Buffer) => {
        const length: number[] = [];
        for (let rest = content.length; ; rest >>>= 7) {
          length.push(rest > 127 ? (rest & 127) | 128 : rest);
          if (rest <= 127) break;
        }
        return Buffer.concat([Buffer.from([tag, ...length]), content]);
      };
      for (let depth = 0; depth < 20_000; depth++) value = around(0x32, around(0x0a, value));
      // The body's memoryMiB of createVm.
      const error = await failure(raw('createVm', around(0x12, around(0x1a, value))));
      expect([error.code, errorOf(error)?.code]).toEqual([status.INVALID_ARGUMENT, 'INVALID_REQUEST']);
    });

    it.each([
      ['garbage', randomBytes(4096)],
      ['HTTP/1', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
      [
        'a preface and garbage',
        Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), randomBytes(4096)]),
      ],
    ])('a connection that sends %s', async (_, bytes) => {
      const [host, port] = gateway.grpcAddress.split(':') as [string, string];
      const socket = connect(Number(port), host);
      socket.on('error', () => undefined);
      socket.resume().end(bytes);
      await once(socket, 'close');
    });

    it('a restart on another port', async () => {
      await gateway.restart();
      client.close();
      channel.close();
      client = new GrpcClient({ address: gateway.grpcAddress, token: gateway.token });
      channel = new Channel(gateway.grpcAddress, credentials.createInsecure());
      await gateway.until(async () => (await gateway.hostState('alpha')) === 'READY');
    });
  });
});
