import { context, propagation, trace } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
  TraceIdRatioBasedSampler,
  type Sampler,
} from '@opentelemetry/sdk-trace-node';
import { V3Error } from '@v3vee/contracts';
import fc from 'fast-check';
import {
  beginSpan,
  contextHeaders,
  inSpan,
  isInTrace,
  logFields,
  remoteContext,
  switchTracing,
  traceHeaders,
} from '.';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = `00-${TRACE}-b7ad6b7169203331-01`;
const of =
  (headers: Record<string, string>) =>
  (name: string): string | undefined =>
    headers[name];

const exporter = new InMemorySpanExporter();
function start(sampler?: Sampler): void {
  const provider = new NodeTracerProvider({ sampler, spanProcessors: [new SimpleSpanProcessor(exporter)] });
  provider.register({ propagator: new W3CTraceContextPropagator() });
  switchTracing(true);
}
afterEach(() => {
  switchTracing(false);
  for (const api of [trace, context, propagation]) api.disable();
  exporter.reset();
});

describe('while tracing is off', () => {
  it('work is done, nothing is made of it, and no header is read or written', async () => {
    let asked = 0;
    const headerOf = (name: string) => (asked++, of({ traceparent: PARENT })(name));
    expect(remoteContext(headerOf)).toBeUndefined();
    expect(asked).toBe(0);
    const seen = await inSpan('x', {}, async () => [
      isInTrace(),
      traceHeaders(),
      contextHeaders(),
      logFields(),
    ]);
    expect(seen).toEqual([false, undefined, {}, {}]);
    expect(beginSpan('a')).toBe(beginSpan('b'));
    await expect(inSpan('x', {}, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  });
});

describe('while tracing is on', () => {
  it('what is done in a span is of it, for as long as it lasts', async () => {
    start();
    let later = () => ({});
    await inSpan('outer', {}, async () => {
      later = context.bind(context.active(), () => ({
        in: isInTrace(),
        headers: traceHeaders(),
        log: logFields(),
      }));
      expect(later()).toMatchObject({
        in: true,
        headers: { traceparent: expect.stringMatching(/^00-.*-01$/) },
      });
      await inSpan('inner', {}, async () => undefined);
    });
    expect(later()).toEqual({ in: false, headers: undefined, log: {} });
    const [inner, outer] = exporter.getFinishedSpans();
    expect(inner?.parentSpanContext?.spanId).toBe(outer?.spanContext().spanId);
  });

  it('a failure is told by its code, and not by its words', async () => {
    start();
    const error = new V3Error('VM_NOT_FOUND', 'no secret-vm');
    await expect(inSpan('x', {}, () => Promise.reject(error))).rejects.toBe(error);
    await expect(inSpan('y', {}, () => Promise.reject(new Error('secret')))).rejects.toThrow('secret');
    const [x, y] = exporter.getFinishedSpans();
    expect(x).toMatchObject({ status: { code: 2 }, attributes: { 'error.type': 'VM_NOT_FOUND' } });
    expect(y).toMatchObject({ status: { code: 2 }, attributes: { 'error.type': 'INTERNAL' } });
    expect(JSON.stringify([x, y].map(span => [span?.status, span?.attributes, span?.events]))).not.toContain(
      'secret',
    );
  });

  it('an ended span is left as it is', () => {
    start();
    const span = beginSpan('x');
    span.end();
    span.set({ a: 1 });
    span.name('y');
    span.end(new Error('late'));
    expect(exporter.getFinishedSpans()).toHaveLength(1);
    expect(exporter.getFinishedSpans()[0]).toMatchObject({ name: 'x', status: { code: 0 }, attributes: {} });
  });

  it('a trace that is not sampled sends no header on the bus, and is not begun anew within the process', async () => {
    start(new TraceIdRatioBasedSampler(0));
    await inSpan('x', {}, async () => {
      expect([isInTrace(), traceHeaders(), logFields()]).toEqual([false, undefined, {}]);
      expect(contextHeaders()).toEqual({ traceparent: expect.stringMatching(/-00$/) });
    });
  });
});

describe('headers from outside', () => {
  beforeEach(() => start());
  const parentOf = (headers: Record<string, string>) => {
    const parent = remoteContext(of(headers));
    return parent && trace.getSpanContext(parent);
  };

  it('are a parent where they are as W3C has them', () => {
    expect(parentOf({ traceparent: PARENT, tracestate: 'a=1,b=2' })).toMatchObject({
      traceId: TRACE,
      spanId: 'b7ad6b7169203331',
      traceFlags: 1,
      isRemote: true,
    });
    // A later version may have more.
    expect(parentOf({ traceparent: `01${PARENT.slice(2)}-more` })?.traceId).toBe(TRACE);
    expect(parentOf({ traceparent: PARENT, tracestate: 'a=1,b=2' })?.traceState?.serialize()).toBe('a=1,b=2');
  });

  it.each([
    ['empty', ''],
    ['no trace', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`],
    ['no span', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['capitals', PARENT.toUpperCase()],
    ['a version that never is', `ff${PARENT.slice(2)}`],
    ['more than the version has', `${PARENT}-more`],
    ['two of them', `${PARENT}, ${PARENT}`],
    ['too long', `01${PARENT.slice(2)}-${'x'.repeat(1_000_000)}`],
  ])('are as if they were not there: %s', (_, traceparent) => {
    expect(parentOf({ traceparent })).toBeUndefined();
  });

  it('never throw, and never are more than an id', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (traceparent, tracestate) => {
        const parent = parentOf({ traceparent, tracestate });
        expect(parent === undefined || /^[\da-f]{32}$/.test(parent.traceId)).toBe(true);
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 2_000 }), tracestate => {
        const state = parentOf({ traceparent: PARENT, tracestate })?.traceState?.serialize() ?? '';
        expect(state.length).toBeLessThanOrEqual(512);
        expect(state).not.toMatch(/[\r\n]/);
      }),
    );
    const throwing = () => {
      throw new Error('a header that is none');
    };
    expect(remoteContext(throwing)).toBeUndefined();
  });
});
