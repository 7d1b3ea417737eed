import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { defaultNicSettings, V3Error, type Operation, type Vm } from '@v3vee/contracts';
import { Client } from './client';
import { execInVm } from './exec';
import { runVnetControl } from './vnet-control';
import { waitForVm } from './wait-vm';

/**
 * A server that misbehaves as the test wants: what is tested is what the client does when connections break and
 * answers are strange. Against the real gateway it is tested end to end (apps/cli).
 */
type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

const vm: Vm = {
  id: '0b54ed2c-6c9e-4c8a-9d3e-0a4cf7d5b101',
  name: 'a1',
  project: 'default',
  host: 'alpha',
  epoch: 1,
  state: 'RUNNING',
  reason: '',
  image: 'debian',
  memoryMiB: 64,
  autostart: true,
  boot: 'template',
  failover: 'none',
  checkpointEvery: null,
  agent: true,
  core: 0,
  nics: [
    {
      ...{ name: 'eth0', model: 'virtio-net', network: 'lan', mac: '02:00:00:00:00:01', ips: [] },
      ...{ device: null, access: null },
      settings: defaultNicSettings,
    },
  ],
  wifi: [],
  yield: { strategy: 'friendly', thresholdUs: 100, sleepMs: 10, scheduleHz: 100 },
  devices: [],
  disks: [],
  createdAt: '2026-01-01T00:00:00.000Z',
  startedAt: null,
};
const operation: Operation = {
  id: '0b54ed2c-6c9e-4c8a-9d3e-0a4cf7d5b102',
  verb: 'start',
  target: 'vms/a1',
  done: false,
  progress: '',
  metadata: null,
  error: null,
  response: null,
  createdAt: '2026-01-01T00:00:00.000Z',
  endedAt: null,
};

