import { randomUUID } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { Client, openTrace, type TraceSession } from '@v3vee/client';
import { V3Error, type TraceEvent, type TraceLine, type TraceStatus, type Vm } from '@v3vee/contracts';
import type { ScriptedHost } from '../testing/scripted-host.fixture';
import { TestGateway } from '../testing/test-gateway.fixture';
import { TraceStream } from './trace-stream';

/** Reads a trace as it comes. */
class Reader {
  readonly lines: TraceLine[] = [];
  isEnded = false;

  constructor(readonly session: TraceSession) {
    void this.read();
  }
  private async read(): Promise<void> {
    for await (const line of this.session.lines) this.lines.push(line);
    this.isEnded = true;
  }
  get events(): TraceEvent[] {
    return this.lines.filter(line => 'event' in line);
  }
  get status(): TraceStatus | undefined {
    return this.lines.findLast(line => 'delivered' in line);
  }
}

describe('traces of devices', () => {
  let gateway: TestGateway;
  let alpha: ScriptedHost;
  let client: Client;
  let vm: Vm;
  const readers: Reader[] = [];
  const eth0 = { name: 'eth0', model: 'rtl8139', network: 'lan' };
  const apply = (nics: object[]) =>
    gateway.operate('post', '/v1/cluster:apply', { hosts: { alpha: { nics } }, networks: { lan: null } });

  beforeAll(async () => {
    gateway = await TestGateway.start();
    [alpha] = (await gateway.withHosts('alpha')) as [ScriptedHost];
    await apply([eth0]);
    vm = await gateway.ok<Vm>('post', '/v1/vms', { name: 'a1', host: 'alpha' });
    client = new Client({ url: `http://127.0.0.1:${gateway.port}`, token: gateway.token });
  });
  afterAll(async () => {
    client?.close();
    await gateway?.stop();
  });
  beforeEach(() => {
    alpha.lostOfTraces = 0;
  });
  afterEach(async () => {
    for (const { session } of readers.splice(0)) session.stop();
    await until(() => alpha.traces.size === 0);
  });

  const until = (condition: () => boolean) => gateway.until(async () => condition());
  const open = async () => {
    const reader = new Reader(await openTrace(client, 'alpha/eth0'));
    readers.push(reader);
    return reader;
  };
  const event = (value: number, more: object = {}): TraceEvent => ({
    ...{
      atUs: 1_700_000_000_000_000,
      vm: vm.id,
      event: 'write',
      register: 'ISR',
      offset: 0x3e,
      size: 2,
      value,
    },
    ...{ class: 'open', detail: 'acknowledge' },
    ...more,
  });
  const line = (value: number, more: object = {}) => JSON.stringify(event(value, more));
  /** Without HTTP between, so that a test says how fast its client reads. */
  const direct = (out: PassThrough, more: object = {}) =>
    new TraceStream({
      ...{ bus: gateway.bus, host: 'alpha', nic: 'eth0', out, renewMs: 20 },
      locate: async () => undefined,
      names: async () => new Map(),
      ...more,
    });

  it('stream what the host tells, with names of VMs, until the client leaves', async () => {
    const reader = await open();
    expect([...alpha.traces.values()]).toEqual([{ nic: 'eth0', asked: 1 }]);
    const stranger = randomUUID();
    alpha.tracing(
      line(1),
      line(2, { event: 'interrupt', offset: null, size: null, value: null, class: null }),
    );
    alpha.tracing(line(3, { vm: stranger }));
    await until(() => reader.events.length === 3);
    expect(reader.events).toEqual([
      event(1, { vm: 'a1' }),
      event(2, { vm: 'a1', event: 'interrupt', offset: null, size: null, value: null, class: null }),
      event(3, { vm: stranger }),
    ]);
    reader.session.stop();
    await until(() => alpha.traces.size === 0);
  });

  it('let through nothing that is no event, and count it', async () => {
    const out = new PassThrough();
    let text = '';
    out.setEncoding('utf8').on('data', (part: string) => (text += part));
    const stream = direct(out);
    await stream.open();
    alpha.tracing(
      '{"delivered":9,"dropped":0,"ended":"no"}',
      '{',
      '[]',
      line(1, { class: 'secret' }),
      '\u0000',
      '',
    );
    alpha.tracing(line(2, { register: 'a\nb', more: 'x' }));
    await until(() => stream.seen === 6);
    stream.end('enough');
    await stream.ended;
    await until(() => out.readableEnded);
    const lines = text
      .trimEnd()
      .split('\n')
      .map(each => JSON.parse(each) as object);
    expect(lines.filter(each => 'event' in each)).toEqual([event(2, { register: 'a\nb' })]);
    expect(lines.at(-1)).toEqual({ delivered: 1, dropped: 5, ended: 'enough' });
  });

  it('tell while they go on how many events their host lost, also over its restart', async () => {
    const out = new PassThrough();
    let text = '';
    out.setEncoding('utf8').on('data', (part: string) => (text += part));
    const stream = direct(out);
    await stream.open();
    alpha.lostOfTraces = 7;
    await until(() => text.includes('"dropped":7,"ended":null'));
    alpha.stop();
    alpha.lostOfTraces = 2;
    alpha.start();
    await until(() => text.includes('"dropped":9,"ended":null'));
    alpha.tracing(line(1));
    await until(() => stream.seen === 1);
    stream.end('enough');
    // What is as it was is not told again.
    expect(text.match(/"ended":null/g)).toHaveLength(2);
    await stream.ended;
    await gateway.until(async () => (await gateway.hostState('alpha')) === 'READY');
  });

  it('leave events out for a client that reads slower than they come, and count them', async () => {
    const out = new PassThrough({ highWaterMark: 1 });
    const stream = direct(out, { maxUnread: 1_000 });
    await stream.open();
    const many = Array.from({ length: 100 }, (_, n) => line(n));
    alpha.tracing(...many);
    await until(() => stream.seen === 100);
    alpha.tracing(...many);
    alpha.tracing(...many);
    await until(() => stream.seen === 300);
    let text = '';
    out.setEncoding('utf8').on('data', (part: string) => (text += part));
    stream.end('enough');
    await stream.ended;
    await until(() => out.readableEnded);
    const lines = text.trimEnd().split('\n');
    expect([lines.length, JSON.parse(lines.at(-1)!)]).toEqual([
      101,
      { delivered: 100, dropped: 200, ended: 'enough' },
    ]);
  });

  it('know the name of a VM that came meanwhile', async () => {
    const names = new Map<string, string>();
    const out = new PassThrough();
    let text = '';
    out.setEncoding('utf8').on('data', (part: string) => (text += part));
    const stream = direct(out, { names: async () => new Map(names) });
    await stream.open();
    names.set(vm.id, 'late');
    await gateway.until(async () => {
      alpha.tracing(line(1));
      return text.includes('"vm":"late"');
    });
    expect(text).toContain(`"vm":"${vm.id}"`);
    stream.end('enough');
    await stream.ended;
  });

  it('end with the reason when their device is declared no more', async () => {
    const reader = await open();
    expect((await apply([])).error).toBeNull();
    await until(() => reader.isEnded);
    expect(reader.status).toEqual({
      ...{ delivered: 0, dropped: 0 },
      ended: 'there is no physical device "alpha/eth0"; devices are: none',
    });
    expect((await apply([eth0])).error).toBeNull();
  });

  it('end with the reason when the gateway stops', async () => {
    const reader = await open();
    await gateway.restart();
    await until(() => reader.isEnded);
    expect(reader.status?.ended).toBe('the gateway stops');
    client.close();
    client = new Client({ url: `http://127.0.0.1:${gateway.port}`, token: gateway.token });
    await gateway.until(async () => (await gateway.hostState('alpha')) === 'READY');
  });

  it.each([
    ['device=alpha/eth7', 404, 'DEVICE_NOT_FOUND', 'devices are: alpha/eth0'],
    ['device=alpha%2Feth7', 404, 'DEVICE_NOT_FOUND', 'there is no physical device "alpha/eth7"'],
    ['device=eth0', 400, 'INVALID_REQUEST', 'a device is HOST/NIC, for example alpha/eth0'],
    ['', 400, 'INVALID_REQUEST', 'device'],
    ['device=alpha/eth0&register=ISR', 400, 'INVALID_REQUEST', 'register'],
  ])('refuse "%s" with %d', async (query, status, code, detail) => {
    const response = await gateway.call('get', `/v1/dmm/trace?${query}`);
    expect([response.status, response.body.code]).toEqual([status, code]);
    expect(response.body.detail).toContain(detail);
  });

  it('refuse a host that is silent, and who has no token', async () => {
    const stranger = new Client({ url: client.url, token: 'x'.repeat(40) });
    await expect(openTrace(stranger, 'alpha/eth0')).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    alpha.stop();
    await gateway.until(async () => (await gateway.hostState('alpha')) !== 'READY');
    await expect(openTrace(client, 'alpha/eth0')).rejects.toMatchObject({ code: 'HOST_NOT_READY' });
    alpha.start();
    await gateway.until(async () => (await gateway.hostState('alpha')) === 'READY');
  });

  it('fail at first with what their host answers, and write nothing', async () => {
    const out = new PassThrough();
    const locate = () => Promise.reject(new V3Error('DEVICE_NOT_FOUND', 'gone'));
    const stream = direct(out, { locate });
    await expect(stream.open()).rejects.toMatchObject({ code: 'DEVICE_NOT_FOUND' });
    await stream.ended;
    expect(out.readableLength).toBe(0);
  });
});
