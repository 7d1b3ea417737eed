import { V3Error, type Announcement, type Call } from '@v3vee/contracts';
import { ensureNats, resolvePaths, startNats, type NatsServer } from '@v3vee/setup';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { Bus } from './bus';

const echo: Call<z.ZodObject<{ n: z.ZodInt }>, z.ZodObject<{ twice: z.ZodInt }>> = {
  subject: 'test.{host}.echo',
  request: z.object({ n: z.int() }),
  response: z.object({ twice: z.int() }),
  timeoutMs: 2_000,
};
const news: Announcement<z.ZodObject<{ text: z.ZodString }>> = {
  subject: 'news.{host}',
  message: z.object({ text: z.string() }),
};

let server: NatsServer;
let dir: string;
let bus: Bus;
let notices: string[];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'v3-bus-'));
  server = await startNats({ program: await ensureNats({ cache: resolvePaths().cache }), dir });
});
afterAll(async () => {
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});
beforeEach(async () => {
  notices = [];
  bus = await Bus.connect({ url: server.url, name: 'test', onNotice: text => notices.push(text) });
});
afterEach(() => bus.close());

const until = async (condition: () => boolean) => {
  while (!condition()) await new Promise(resolve => setTimeout(resolve, 5));
};

describe('a call', () => {
  it('is answered by the host that it names', async () => {
    bus.serve(echo, 'alpha', ({ n }) => ({ twice: 2 * n }));
    bus.serve(echo, 'beta', ({ n }) => ({ twice: 20 * n }));
    expect(await bus.call(echo, 'beta', { n: 4 })).toEqual({ twice: 80 });
  });

  it('brings back the error that was thrown, with its code and fields', async () => {
    bus.serve(echo, 'alpha', () => {
      throw new V3Error('VM_NOT_FOUND', 'no such', { fields: [{ path: 'a', message: 'b' }] });
    });
    await expect(bus.call(echo, 'alpha', { n: 1 })).rejects.toMatchObject({
      code: 'VM_NOT_FOUND',
      message: 'no such',
      fields: [{ path: 'a', message: 'b' }],
    });
  });

  it('never reaches the handler when it does not fit the contract', async () => {
    const handler = jest.fn();
    bus.serve(echo, 'alpha', handler);
    await expect(bus.call(echo, 'alpha', { n: 'x' } as never)).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
    });
    expect(handler).not.toHaveBeenCalled();
  });

  it('says whether nobody serves it, or it took too long, or was given up', async () => {
    await expect(bus.call(echo, 'nobody', { n: 1 })).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    bus.serve(echo, 'slow', () => new Promise(() => undefined));
    await expect(bus.call(echo, 'slow', { n: 1 }, { timeoutMs: 30 })).rejects.toMatchObject({
      code: 'TIMEOUT',
    });
    const abort = new AbortController();
    const given = bus.call(echo, 'slow', { n: 1 }, { signal: abort.signal });
    abort.abort(new V3Error('HOST_NOT_READY', 'gone'));
    await expect(given).rejects.toMatchObject({ code: 'HOST_NOT_READY' });
  });

  it('may be one of many that one signal gives up', async () => {
    bus.serve(echo, 'slow', () => new Promise(() => undefined));
    const abort = new AbortController();
    const listening = jest.spyOn(abort.signal, 'addEventListener');
    const given = Array.from({ length: 20 }, (_, n) =>
      bus.call(echo, 'slow', { n }, { signal: abort.signal }),
    );
    abort.abort(new V3Error('HOST_NOT_READY', 'gone'));
    for (const call of given) await expect(call).rejects.toMatchObject({ code: 'HOST_NOT_READY' });
    // More than ten would be taken for a leak.
    expect(listening).toHaveBeenCalledTimes(1);
  });
});

describe('an announcement', () => {
  it('tells who sent it, and an invalid one is dropped and counted', async () => {
    const heard: [string, string][] = [];
    bus.listen(news, '*', ({ text }, host) => {
      heard.push([text, host]);
      if (text === 'bad listener') throw new Error('listener failed');
    });
    bus.publishRaw('news.alpha', new TextEncoder().encode('{not json'));
    bus.publishRaw('news.alpha', new TextEncoder().encode('{"text": 1}'));
    bus.announce(news, 'alpha', { text: 'bad listener' });
    bus.announce(news, 'beta', { text: 'hello' });
    await until(() => heard.length === 2);
    expect(heard).toEqual([
      ['bad listener', 'alpha'],
      ['hello', 'beta'],
    ]);
    expect(bus.invalid).toBe(3);
    expect(notices.length).toBe(3);
  });
});

it('hands out raw bytes whose slices are copies, so that they can be moved to a thread', async () => {
  const received: number[] = [];
  bus.subscribeRaw('raw', bytes => {
    const copy = bytes.slice();
    structuredClone(copy, { transfer: [copy.buffer as ArrayBuffer] });
    received.push(bytes[0] as number);
  });
  // Several in one chunk of the connection: the first one's copy must not take the others along.
  for (let i = 0; i < 10; i++) bus.publishRaw('raw', Uint8Array.of(i, 1, 2, 3));
  await until(() => received.length === 10);
  expect(received).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(bus.connected).toBe(true);
});

it('tells what became of raw bytes', async () => {
  expect(await bus.deliverRaw('raw', Uint8Array.of(1), 2_000)).toBe('nobody');
  let received = 0;
  const listener = bus.subscribeRaw('raw', bytes => {
    received += bytes.length;
    if (bytes.length > 1) throw new Error('too many');
  });
  expect([await bus.deliverRaw('raw', Uint8Array.of(1), 2_000), received]).toEqual(['taken', 1]);
  expect(await bus.deliverRaw('raw', Uint8Array.of(1, 2), 30)).toBe('unknown');
  listener.stop();
});

it('lives through a killed server that comes back', async () => {
  bus.serve(echo, 'alpha', ({ n }) => ({ twice: 2 * n }));
  let back = 0;
  bus.onReconnect(() => back++);
  process.kill(server.pid, 'SIGKILL');
  await server.exited;
  await until(() => !bus.connected);
  server = await startNats({
    program: await ensureNats({ cache: resolvePaths().cache }),
    dir,
    port: server.port,
  });
  await until(() => back === 1);
  expect(await bus.call(echo, 'alpha', { n: 21 })).toEqual({ twice: 42 });
});

it('says so when there is no server', async () => {
  await expect(Bus.connect({ url: 'nats://user:secret@127.0.0.1:1', name: 'x' })).rejects.toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
    message: expect.not.stringContaining('secret'),
  });
});

it('answers raw bytes when they were taken in, or with what went wrong', async () => {
  const taken: number[] = [];
  bus.serveRaw('take', async bytes => {
    if (bytes.length > 1) throw new V3Error('INVALID_REQUEST', 'one byte, not more');
    taken.push(bytes[0]!);
  });
  await bus.requestRaw('take', Uint8Array.of(7), { timeoutMs: 2_000 });
  expect(taken).toEqual([7]);
  await expect(bus.requestRaw('take', Uint8Array.of(1, 2), { timeoutMs: 2_000 })).rejects.toMatchObject({
    code: 'INVALID_REQUEST',
    message: 'one byte, not more',
  });
  await expect(bus.requestRaw('nobody', Uint8Array.of(1), { timeoutMs: 2_000 })).rejects.toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
  });
});