describe('Client', () => {
  let server: Server;
  let client: Client;
  let handlers: Handler[] = [];
  let seen: { method: string; url: URL; body: string; headers: IncomingMessage['headers'] }[] = [];

  const json =
    (status: number, body: unknown): Handler =>
    (_, response) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
  const cut: Handler = request => request.socket.destroy();

  beforeEach(async () => {
    seen = [];
    server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (part: string) => (body += part));
      request.on('end', () => {
        const { method = '', headers } = request;
        seen.push({ method, url: new URL(request.url ?? '', 'http://x'), body, headers });
        // The last handler answers all further requests.
        const handler = handlers.length > 1 ? handlers.shift() : handlers[0];
        handler?.(request, response, body);
      });
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    client = new Client({
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
      token: 'secret',
    });
  });
  afterEach(async () => {
    client.close();
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
  });

  it('fills in the path, the query and the token', async () => {
    handlers = [json(200, { items: [vm], nextPageToken: '' })];
    await client.call('listVms', {}, { query: { host: 'alpha', pageSize: 7 } });
    handlers = [json(404, new V3Error('VM_NOT_FOUND', 'no').toProblem())];
    await client.call('getVm', { vm: 'a/../b ?' }).catch(() => {});
    expect(`${seen[0]?.url.pathname}${seen[0]?.url.search}`).toBe('/v1/vms?host=alpha&pageSize=7');
    expect(seen[0]?.headers.authorization).toBe('Bearer secret');
    expect(seen[1]?.url.pathname).toBe('/v1/vms/a%2F..%2Fb%20%3F');
  });

  it('gives a V3Error for a problem document', async () => {
    const fields = [{ path: 'name', message: 'too long' }];
    handlers = [json(400, new V3Error('INVALID_REQUEST', 'name: too long', { fields }).toProblem())];
    await expect(client.call('getVm', { vm: 'a1' })).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      message: 'name: too long',
      fields,
    });
  });

  it('says what is wrong with an answer of something else than a gateway', async () => {
    handlers = [(_, response) => void response.writeHead(502).end('<html>Bad gateway</html>')];
    await expect(client.call('getVm', { vm: 'a1' })).rejects.toThrow('HTTP 502 without a problem document');
    handlers = [json(200, { id: 7 })];
    await expect(client.call('getVm', { vm: 'a1' })).rejects.toThrow('is not one of a V3VEE gateway');
  });

  it('repeats a verb with the same request id when the connection breaks', async () => {
    handlers = [cut, cut, json(202, operation)];
    await client.call('startVm', { vm: 'a1' });
    expect(seen).toHaveLength(3);
    const ids = seen.map(({ url }) => url.searchParams.get('requestId'));
    expect(ids[0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(new Set(ids).size).toBe(1);
  });

  it('waits for its own first attempt that is still being worked on', async () => {
    handlers = [cut, json(409, new V3Error('REQUEST_IN_PROGRESS', 'wait').toProblem()), json(202, operation)];
    await expect(client.call('startVm', { vm: 'a1' })).resolves.toMatchObject({ id: operation.id });
  });

  it('comes again when it was too fast, as soon as it is told to', async () => {
    const limited: Handler = (_, response) => {
      response.writeHead(429, { 'retry-after': '0' });
      response.end(JSON.stringify(new V3Error('RATE_LIMITED', 'slower').toProblem()));
    };
    handlers = [limited, limited, json(202, operation)];
    await expect(client.call('startVm', { vm: 'a1' })).resolves.toMatchObject({ id: operation.id });
    expect(seen).toHaveLength(3);
    const far: Handler = (_, response) => {
      response.writeHead(429, { 'retry-after': '3600' });
      response.end(JSON.stringify(new V3Error('RATE_LIMITED', 'slower').toProblem()));
    };
    handlers = [far];
    await expect(client.call('getVm', { vm: 'a1' })).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  });

  it('sends lines of the VNET language as they are, once however often the connection breaks', async () => {
    const answer: Handler = (_, response) => void response.end('added route 1: …\n');
    handlers = [cut, answer];
    expect(await runVnetControl(client, '# é\nDEL 1', 'lan')).toBe('added route 1: …\n');
    expect(seen[1]).toMatchObject({ method: 'POST', body: '# é\nDEL 1' });
    expect(seen[1]?.url.pathname).toBe('/v1/vnet/control');
    expect(seen[1]?.url.searchParams.get('network')).toBe('lan');
    expect(seen[1]?.url.search).toBe(seen[0]?.url.search);
    handlers = [json(400, new V3Error('VNET_CONTROL_INVALID', 'line 1, column 1: no').toProblem())];
    await expect(runVnetControl(client, 'x')).rejects.toMatchObject({ code: 'VNET_CONTROL_INVALID' });
  });

  it('never repeats a command in a guest that may have run', async () => {
    handlers = [cut];
    await expect(execInVm(client, 'a1', ['reboot'])).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    expect(seen).toHaveLength(1);
  });

  it('says that the gateway cannot be reached, after trying', async () => {
    const nobody = new Client({ url: 'http://127.0.0.1:1', token: 'x', retryForMs: 250 });
    await expect(nobody.call('listVms', {})).rejects.toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      message: expect.stringContaining('http://127.0.0.1:1 cannot be reached'),
    });
  });

  it('gives up an answer that does not come', async () => {
    handlers = [() => {}];
    await expect(client.call('getVm', { vm: 'a1' }, { timeoutMs: 100 })).rejects.toMatchObject({
      code: 'TIMEOUT',
    });
  });

  it('stops waiting when told to, with the reason', async () => {
    const controller = new AbortController();
    handlers = [() => controller.abort(new Error('Ctrl-C'))];
    await expect(client.call('getVm', { vm: 'a1' }, { signal: controller.signal })).rejects.toThrow('Ctrl-C');
    await expect(client.call('getVm', { vm: 'a1' }, { signal: controller.signal })).rejects.toThrow('Ctrl-C');
    expect(seen).toHaveLength(1);
  });

  it('fetches all pages of a list', async () => {
    handlers = [
      json(200, { items: [vm], nextPageToken: 'two' }),
      json(200, { items: [{ ...vm, name: 'a2' }], nextPageToken: '' }),
    ];
    const vms = await client.list('listVms', { host: 'alpha' });
    expect(vms.map(({ name }) => name)).toEqual(['a1', 'a2']);
    expect(seen[1]?.url.search).toBe('?host=alpha&pageToken=two');
  });

  it('follows an operation to its end and tells its progress', async () => {
    handlers = [
      json(202, operation),
      json(200, { ...operation, progress: 'booting' }),
      json(200, { ...operation, progress: 'booting' }),
      json(200, { ...operation, done: true, progress: 'up', response: vm }),
    ];
    const told: string[] = [];
    const done = await client.operate('startVm', { vm: 'a1' }, { onProgress: text => told.push(text) });
    expect(done.response).toEqual(vm);
    expect(told).toEqual(['booting', 'up']);
    expect(seen.slice(1).every(({ url }) => url.pathname.endsWith(':wait'))).toBe(true);
  });

  it("throws an operation's error as its own", async () => {
    const error = new V3Error('HOST_MEMORY_EXHAUSTED', '64 MiB asked, 16 MiB free').toProblem();
    handlers = [json(202, operation), json(200, { ...operation, done: true, error })];
    await expect(client.operate('startVm', { vm: 'a1' })).rejects.toMatchObject({
      code: 'HOST_MEMORY_EXHAUSTED',
      message: '64 MiB asked, 16 MiB free',
    });
  });

  it('keeps the bytes of a command whose output is not text', async () => {
    const bytes = Buffer.from([0, 255, 128, 10]);
    handlers = [
      json(200, {
        exitCode: 3,
        stdout: bytes.toString('base64'),
        stderr: '',
        encoding: 'base64',
        truncated: false,
      }),
    ];
    const outcome = await execInVm(client, 'a1', ['cat'], { input: Buffer.from('hi'), timeoutSeconds: 5 });
    expect(outcome).toMatchObject({ exitCode: 3, stdout: bytes });
    expect(JSON.parse(seen[0]?.body ?? '')).toEqual({ command: ['cat'], timeoutSeconds: 5, input: 'aGk=' });
  });

  it('says what a VM is when it does not become what was waited for', async () => {
    handlers = [json(200, { ...vm, state: 'ERROR', reason: 'kernel panic' })];
    await expect(waitForVm(client, 'a1', 'running', { timeoutMs: 150 })).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: 'a1 is not "running" after 0.15 s; it is ERROR (kernel panic)',
    });
  });

  it('asks the agent for addresses when it waits for one', async () => {
    const addressed = { ...vm, nics: vm.nics.map(nic => ({ ...nic, ips: ['10.0.0.1'] })) };
    handlers = [
      json(200, { ...vm, agent: false }),
      json(200, vm),
      json(200, vm),
      json(200, vm),
      json(200, addressed),
    ];
    await waitForVm(client, 'a1', 'ip');
    expect(seen.map(({ method }) => method)).toEqual(['GET', 'GET', 'POST', 'GET', 'POST']);
  });
});

/** Never run: the compiler checks that the table's types reach the caller. */
export async function types(client: Client): Promise<void> {
  await client.operate('snapshotVm', { vm: 'a1' }, { body: { name: 'x' } });
  // @ts-expect-error a snapshot needs a name
  await client.operate('snapshotVm', { vm: 'a1' });
  // @ts-expect-error there is no such path parameter
  await client.call('getVm', { name: 'a1' });
  // @ts-expect-error it does not answer with an operation
  await client.operate('getVm', { vm: 'a1' });
  // @ts-expect-error it is no list
  await client.list('getVm');
  // @ts-expect-error there is no such query parameter
  await client.list('listVms', { hosts: 'alpha' });
  // @ts-expect-error it takes no body
  await client.call('getVm', { vm: 'a1' }, { body: {} });
}
