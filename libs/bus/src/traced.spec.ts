import { context, propagation, trace } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import { V3Error, type Call } from '@v3vee/contracts';
import { ensureNats, resolvePaths, startNats, type NatsServer } from '@v3vee/setup';
import { inSpan, isInTrace, switchTracing } from '@v3vee/tracing';
import { connect, headers, type Msg, type NatsConnection } from 'nats';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { Bus } from './bus';

const echo: Call<z.ZodObject<{ n: z.ZodInt }>, z.ZodObject<{ n: z.ZodInt }>> = {
  subject: 'test.{host}.echo',
  request: z.object({ n: z.int() }),
  response: z.object({ n: z.int() }),
  timeoutMs: 5_000,
};
const often = { ...echo, subject: 'test.{host}.often', isFrequent: true } as const;
const TRACE = '0af7651916cd43dd8448eb211c80319c';

let dir: string;
let server: NatsServer;
/** Two processes, as it were, and who looks on. */
let [gateway, palacios]: Bus[] = [];
let raw: NatsConnection;
let seen: Msg[];
const exporter = new InMemorySpanExporter();

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'v3-bus-'));
  server = await startNats({ program: await ensureNats({ cache: resolvePaths().cache }), dir });
  [gateway, palacios] = await Promise.all(
    ['gateway', 'palacios'].map(name => Bus.connect({ url: server.url, name })),
  );
  raw = await connect({ servers: server.url });
  raw.subscribe('test.>', { callback: (_, message) => seen.push(message) });
  palacios!.serve(echo, 'alpha', async ({ n }) => {
    if (n < 0) throw new V3Error('VM_NOT_FOUND', 'no such');
    // What a handler asks is of the same trace.
    return n > 0 ? palacios!.call(echo, 'alpha', { n: n - 1 }) : { n: isInTrace() ? 1 : 0 };
  });
  palacios!.serve(often, 'alpha', () => ({ n: isInTrace() ? 1 : 0 }));
});
afterAll(async () => {
  await Promise.all([gateway!.close(), palacios!.close(), raw.close()]);
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});
beforeEach(() => {
  seen = [];
  exporter.reset();
});
const on = () => {
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  provider.register({ propagator: new W3CTraceContextPropagator() });
  switchTracing(true);
};
afterEach(() => {
  switchTracing(false);
  for (const api of [trace, context, propagation]) api.disable();
});
const headersSeen = async () => {
  await gateway!.flush();
  await raw.flush();
  return seen.map(message => message.headers?.get('traceparent'));
};

it('carries a trace from who asks through who answers to whom that asks', async () => {
  on();
  expect(await inSpan('work', {}, () => gateway!.call(echo, 'alpha', { n: 1 }))).toEqual({ n: 1 });
  const spans = exporter.getFinishedSpans();
  const work = spans.find(({ name }) => name === 'work')!;
  expect(new Set(spans.map(span => span.spanContext().traceId))).toEqual(
    new Set([work.spanContext().traceId]),
  );
  // In the order in which they began, each is the child of the one before.
  const chain = [work];
  for (
    let next;
    (next = spans.find(each => each.parentSpanContext?.spanId === chain.at(-1)!.spanContext().spanId));
  )
    chain.push(next);
  const [ask, serve] = ['ask test.{host}.echo', 'serve test.{host}.echo'];
  expect(chain.map(({ name }) => name)).toEqual(['work', ask, serve, ask, serve]);
  expect(chain.map(({ kind }) => kind)).toEqual([0, 2, 1, 2, 1]);
  expect(chain[2]!.attributes).toEqual({
    'messaging.system': 'nats',
    'messaging.destination.name': 'test.alpha.echo',
    'messaging.destination.template': 'test.{host}.echo',
  });
  expect(await headersSeen()).toEqual(
    [chain[1]!, chain[3]!].map(span => `00-${span.spanContext().traceId}-${span.spanContext().spanId}-01`),
  );
});

it('has the code of an error on both sides', async () => {
  on();
  await expect(inSpan('work', {}, () => gateway!.call(echo, 'alpha', { n: -1 }))).rejects.toThrow('no such');
  const codes = exporter
    .getFinishedSpans()
    .map(({ attributes, status }) => [attributes['error.type'], status.code]);
  expect(codes).toEqual([1, 2, 3].map(() => ['VM_NOT_FOUND', 2]));
});

it('begins no trace by itself, and none for what is asked too often', async () => {
  on();
  expect(await gateway!.call(echo, 'alpha', { n: 0 })).toEqual({ n: 0 });
  await inSpan('work', {}, async () => {
    expect(await gateway!.call(often, 'alpha', { n: 0 })).toEqual({ n: 0 });
    gateway!.publishRaw('test.alpha.frames', new Uint8Array([1]));
  });
  expect(exporter.getFinishedSpans().map(({ name }) => name)).toEqual(['work']);
  expect(await headersSeen()).toEqual([undefined, undefined, undefined]);
});

it('adds no header and looks at none while tracing is off', async () => {
  expect(await inSpan('work', {}, () => gateway!.call(echo, 'alpha', { n: 0 }))).toEqual({ n: 0 });
  expect(await headersSeen()).toEqual([undefined]);
  expect(await ask({ traceparent: `00-${TRACE}-b7ad6b7169203331-01` })).toEqual({ ok: { n: 0 } });
});

/** As anybody could who is let in. */
async function ask(values: Record<string, string>): Promise<unknown> {
  const all = headers();
  for (const [name, value] of Object.entries(values)) all.set(name, value);
  const { data } = await raw.request('test.alpha.echo', JSON.stringify({ n: 0 }), {
    timeout: 5_000,
    headers: all,
  });
  return JSON.parse(new TextDecoder().decode(data));
}

it('answers whatever is in the headers, and takes a trace only from what is one', async () => {
  on();
  const parent = `00-${TRACE}-b7ad6b7169203331-01`;
  const garbage = [
    '',
    'x',
    `${parent}-1`,
    parent.toUpperCase(),
    `01${parent.slice(2)}-${'x'.repeat(100_000)}`,
  ];
  for (const traceparent of garbage) expect(await ask({ traceparent })).toEqual({ ok: { n: 0 } });
  expect(exporter.getFinishedSpans()).toEqual([]);
  expect(await ask({ traceparent: parent, tracestate: '=,'.repeat(50_000) })).toEqual({ ok: { n: 1 } });
  expect(exporter.getFinishedSpans().map(span => span.spanContext().traceId)).toEqual([TRACE]);
});
