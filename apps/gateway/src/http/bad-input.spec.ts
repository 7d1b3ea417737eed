import { once } from 'node:events';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { MAX_BODY_BYTES, type Problem } from '@v3vee/contracts';
import request from 'supertest';
import { TestGateway } from '../testing/test-gateway.fixture';

describe('bad input', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await TestGateway.start();
    await gateway.withHosts('alpha');
    await gateway.ok('post', '/v1/networks', { name: 'lan', subnet: '10.10.0.0/24' });
  });
  afterAll(() => gateway?.stop());

  const vm = (more: object) => ({ name: 'a1', host: 'alpha', ...more });
  const nics = (...list: object[]) => vm({ nics: list });
  const uuid = '00000000-0000-4000-8000-000000000001';

  it.each([
    // what, method, path, body, code, words of the message
    ['an unknown key', 'post', '/v1/vms', vm({ ram: 64 }), 'INVALID_REQUEST', 'unknown key "ram"'],
    ['a missing key', 'post', '/v1/vms', { host: 'alpha' }, 'INVALID_REQUEST', 'name: a string is required'],
    ['a wrong type', 'post', '/v1/vms', vm({ autostart: 'yes' }), 'INVALID_REQUEST', 'expected a boolean'],
    ['a bad name', 'post', '/v1/vms', { name: 'A 1', host: 'alpha' }, 'INVALID_REQUEST', 'RFC 1123'],
    ['a list as body', 'post', '/v1/vms', [], 'INVALID_REQUEST', 'expected a mapping'],
    ['little memory', 'post', '/v1/vms', vm({ memoryMiB: 8 }), 'INVALID_REQUEST', 'a guest has from 32MiB'],
    [
      'a group MAC',
      'post',
      '/v1/vms',
      nics({ network: 'lan', mac: '01:00:00:00:00:01' }),
      'INVALID_REQUEST',
      'nics[0].mac: this is a group address',
    ],
    [
      'an address outside the subnet',
      'post',
      '/v1/vms',
      nics({ network: 'lan', ip: '10.11.0.1/24' }),
      'INVALID_REQUEST',
      "nics[0].ip: 10.11.0.1/24 is not in network lan's subnet 10.10.0.0/24",
    ],
    ...(['edge ]x[', 'edge -x', 'edge 1.2.3', 'interface 01:00:00:00:00:01'] as const).map(
      to =>
        [`a route to "${to}"`, 'post', '/v1/vnet/routes', { to }, 'INVALID_REQUEST', 'is not the '] as const,
    ),
    [
      'five NICs',
      'post',
      '/v1/vms',
      nics(...Array<object>(5).fill({ network: 'lan' })),
      'INVALID_REQUEST',
      'at most 4 NICs',
    ],
    [
      'an unknown host',
      'post',
      '/v1/vms',
      { name: 'a1', host: 'zeta' },
      'HOST_NOT_FOUND',
      'there is no host "zeta"; hosts are: alpha',
    ],
    [
      'an unknown network',
      'post',
      '/v1/vms',
      nics({ network: 'wan' }),
      'NETWORK_NOT_FOUND',
      'nics[0].network: there is no network "wan"',
    ],
    [
      'an unknown image',
      'post',
      '/v1/vms',
      vm({ image: 'beos' }),
      'IMAGE_NOT_FOUND',
      'there is no image "beos"',
    ],
    [
      'an unknown VM',
      'get',
      '/v1/vms/nobody',
      undefined,
      'VM_NOT_FOUND',
      'there is no virtual machine "nobody"',
    ],
    ['an unknown VM id', 'get', `/v1/vms/${uuid}`, undefined, 'VM_NOT_FOUND', uuid],
    ['a verb on an unknown VM', 'post', '/v1/vms/nobody:start', undefined, 'VM_NOT_FOUND', '"nobody"'],
    ['an unknown operation', 'get', '/v1/operations/x', undefined, 'OPERATION_NOT_FOUND', '"x"'],
    ['an unknown snapshot', 'get', '/v1/snapshots/x', undefined, 'SNAPSHOT_NOT_FOUND', '"x"'],
    ['an unknown network', 'get', '/v1/networks/x', undefined, 'NETWORK_NOT_FOUND', '"x"'],
    ['an unknown image', 'get', '/v1/images/x', undefined, 'IMAGE_NOT_FOUND', '"x"'],
    ['an unknown host', 'get', '/v1/hosts/x', undefined, 'HOST_NOT_FOUND', '"x"'],
    [
      'an unknown route',
      'get',
      '/v1/machines',
      undefined,
      'ROUTE_NOT_FOUND',
      'there is no GET /v1/machines; /docs',
    ],
    ['an unknown verb', 'post', '/v1/vms/a1:explode', undefined, 'ROUTE_NOT_FOUND', 'there is no POST'],
    ['an unknown query key', 'get', '/v1/vms?page=2', undefined, 'INVALID_REQUEST', 'unknown key "page"'],
    ['a query where none is', 'get', '/v1/vms/a1?x=1', undefined, 'INVALID_REQUEST', 'unknown key "x"'],
    [
      'no number',
      'get',
      '/v1/vms?pageSize=many',
      undefined,
      'INVALID_REQUEST',
      'pageSize: expected a number',
    ],
    ['a page size out of range', 'get', '/v1/vms?pageSize=0', undefined, 'INVALID_REQUEST', 'pageSize: '],
    [
      'a repeated query key',
      'get',
      '/v1/vms?host=a&host=b',
      undefined,
      'INVALID_REQUEST',
      'host: expected a string',
    ],
    ['a request id that is none', 'post', '/v1/vms?requestId=1', vm({}), 'INVALID_REQUEST', 'requestId: '],
    [
      'a made-up page token',
      'get',
      '/v1/vms?pageToken=abc',
      undefined,
      'PAGE_TOKEN_INVALID',
      'nextPageToken',
    ],
    ['a NUL in an address', 'get', '/v1/vms/a%001', undefined, 'INVALID_REQUEST', 'U+0000'],
    ['a NUL in a query', 'get', '/v1/snapshots?vm=%00', undefined, 'INVALID_REQUEST', 'U+0000'],
    ['a broken escape', 'get', '/v1/vms/%zz', undefined, 'INVALID_REQUEST', '%zz'],
    [
      'a body where none belongs',
      'post',
      '/v1/vms/a1:start',
      { now: true },
      'INVALID_REQUEST',
      'unknown key "now"',
    ],
    [
      'a wait beyond a minute',
      'get',
      `/v1/operations/${uuid}:wait?timeoutSeconds=61`,
      undefined,
      'INVALID_REQUEST',
      'timeoutSeconds: ',
    ],
    [
      'an empty command',
      'post',
      '/v1/vms/a1:exec',
      { command: [] },
      'INVALID_REQUEST',
      'command: a command has at least one word',
    ],
    [
      'a cluster with a wrong key',
      'post',
      '/v1/cluster:apply',
      { host: {} },
      'CLUSTER_FILE_INVALID',
      'unknown key "host"',
    ],
    [
      'a cluster without hosts',
      'post',
      '/v1/cluster:apply',
      { hosts: {} },
      'CLUSTER_FILE_INVALID',
      'at least one host',
    ],
    [
      'a cluster with an unknown image',
      'post',
      '/v1/cluster:apply',
      { hosts: { alpha: null }, vms: { a1: { host: 'alpha', image: 'beos' } } },
      'CLUSTER_FILE_INVALID',
      'vms.a1.image: there is no image "beos"; images are: debian',
    ],
    [
      'an import of a blob that is not there',
      'post',
      '/v1/images:import',
      { name: 'mine', kernel: 'a'.repeat(64) },
      'BLOB_NOT_FOUND',
      'PUT /v1/blobs/',
    ],
  ] as const)('%s: %s %s', async (_, method, path, body, code, words) => {
    const response = await gateway.call(method, path, body as object | undefined);
    expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(response.body).toMatchObject({
      code,
      status: response.status,
      detail: expect.stringContaining(words),
    });
    expect(response.status).toBeGreaterThanOrEqual(400);
    expect(response.status).toBeLessThan(500);
  });

  it('lists every wrong field with its path', async () => {
    const response = await gateway.call('post', '/v1/vms', nics({ network: 'lan', mac: 'x', speed: 1 }));
    expect(response.body.errors).toEqual([
      { path: 'nics[0].mac', message: expect.stringContaining('02:00:00:00:00:01') },
      { path: 'nics[0].speed', message: 'unknown key "speed"' },
    ]);
  });

  it('says where malformed JSON breaks off', async () => {
    const response = await gateway.call('post', '/v1/vms').type('json').send('{"name": "a1",');
    expect(response.status).toBe(400);
    expect(response.body).toMatchObject({
      code: 'MALFORMED_JSON',
      detail: expect.stringContaining('position'),
    });
  });

  it('reads a body as JSON whatever it is said to be', async () => {
    const response = await gateway.call('post', '/v1/vms').type('text').send('{');
    expect(response.body).toMatchObject({ code: 'MALFORMED_JSON' });
  });

  it.each([
    ['garbage said to be compressed', 'gzip', Buffer.from('garbage')],
    ['a compressed body that breaks off', 'gzip', gzipSync('{"name": "a1"}').subarray(0, 20)],
    ['an unknown compression', 'zstd', Buffer.from('{}')],
  ])('refuses %s', async (_, encoding, bytes) => {
    const response = await gateway
      .call('post', '/v1/vms')
      .type('json')
      .set('Content-Encoding', encoding)
      .serialize(it => it as string)
      .send(bytes);
    expect([response.status, response.body.code]).toEqual([400, 'INVALID_REQUEST']);
  });

  it('counts a body as it is when it is no more compressed', async () => {
    const response = await gateway
      .call('post', '/v1/vms')
      .type('json')
      .set('Content-Encoding', 'gzip')
      .serialize(it => it as string)
      .send(gzipSync(Buffer.alloc(50 * MAX_BODY_BYTES, ' ')));
    expect([response.status, response.body.code]).toEqual([413, 'BODY_TOO_LARGE']);
  });

  it('gives each answer an id, which a problem repeats', async () => {
    const [good, bad] = [await gateway.call('get', '/v1/vms'), await gateway.call('get', '/v1/vms/nobody')];
    expect(good.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(bad.body.requestId).toBe(bad.headers['x-request-id']);
    expect(bad.body.requestId).not.toBe(good.headers['x-request-id']);
  });

  it.each([
    ['no HTTP', 'garbage\r\n\r\n', "can't be read as HTTP"],
    [
      'a header without end',
      `GET /v1/vms HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`,
      'overflow',
    ],
    [
      'two lengths',
      'POST /v1/vms HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}',
      'HTTP',
    ],
    [
      'a length and chunks',
      'POST /v1/vms HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      'HTTP',
    ],
    ['an expectation', 'GET /v1/vms HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\n\r\n', 'Expect: miracles'],
    [
      'another protocol',
      'GET /v1/vms HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n',
      'WebSockets',
    ],
  ])('answers %s with a problem too, and serves the next connection', async (_, text, words) => {
    const socket = connect(gateway.port, '127.0.0.1');
    const parts: Buffer[] = [];
    socket.on('data', part => parts.push(part));
    socket.on('error', () => undefined);
    socket.write(text);
    await once(socket, 'close');
    const [head = '', body = ''] = Buffer.concat(parts).toString().split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(head).toContain('application/problem+json');
    const problem = JSON.parse(body) as Problem;
    expect(problem.detail).toContain(words);
    expect(head).toContain(`X-Request-Id: ${problem.requestId}`);
    await gateway.ok('get', '/v1/vms');
  });

  it('refuses a huge body, and serves the next request', async () => {
    const huge = JSON.stringify({ name: 'x'.repeat(MAX_BODY_BYTES) });
    const response = await gateway.call('post', '/v1/vms').type('json').send(huge);
    expect(response.status).toBe(413);
    expect(response.body).toMatchObject({
      code: 'BODY_TOO_LARGE',
      detail: expect.stringContaining('1048576'),
    });
    await gateway.ok('get', '/v1/vms');
  });

  it('takes __proto__ for a key like any other', async () => {
    const response = await gateway.call('post', '/v1/vms').type('json').send('{"__proto__": {"name": "a1"}}');
    expect(response.body).toMatchObject({ code: 'INVALID_REQUEST' });
    expect(({} as { name?: string }).name).toBeUndefined();
  });

  describe('authentication', () => {
    it.each([
      ['none', undefined, 'Authorization: Bearer'],
      ['another scheme', 'Basic YWRtaW46YWRtaW4=', 'Authorization: Bearer'],
      ['a wrong token', `Bearer ${'x'.repeat(32)}`, 'not valid here'],
      ['an empty token', 'Bearer ', 'Authorization: Bearer'],
    ])('%s is refused on every address under /v1', async (_, header, words) => {
      for (const path of ['/v1/vms', '/V1/vms', '/v1/nothing', '/v1', '/v1/blobs/x']) {
        const test = request(gateway.server).get(path);
        const response = await (header === undefined ? test : test.set('Authorization', header));
        expect([path, response.status, response.body.code]).toEqual([path, 401, 'UNAUTHENTICATED']);
        expect(response.body.detail).toContain(words);
        expect(response.headers['www-authenticate']).toBe('Bearer');
      }
    });

    it('is not asked for by the documentation, health and metrics', async () => {
      for (const path of ['/docs', '/openapi.json', '/health/live', '/health/ready', '/metrics']) {
        await request(gateway.server).get(path).expect(200);
      }
    });
  });
});
