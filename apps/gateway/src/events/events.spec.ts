import { PassThrough } from 'node:stream';
import { Client, watchList, type WatchLine } from '@v3vee/client';
import { V3Error, type Event, type List, type Vm, type WatchedList } from '@v3vee/contracts';
import { GrpcClient } from '@v3vee/grpc';
import { EventRepository } from '@v3vee/store';
import type { ScriptedHost } from '../testing/scripted-host.fixture';
import { TestGateway } from '../testing/test-gateway.fixture';
import type { EventFeed } from './event-feed';
import { WatchSteps } from './watch-steps';
import { WatchStream } from './watch-stream';

describe('events', () => {
  let gateway: TestGateway;
  let alpha: ScriptedHost;
  let client: Client;
  let events: EventRepository;
  const leaving: AbortController[] = [];
  beforeAll(async () => {
    gateway = await TestGateway.start();
    [alpha] = (await gateway.withHosts('alpha')) as [ScriptedHost];
    events = new EventRepository(gateway.dataSource);
    client = new Client({ url: `http://127.0.0.1:${gateway.port}`, token: gateway.token });
  });
  afterEach(() => {
    for (const each of leaving.splice(0)) each.abort();
  });
  afterAll(async () => {
    client?.close();
    await gateway?.stop();
  });

  /** Reads a watch as it comes. */
  const watching = <L extends WatchedList>(list: L, resourceVersion?: string, by = client) => {
    const lines: WatchLine<L>[] = [];
    const leave = new AbortController();
    leaving.push(leave);
    const ended = (async () => {
      for await (const line of watchList(by, list, { resourceVersion, signal: leave.signal }))
        lines.push(line);
    })().catch((thrown: unknown) => thrown);
    return {
      lines,
      ended,
      until: (condition: (all: typeof lines) => boolean) => gateway.until(async () => condition(lines)),
    };
  };
  const log = async (query = '') =>
    (await gateway.ok<List<Event>>('get', `/v1/events?pageSize=1000${query}`)).items;
  const steps = (items: Event[]) => items.map(({ before, state }) => `${before ?? ''}>${state}`).reverse();

  it('tell each change of a VM, its operations, and why', async () => {
    await gateway.ok('post', '/v1/vms', { name: 'e1', host: 'alpha' });
    await gateway.operate('post', '/v1/vms/e1:start');
    await gateway.operate('post', '/v1/vms/e1:pause');
    await gateway.operate('post', '/v1/vms/e1:stop');
    await gateway.operate('delete', '/v1/vms/e1');
    const vm = await log('&vm=e1&kind=vm');
    expect(steps(vm)).toEqual([
      '>STOPPED',
      'STOPPED>RUNNING',
      'RUNNING>PAUSED',
      'PAUSED>STOPPED',
      'STOPPED>DELETED',
    ]);
    expect(vm.every(({ reason, name }) => reason !== '' && name === 'e1')).toBe(true);
    const operations = await log('&vm=e1&kind=operation');
    expect(operations.map(({ state, reason }) => `${state} ${reason}`).reverse()).toEqual(
      ['start', 'pause', 'stop', 'delete'].flatMap(verb => [
        `RUNNING ${verb} vms/e1`,
        `SUCCEEDED ${verb} vms/e1`,
      ]),
    );
  });

  it('tell of an operation that failed with its reason', async () => {
    await gateway.ok('post', '/v1/vms', { name: 'f1', host: 'alpha' });
    alpha.failing('start', new V3Error('HOST_MEMORY_EXHAUSTED', 'there is none left'));
    await gateway.operate('post', '/v1/vms/f1:start');
    alpha.failing('start', undefined);
    const [last] = await log('&vm=f1&kind=operation');
    expect(last).toMatchObject({ state: 'FAILED', reason: 'start vms/f1: there is none left' });
  });

  it('are rolled back with what they tell of', async () => {
    const before = await events.latest();
    await gateway.dataSource
      .transaction(async manager => {
        await manager.query(`UPDATE host SET cordoned = true WHERE name = 'alpha'`);
        throw new Error('no');
      })
      .catch(() => undefined);
    expect(await events.after(before, { kind: 'host', limit: 10 })).toEqual([]);
  });

  it('are paged, newest first', async () => {
    const all = await log();
    const first = await gateway.ok<List<Event>>('get', '/v1/events?pageSize=3');
    const second = await gateway.ok<List<Event>>(
      'get',
      `/v1/events?pageSize=3&pageToken=${first.nextPageToken}`,
    );
    expect([...first.items, ...second.items].map(it => it.resourceVersion)).toEqual(
      all.slice(0, 6).map(it => it.resourceVersion),
    );
  });

  it('a watch of VMs tells what there is, each change, and what is no more', async () => {
    await gateway.ok('post', '/v1/vms', { name: 'w1', host: 'alpha' });
    const { lines, until } = watching('vms');
    await until(all => all.some(({ type, name }) => type === 'PRESENT' && name === 'w1'));
    await gateway.operate('post', '/v1/vms/w1:start');
    await until(all => all.some(({ object }) => object?.name === 'w1' && object.state === 'RUNNING'));
    expect(lines.at(-1)?.object).toEqual(await gateway.ok<Vm>('get', '/v1/vms/w1'));
    await gateway.operate('post', '/v1/vms/w1:stop');
    await gateway.operate('delete', '/v1/vms/w1');
    await until(all => all.some(({ type, name }) => type === 'DELETED' && name === 'w1'));
  });

  it('a watch goes on where it was, over a restart of the gateway', async () => {
    // Where its clients find it again.
    gateway.setEnv({ V3_HTTP_PORT: String(gateway.port) });
    const { lines, until } = watching('events', await events.latest());
    const vms = watching('vms');
    await gateway.ok('post', '/v1/vms', { name: 'r1', host: 'alpha' });
    await until(all => all.some(({ name }) => name === 'r1'));
    await vms.until(all => all.some(({ name }) => name === 'r1'));
    await gateway.restart(async () => {
      await gateway.dataSource.query(
        `SELECT log_event('host', 'meanwhile', NULL, NULL, NULL, 'DECLARED', 'while nobody listened')`,
      );
    });
    await gateway.ok('post', '/v1/vms', { name: 'r2', host: 'alpha' });
    await until(all => all.some(({ name }) => name === 'r2'));
    await vms.until(all => all.some(({ name }) => name === 'r2'));
    const told = lines.filter(({ name }) => ['r1', 'meanwhile', 'r2'].includes(name));
    expect(told.map(({ name }) => name)).toEqual(['r1', 'meanwhile', 'r2']);
    // It did not begin anew.
    expect(vms.lines.filter(({ name }) => name === 'r1')).toHaveLength(1);
    gateway.setEnv({});
    await gateway.until(async () => (await gateway.hostState('alpha')) === 'READY');
  });

  it('a list with watch=true is its watch, and over gRPC it is the same', async () => {
    const grpc = new GrpcClient({ address: gateway.grpcAddress, token: gateway.token });
    const { messages, stop } = await grpc.stream('watchHosts', {});
    for await (const line of messages) {
      expect(line).toMatchObject({ type: 'PRESENT', name: 'alpha', object: { name: 'alpha' } });
      break;
    }
    stop();
    grpc.close();
    const response = await fetch(`http://127.0.0.1:${gateway.port}/v1/hosts?watch=true`, {
      headers: { authorization: `Bearer ${gateway.token}` },
    });
    expect(response.headers.get('content-type')).toContain('application/x-ndjson');
    const { value } = await response.body!.getReader().read();
    expect(Buffer.from(value!).toString()).toContain('"type":"PRESENT"');
  });

  it('are a project’s people’s as far as they are of it, also when what they are of is no more', async () => {
    for (const name of ['red', 'blue']) await gateway.ok('post', '/v1/projects', { name });
    const { token } = await gateway.user('viewer', { project: 'red' });
    const red = new Client({ url: `http://127.0.0.1:${gateway.port}`, token });
    const place = await events.latest();
    const vms = watching('vms', place, red);
    const operations = watching('operations', place, red);
    const all = watching('events', place, red);
    for (const project of ['red', 'blue']) {
      await gateway.ok('post', '/v1/vms', { name: 'p1', project, host: 'alpha' });
      await gateway.operate('post', '/v1/vms/p1:start');
      await gateway.operate('post', '/v1/vms/p1:stop');
      await gateway.operate('delete', '/v1/vms/p1');
    }
    // A host's is everybody's, and tells that the watch has come so far.
    await gateway.ok('post', '/v1/hosts/alpha:cordon');
    await gateway.ok('post', '/v1/hosts/alpha:uncordon');
    await all.until(lines => lines.some(({ state }) => state === 'UNCORDONED'));
    const own = (await red.call('listEvents', {}, { query: { vm: 'p1' } })).items;
    expect(steps(own.filter(({ kind }) => kind === 'vm'))).toEqual([
      ...['>STOPPED', 'STOPPED>RUNNING', 'RUNNING>STOPPED', 'STOPPED>DELETED'],
    ]);
    expect(own.length * 2).toBe((await log('&vm=p1')).length);
    expect(all.lines.filter(({ vm }) => vm === 'p1')).toHaveLength(own.length);
    await vms.until(lines => lines.some(({ type }) => type === 'DELETED'));
    expect(operations.lines.length).toBeGreaterThan(0);
    const blue = JSON.stringify((await gateway.ok<List<Vm>>('get', '/v1/operations?pageSize=3')).items);
    for (const { name } of operations.lines) expect(blue).not.toContain(name);
    const present = watching('vms', undefined, red);
    await gateway.ok('post', '/v1/vms', { name: 'p2', project: 'blue', host: 'alpha' });
    await gateway.ok('post', '/v1/vms', { name: 'p3', project: 'red', host: 'alpha' });
    await present.until(lines => lines.some(({ name }) => name === 'p3'));
    expect(new Set(present.lines.map(({ name }) => name))).toEqual(new Set(['p3']));
    red.close();
  });

  it('hosts that fall silent and come back are told of, with their VMs', async () => {
    await gateway.ok('post', '/v1/vms', { name: 'h1', host: 'alpha' });
    await gateway.operate('post', '/v1/vms/h1:start');
    const { until } = watching('events', await events.latest());
    alpha.stop();
    await until(all => all.some(({ name, state }) => name === 'alpha' && state === 'NOT_READY'));
    await until(all =>
      all.some(({ name, before, state }) => name === 'h1' && before === 'RUNNING' && state === 'ERROR'),
    );
    alpha.start();
    await until(all =>
      all.some(({ name, state, reason }) => name === 'alpha' && state === 'READY' && reason !== ''),
    );
  });

  it('VMs of a host that is seen for the first time were not lost before', async () => {
    await gateway.until(async () => (await gateway.hostState('alpha')) === 'READY');
    await gateway.ok('post', '/v1/vms', { name: 'h2', host: 'alpha' });
    await gateway.operate('post', '/v1/vms/h2:start');
    await gateway.restart(async () => {
      await gateway.dataSource.query(`DELETE FROM event WHERE kind = 'host'`);
    });
    client.close();
    client = new Client({ url: `http://127.0.0.1:${gateway.port}`, token: gateway.token });
    // What is said next is said after all that this had to say.
    await gateway.until(async () => (await log('&kind=host')).some(({ state }) => state === 'READY'));
    alpha.stop();
    await gateway.until(async () => (await events.lastOf('vm', 'h2')) === 'ERROR');
    alpha.start();
    expect(steps(await log('&vm=h2&kind=vm'))).toEqual(['>STOPPED', 'STOPPED>RUNNING', 'RUNNING>ERROR']);
  });

  it.each([
    ['99999999999', 400, 'INVALID_REQUEST', 'there is no event 99999999999 yet'],
    ['x', 400, 'INVALID_REQUEST', 'resourceVersion'],
  ])('a watch from %s is refused with %d', async (place, status, code, words) => {
    const response = await gateway.call('get', `/v1/vms:watch?resourceVersion=${place}`);
    expect([response.status, response.body.code]).toEqual([status, code]);
    expect(response.body.detail).toContain(words);
  });

  it('old ones are forgotten, and a watch from before that is refused with 410', async () => {
    const [oldest] = (await log()).slice(-1);
    const latest = await events.latest();
    await events.prune(new Date(0), 5);
    expect(await log()).toHaveLength(5);
    const response = await gateway.call('get', `/v1/vms:watch?resourceVersion=${oldest!.resourceVersion}`);
    expect([response.status, response.body.code]).toEqual([410, 'RESOURCE_VERSION_TOO_OLD']);
    await events.prune(new Date(Date.now() + 60_000), 5);
    // The latest stays, so that who has seen it goes on.
    expect(await events.latest()).toBe(latest);
    expect(await events.after(latest, { limit: 5 })).toEqual([]);
    const { until } = watching('vms', oldest!.resourceVersion);
    await until(all => all.some(({ type }) => type === 'PRESENT'));
  });

  describe('a reader', () => {
    const feed = {
      state: 0,
      grown: () => new Promise(resolve => setImmediate(resolve)),
    } as unknown as EventFeed;
    const stream = (out: PassThrough, more: object = {}) =>
      new WatchStream({
        ...{
          out,
          events,
          feed,
          steps: new WatchSteps(events, feed),
          project: null,
          after: undefined,
          bookmarkMs: 0,
        },
        watched: { present: async () => [], lines: async all => all, bookmark: place => ({ place }) },
        ...more,
      });

    it('that is slow holds up the reading of the log, and misses nothing', async () => {
      const out = new PassThrough({ highWaterMark: 1 });
      const place = await events.latest();
      for (let n = 0; n < 300; n++)
        await events.log({
          kind: 'host',
          name: `n${n}`,
          vm: null,
          project: null,
          before: null,
          state: 'DECLARED',
          reason: 'x'.repeat(1000),
        });
      const watch = stream(out, { after: place });
      await watch.open();
      await gateway.until(async () => out.writableNeedDrain);
      // Two readings of the three that there are.
      expect(out.writableLength + out.readableLength).toBeLessThan(201 * 1300);
      let text = '';
      out.setEncoding('utf8').on('data', (part: string) => (text += part));
      await gateway.until(async () => text.includes('"n299"'));
      expect(text.match(/"name":"n\d+"/g)).toHaveLength(300);
      watch.end();
      await watch.ended;
    });

    it('that vanishes ends its watch; one where nothing happens is told how far it is', async () => {
      const out = new PassThrough();
      const watch = stream(out);
      await watch.open();
      await gateway.until(async () => String(out.read() ?? '').includes('"place"'));
      out.destroy();
      await watch.ended;
    });
  });
});
