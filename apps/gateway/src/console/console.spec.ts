import { once } from 'node:events';
import {
  CONSOLE_PROTOCOL,
  MAX_CONSOLE_MESSAGE,
  rawSubjects,
  TOKEN_PROTOCOL_PREFIX,
  V3Error,
  type Vm,
} from '@v3vee/contracts';
import { VmRepository } from '@v3vee/store';
import WebSocket from 'ws';
import type { ScriptedHost } from '../testing/scripted-host.fixture';
import { kernelBuffers } from '../testing/kernel-buffers.fixture';
import { TestGateway } from '../testing/test-gateway.fixture';

/** A client that keeps all it hears. */
class Client {
  text = '';
  readonly closed: Promise<{ code: number; reason: string }>;

  constructor(readonly socket: WebSocket) {
    socket.on('message', data => (this.text += (data as Buffer).toString('latin1')));
    this.closed = once(socket, 'close').then(([code, reason]) => ({ code, reason: String(reason) }));
  }
}

describe('the console', () => {
  let gateway: TestGateway;
  let alpha: ScriptedHost;
  let vm: Vm;
  const clients: Client[] = [];
  beforeAll(async () => {
    gateway = await TestGateway.start();
    [alpha] = (await gateway.withHosts('alpha', 'beta')) as [ScriptedHost, ScriptedHost];
  });
  afterAll(() => gateway?.stop());
  let count = 0;
  beforeEach(async () => {
    vm = await gateway.ok<Vm>('post', '/v1/vms', { name: `v${count++}`, host: 'alpha' });
    await gateway.operate('post', `/v1/vms/${vm.name}:start`);
  });
  afterEach(() => {
    for (const { socket } of clients.splice(0)) socket.terminate();
  });

  const socketTo = (path: string, token: string | undefined = gateway.token) =>
    new WebSocket(`ws://127.0.0.1:${gateway.port}${path}`, {
      headers: token ? { Authorization: `Bearer ${token}` } : {},
    });
  const open = async (name = vm.name) => {
    const client = new Client(socketTo(`/v1/vms/${name}/console`));
    clients.push(client);
    await once(client.socket, 'open');
    return client;
  };
  const shows = (client: Client, text: string) => gateway.until(async () => client.text.includes(text));
  const refusal = async (path: string, token?: string) => {
    const socket = socketTo(path, token);
    const [, response] = (await once(socket, 'unexpected-response')) as [
      unknown,
      AsyncIterable<Buffer> & { statusCode: number; headers: Record<string, string> },
    ];
    let body = '';
    for await (const chunk of response) body += chunk.toString();
    expect(response.headers['content-type']).toBe('application/problem+json');
    return { http: response.statusCode, ...(JSON.parse(body) as { code: string; detail: string }) };
  };
  const publish = (text: string) =>
    gateway.bus.publishRaw(rawSubjects.consoleOut('alpha', vm.id), Buffer.from(text));

  it('shows what came before and what comes now, and carries what is typed', async () => {
    const typed: string[] = [];
    const input = gateway.bus.subscribeRaw(rawSubjects.consoleIn('alpha', vm.id), bytes => {
      typed.push(Buffer.from(bytes).toString());
    });
    await gateway.bus.flush();
    const client = await open();
    await shows(client, 'login: ');
    client.socket.send(Buffer.from('root\n'));
    await gateway.until(async () => typed.join('') === 'root\n');
    publish('Password: ');
    await shows(client, 'login: Password: ');
    input.stop();
  });

  it('shows nothing that another host says of its VM, and follows it when it moves there', async () => {
    const say = (host: string, words: string) =>
      gateway.bus.publishRaw(rawSubjects.consoleOut(host, vm.id), Buffer.from(words));
    const client = await open();
    await shows(client, 'login: ');
    say('beta', 'forged ');
    say('alpha', 'true ');
    await shows(client, 'login: true ');
    // Once more, so that the first question to the store has been answered.
    say('beta', 'forged ');
    await gateway.ok('get', `/v1/vms/${vm.name}`);
    say('alpha', 'again ');
    await shows(client, 'login: true again ');

    const { epoch } = (await new VmRepository(gateway.dataSource).get(vm.id))!;
    const swap = { from: 'alpha', epoch, to: 'beta' };
    await new VmRepository(gateway.dataSource).swapOwner(vm.id, swap);
    const typed: string[] = [];
    const input = gateway.bus.subscribeRaw(rawSubjects.consoleIn('beta', vm.id), bytes => {
      typed.push(Buffer.from(bytes).toString());
    });
    await gateway.bus.flush();
    say('beta', 'moved');
    await shows(client, 'again moved');
    client.socket.send(Buffer.from('root\n'));
    await gateway.until(async () => typed.join('') === 'root\n');
    input.stop();
  });

  it('is found by id too, and several may look on', async () => {
    const [one, two] = await Promise.all([open(), open(vm.id)]);
    await Promise.all([shows(one, 'login: '), shows(two, 'login: ')]);
    publish('for all');
    await Promise.all([shows(one, 'for all'), shows(two, 'for all')]);
  });

  it('cuts long input into pieces and loses none of it', async () => {
    const typed: number[] = [];
    const input = gateway.bus.subscribeRaw(rawSubjects.consoleIn('alpha', vm.id), bytes =>
      typed.push(bytes.length),
    );
    await gateway.bus.flush();
    const client = await open();
    client.socket.send(Buffer.alloc(10_000));
    await gateway.until(async () => typed.reduce((sum, length) => sum + length, 0) === 10_000);
    expect(Math.max(...typed)).toBeLessThanOrEqual(4096);
    input.stop();
  });

  it('lets a browser’s page of this gateway in, whose token comes as a protocol', async () => {
    const url = `ws://127.0.0.1:${gateway.port}/v1/vms/${vm.name}/console`;
    const protocols = [CONSOLE_PROTOCOL, `${TOKEN_PROTOCOL_PREFIX}${gateway.token}`];
    const page = (origin: string) => new WebSocket(url, protocols, { headers: { Origin: origin } });
    const client = new Client(page(`http://127.0.0.1:${gateway.port}`));
    clients.push(client);
    await shows(client, 'login: ');
    expect(client.socket.protocol).toBe(CONSOLE_PROTOCOL);
    for (const origin of ['http://evil.test', `http://127.0.0.1:${gateway.port + 1}`, 'null']) {
      const [, response] = (await once(page(origin), 'unexpected-response')) as [
        unknown,
        { statusCode: number; resume(): void },
      ];
      response.resume();
      expect(response.statusCode).toBe(403);
    }
  });

  it('of a VM that ends closes with the reason', async () => {
    const client = await open();
    await shows(client, 'login: ');
    await gateway.operate('post', `/v1/vms/${vm.name}:stop`);
    expect(await client.closed).toEqual({ code: 4404, reason: `${vm.name} is STOPPED: put to STOPPED` });
  });

  it('survives a pause and a reset', async () => {
    const client = await open();
    for (const verb of ['pause', 'resume', 'reset'])
      await gateway.operate('post', `/v1/vms/${vm.name}:${verb}`);
    publish('still here');
    await shows(client, 'still here');
  });

  it('of a host that falls silent closes with the reason', async () => {
    const client = await open();
    await shows(client, 'login: ');
    alpha.stop();
    const { code, reason } = await client.closed;
    expect(code).toBe(4503);
    expect(reason).toMatch(/^host alpha went away during this: the palacios of alpha is silent since/);
    alpha.start();
    await gateway.until(async () => (await gateway.hostState('alpha')) === 'READY');
  });

  it('closes when its Palacios does not attach it', async () => {
    alpha.failing('consoleAttach', new V3Error('VM_WRONG_STATE', 'not now'));
    const client = await open();
    expect(await client.closed).toEqual({ code: 4503, reason: 'not now' });
    alpha.failing('consoleAttach', undefined);
  });

  it('closes when the gateway stops', async () => {
    const client = await open();
    await gateway.restart();
    expect(await client.closed).toEqual({ code: 1001, reason: 'the gateway stops' });
    await gateway.until(async () => (await gateway.hostState('alpha')) === 'READY');
  });

  it('refuses a message that is too large, and goes on serving others', async () => {
    const client = await open();
    const other = await open();
    client.socket.send(Buffer.alloc(64 * 1024 + 1));
    expect((await client.closed).code).toBe(1009);
    publish('for the other');
    await shows(other, 'for the other');
  });

  it.each([
    ['no token', (): string => `/v1/vms/${vm.name}/console`, '', 401, 'UNAUTHENTICATED', 'Authorization'],
    [
      'a wrong token',
      (): string => `/v1/vms/${vm.name}/console`,
      'x'.repeat(32),
      401,
      'UNAUTHENTICATED',
      'not valid',
    ],
    ['an unknown VM', (): string => '/v1/vms/nobody/console', undefined, 404, 'VM_NOT_FOUND', '"nobody"'],
    ['another address', (): string => '/v1/vms', undefined, 404, 'ROUTE_NOT_FOUND', '/v1/vms/{vm}/console'],
    ['a broken escape', (): string => '/v1/vms/%zz/console', undefined, 400, 'INVALID_REQUEST', 'URI'],
  ] as const)('refuses %s before the upgrade', async (_, path, token, http, code, words) => {
    expect(await refusal(path(), token)).toMatchObject({
      http,
      code,
      detail: expect.stringContaining(words),
    });
  });

  it('refuses a VM that does not run, and says which states allow it', async () => {
    await gateway.operate('post', `/v1/vms/${vm.name}:stop`);
    expect(await refusal(`/v1/vms/${vm.name}/console`)).toMatchObject({
      http: 409,
      code: 'VM_WRONG_STATE',
      detail: `${vm.name} is STOPPED (put to STOPPED); console needs it to be RUNNING or PAUSED or SIMULATING`,
    });
  });

  it('takes a flood of input as far as a serial line would, tells how much it left out, and goes on', async () => {
    let typed = 0;
    const input = gateway.bus.subscribeRaw(
      rawSubjects.consoleIn('alpha', vm.id),
      bytes => void (typed += bytes.length),
    );
    await gateway.bus.flush();
    const [client, other] = [await open(), await open()];
    await Promise.all([shows(client, 'login: '), shows(other, 'login: ')]);
    const [piece, pieces] = [Buffer.alloc(MAX_CONSOLE_MESSAGE, 'x'), 200];
    for (let n = 0; n < pieces; n++) client.socket.send(piece);
    const dropped = () =>
      [...client.text.matchAll(/\[(\d+) bytes of input left out: type slower\]/g)].reduce(
        (sum, [, bytes]) => sum + Number(bytes),
        0,
      );
    await gateway.until(async () => dropped() + typed === pieces * piece.length);
    expect(typed).toBeGreaterThanOrEqual(piece.length);
    expect(dropped()).toBeGreaterThan(typed);
    other.socket.send(Buffer.from('root\n'));
    await gateway.until(async () => dropped() + typed === pieces * piece.length + 5);
    publish('still here');
    await shows(client, 'still here');
    input.stop();
  });

  it('keeps a bounded part of what comes before its Palacios has attached it', async () => {
    const held = alpha.hold('consoleAttach');
    const client = await open();
    await held.arrived;
    const piece = 'x'.repeat(256 * 1024);
    for (let n = 0; n < 16; n++) publish(piece);
    await gateway.bus.flush();
    held.release();
    await shows(client, 'x');
    await gateway.until(async () => {
      publish('.');
      return client.text.includes('output left out');
    });
    const leftOut = Number(/\[(\d+) bytes of output left out/.exec(client.text)?.[1]);
    expect(leftOut).toBeGreaterThanOrEqual(12 * piece.length);
  });

  it('leaves out what a slow client does not read, and says how much', async () => {
    const client = await open();
    await shows(client, 'login: ');
    client.socket.pause();
    // More than the buffers of both sides of the connection and the gateway's own limit together hold.
    const piece = 'x'.repeat(64 * 1024);
    const pieces = Math.ceil(((await kernelBuffers()) + 16 * 1024 * 1024) / piece.length);
    for (let n = 0; n < pieces; n++) {
      publish(piece);
      // The server must not take the gateway, which is of this process, for a slow consumer.
      if (n % 64 === 0) await gateway.bus.flush();
    }
    await gateway.bus.flush();
    client.socket.resume();
    // It is said with the next output that is sent.
    await gateway.until(async () => {
      publish('.');
      return client.text.includes('output left out');
    });
    const leftOut = Number(/\[(\d+) bytes of output left out: read faster\]/.exec(client.text)?.[1]);
    const received = client.text.split('x').length - 1;
    expect(leftOut).toBeGreaterThan(0);
    expect(received).toBeGreaterThan(1024 * 1024);
    expect(received).toBeLessThan(pieces * piece.length);
  });
});
